// A stand-in for the usual gateway in Node: Fastify, zod, axios. It does what one does there and no more: checks the request, calls the
// provider, reads usage, works out a cost, writes an access line. For ./dev bench --peers.
//
// Usage: PORT=… PROVIDER=http://127.0.0.1:… node server.mjs >access.log
import http from "node:http";

import axios from "axios";
import Fastify from "fastify";
import { z } from "zod";

const PRICES = { "gpt-4o": { input: 2.5, output: 10 } }; // USD per million tokens

const Chat = z.looseObject({
  model: z.string().min(1),
  messages: z.array(z.looseObject({ role: z.enum(["system", "developer", "user", "assistant", "tool"]), content: z.any() })).min(1),
  stream: z.boolean().optional(),
  temperature: z.number().min(0).max(2).optional(),
  max_tokens: z.number().int().positive().optional(),
});

const provider = axios.create({
  baseURL: process.env.PROVIDER,
  headers: { authorization: "Bearer bench" },
  httpAgent: new http.Agent({ keepAlive: true, maxSockets: 256 }),
  validateStatus: () => true,
});

function cost(model, usage) {
  const price = PRICES[model];
  if (!price || !usage) return null;
  return ((usage.prompt_tokens * price.input + usage.completion_tokens * price.output) / 1e6).toFixed(9);
}

function log(request, model, status, usage, begin) {
  process.stdout.write(JSON.stringify({
    time: new Date().toISOString(), path: request.url, model, status, usage, cost_usd: cost(model, usage), ms: performance.now() - begin,
  }) + "\n");
}

// Every event is read on its way, for its usage, and written at once.
async function relay(events, reply) {
  let unfinished = "", usage = null;
  for await (const bytes of events) {
    const parts = (unfinished + bytes.toString("utf8")).split("\n\n");
    unfinished = parts.pop();
    for (const event of parts) {
      const data = event.startsWith("data: ") ? event.slice(6) : "";
      if (data && data !== "[DONE]") usage = JSON.parse(data).usage ?? usage;
      reply.raw.write(event + "\n\n");
    }
  }
  reply.raw.end();
  return usage;
}

const app = Fastify({ bodyLimit: 10 * 1024 * 1024, keepAliveTimeout: 300_000 });

app.get("/", async () => ({ status: "ok" }));

app.post("/v1/chat/completions", async (request, reply) => {
  const begin = performance.now();
  const checked = Chat.safeParse(request.body);
  if (!checked.success) return reply.code(400).send({ error: "Invalid request", details: checked.error.issues });
  const { model, stream } = checked.data;
  const answer = await provider.post("/v1/chat/completions", checked.data, { responseType: stream ? "stream" : "json" });
  if (!stream) {
    log(request, model, answer.status, answer.data.usage, begin);
    return reply.code(answer.status).send(answer.data);
  }
  reply.hijack();
  reply.raw.writeHead(answer.status, { "content-type": "text/event-stream; charset=utf-8" });
  const usage = await relay(answer.data, reply).catch(() => null);
  log(request, model, answer.status, usage, begin);
});

await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
