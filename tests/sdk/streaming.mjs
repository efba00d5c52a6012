// How each SDK reads a stream: [{name, api, text(url, model)}]. `text` asks the gateway at `url` and resolves with the answer's text;
// nothing is tried twice.
import { createOpenAI } from '@ai-sdk/openai';
import AnthropicCurrent from '@anthropic-ai/sdk';
import { ChatOpenAI } from '@langchain/openai';
import { Mistral } from '@mistralai/mistralai';
import { streamText } from 'ai';
import AnthropicPrevious from 'anthropic-previous';
import OpenAI from 'openai';
import OpenAIPrevious from 'openai-previous';

const question = 'Hello?';
const messages = [{ role: 'user', content: question }];

async function joined(stream, pick) {
  let all = '';
  for await (const event of stream) all += pick(event) ?? '';
  return all;
}

const openai = [['7', OpenAI], ['6', OpenAIPrevious]].flatMap(([version, Client]) => {
  const client = (url) => new Client({ apiKey: 'sk-client', baseURL: `${url}/v1`, maxRetries: 0 });
  return [
    {
      name: `openai ${version}`, api: 'chat',
      async text(url, model) {
        const chunks = await client(url).chat.completions.create({ model, messages, stream: true });
        return joined(chunks, (chunk) => chunk.choices[0]?.delta.content);
      },
    },
    {
      name: `openai ${version}`, api: 'responses',
      async text(url, model) {
        const events = await client(url).responses.create({ model, input: question, stream: true });
        return joined(events, (event) => (event.type === 'response.output_text.delta' ? event.delta : ''));
      },
    },
  ];
});

const anthropic = [['1', AnthropicCurrent], ['0.137', AnthropicPrevious]].map(([version, Client]) => ({
  name: `anthropic ${version}`, api: 'messages',
  async text(url, model) {
    const client = new Client({ apiKey: 'sk-client', baseURL: url, maxRetries: 0 });
    const message = await client.messages.stream({ model, max_tokens: 100, messages }).finalMessage();
    return message.content[0].text;
  },
}));

const mistral = {
  name: 'mistral', api: 'chat',
  async text(url, model) {
    const client = new Mistral({ apiKey: 'sk-client', serverURL: `${url}/mistral`, retryConfig: { strategy: 'none' } });
    return joined(await client.chat.stream({ model, messages }), (event) => event.data.choices[0]?.delta.content);
  },
};

const vercel = ['chat', 'responses'].map((api) => ({
  name: 'ai', api,
  async text(url, model) {
    let fault;
    const { textStream } = streamText({
      model: createOpenAI({ apiKey: 'sk-client', baseURL: `${url}/v1` })[api](model), prompt: question, maxRetries: 0,
      onError: ({ error }) => { fault = error; },   // the text ends there without a word
    });
    const text = await joined(textStream, (piece) => piece);
    if (fault) throw fault;
    return text;
  },
}));

const langchain = ['chat', 'responses'].map((api) => ({
  name: 'LangChain', api,
  async text(url, model) {
    const configuration = { baseURL: `${url}/v1` };
    const chat = new ChatOpenAI({ model, apiKey: 'sk-client', useResponsesApi: api === 'responses', maxRetries: 0, configuration });
    return joined(await chat.stream(question), (chunk) => chunk.text);
  },
}));

export const sdks = [...openai, ...anthropic, mistral, ...vercel, ...langchain];
