"""Inputs to begin with, for each fuzz target: a few small ones that stand here, and those of the corpora and recordings
in the shared folder (AI_PROXY_SHARED), where it is at hand. A dictionary of the words they use goes with them.
"""
import base64
import collections
import hashlib
import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = pathlib.Path(os.environ.get("AI_PROXY_SHARED", ROOT / "../shared"))
CORPORA = SHARED / "data/corpora"
TRAFFIC = SHARED / "data/traffic"

# The first bytes of an input choose among these; the order is that of the targets' own tables.
DOORS = ["openai", "anthropic", "mistral", "responses", "embeddings", "mistral_embeddings", "token_count", "native"]
DIALECTS = ["openai", "anthropic", "mistral", "responses", "embeddings", "mistral_embeddings", "token_count"]
STATUSES = [200, 400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529, 302, 418, 999]
STREAM_DOORS = 5
ENDPOINTS = {
    ("openai", "chat.completions"): "openai", ("openai", "responses"): "responses", ("openai", "embeddings"): "embeddings",
    ("anthropic", "messages"): "anthropic", ("mistral", "chat.completions"): "mistral",
    ("mistral", "embeddings"): "mistral_embeddings"}

REQUESTS = [
    b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/chat?stream=true HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET",
    b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET http://[::1]:80/a?b HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"]
CHUNKS = [b"5\r\nhello\r\n0\r\n\r\n", b"0;a;b=c;d=\"e\\\"f\"\r\nX-Sum: abc\r\nY:\r\n\r\n", b"00f\r\n0123456789abcde\r\n0\r\n\r\nrest"]
REPLIES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end"]
STREAMS = [
    b"\xef\xbb\xbfevent: a\r\ndata: 1\r\ndata: 2\r\nid: 3\r\nretry: 10\r\n\r\n: comment\n\ndata\n\n", b"data: x\r\rdata:y\r\n\r\n"]
URLS = [
    b"https://api.openai.com/v1/", b"http://[::1]:8080/a/b", b"Sun, 06 Nov 1994 08:49:37 GMT", b"/v1/chat?stream=true&a=%20+b",
    b"http://user@host:0/?q#f", b"example.com:443", b"*"]
JSONS = [
    b'{"a":[1,-0.0,1e5,true,false,null,"\\u00e9\\ud83d\\ude00\\n"],"b":{"a":{}}}', b'[[[]]]', b'"x"', b' 1 ', b'{"a":1,"a":2}',
    '{"é":"\U0001f600"}'.encode()]
REDIS = [
    b"+OK\r\n$5\r\nhello\r\n$-1\r\n-ERR no\r\n$0\r\n\r\n", b"+PONG\r\n:1\r\n", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"-LOADING Redis\r\n"]
PRICES = ('{"schema":"ai-proxy-prices/1","as_of":"2026-11-23","currency":"USD","unit":"USD per 1,000,000 tokens","models":['
          '{"provider":"openai","model":"m","prices":{"input":"1","output":"2.5"}}]}').encode()

CHAT = {
    "openai": {"model": "m", "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": [
            {"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": "auto", "stream": True, "max_tokens": 5, "temperature": 0.5, "stop": ["x"], "seed": 1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}},
    "anthropic": {"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
                  "messages": [
                      {"role": "user", "content": "hi"},
                      {"role": "assistant", "content": [
                          {"type": "thinking", "thinking": "t", "signature": "x"},
                          {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}]},
                      {"role": "user", "content": [
                          {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "r"}]}]}],
                  "tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"},
                  "thinking": {"type": "enabled", "budget_tokens": 1024}, "stop_sequences": ["x"], "stream": False},
    "responses": {"model": "m", "instructions": "i", "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "o"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}], "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}}},
    "embeddings": {"model": "m", "input": ["a", "b"], "encoding_format": "float"},
    "native": {"provider": "openai", "model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "stream": True}}
CHAT["mistral"] = CHAT["openai"]
CHAT["mistral_embeddings"] = CHAT["embeddings"]
CHAT["token_count"] = CHAT["anthropic"]

ANSWERS = {
    "openai": {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    "anthropic": {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [
        {"type": "text", "text": "hi"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2}},
    "responses": {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}},
    "embeddings": {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
                   "usage": {"prompt_tokens": 1, "total_tokens": 1}},
    "token_count": {"input_tokens": 5}}
ANSWERS["mistral"] = ANSWERS["openai"]
ANSWERS["mistral_embeddings"] = ANSWERS["embeddings"]
ERRORS = [
    {"error": {"message": "no", "type": "invalid_request_error", "param": "messages[0]", "code": "context_length_exceeded"}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req"},
    {"object": "error", "message": {"detail": [{"loc": ["body", "messages", 0], "msg": "Field required"}]}, "type": "x", "code": 3051},
    {"detail": "Not found"}, "<html><title>502 Bad Gateway</title></html>"]


def events(*datas, named=False):
    lines = []
    for data in datas:
        name = f"event: {data['type']}\n" if named and isinstance(data, dict) else ""
        lines.append(f"{name}data: {data if isinstance(data, str) else json.dumps(data)}\n\n")
    return "".join(lines).encode()


def chunk(delta, finish=None, **more):
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


EVENT_STREAMS = {
    "openai": events(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "hi"}),
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), chunk({}, "tool_calls"),
        {"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}, "[DONE]"),
    "anthropic": events(
        {"type": "message_start", "message": {"id": "m", "model": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":1}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}}, {"type": "message_stop"},
        named=True),
    "responses": events(
        {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "i", "content": []}},
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "hi"},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "item_id": "f", "output_index": 1, "delta": "{}"},
        {"type": "response.completed", "response": {**ANSWERS["responses"]}}, named=True)}
EVENT_STREAMS["mistral"] = EVENT_STREAMS["openai"]

CONFIGS = [
    b"server:\n  port: 9000\nlimits:\n  body: 1MiB\ncache:\n  memory: 64MB\n  ttl: 10m\nlog: {level: debug}\n",
    b"providers:\n  openai:\n    api_key: SECRETKEY\n    headers: {x-team: blue}\n  mine:\n    base_url: http://127.0.0.1:1/v1\n"
    b"    dialect: openai\n    api_key_file: key\naliases:\n  fast: openai/gpt-4o\nprices: prices\n\x1e"
    b"PORT=1 # c\nexport OPENAI_API_KEY='SECRETKEY'\nX=\"a\\n\"\n\x1eREDIS_URL=rediss://u:SECRETKEY@h:1/2\nAI_PROXY_THREADS=2\n"]

WORDS = {  # where the inputs themselves tell too little
    "request_reader_fuzz": ["GET ", "POST ", "OPTIONS * ", "CONNECT a:1 ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "\r\n\r\n",
                            "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n",
                            "Expect: 100-continue\r\n", "Connection: keep-alive\r\n", "Connection: close\r\n", "http://a", "Content-Encoding: gzip\r\n"],
    "request_chunks_fuzz": ["\r\n", "0\r\n\r\n", ";a=b", ";a=\"", "\\\"", "ffffffff", "X: y\r\n"],
    "reply_reader_fuzz": ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 ", "HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 204 \r\n", " 304 ", "Content-Length: ",
                          "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "0\r\n\r\n", "\r\n\r\n", "1\r\nx\r\n"],
    "sse_reader_fuzz": ["data:", "data: ", "event: ", "id: ", "retry: ", ":", "\r\n", "\n\n", "\r\r", "\xef\xbb\xbf"],
    "redis_protocol_fuzz": ["+OK\r\n", "-ERR ", "$-1\r\n", "$0\r\n\r\n", "*1\r\n", "*-1\r\n", ":1\r\n", "$5\r\nhello\r\n", "_\r\n", "%1\r\n", ",1.5\r\n"],
    "url_fuzz": ["http://", "https://", "/v1", "[::1]", ":8080", "%2F", "@", "?", "#", "Mon, ", " Jan ", " GMT", "00:00:00"]}


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else json.dumps(value).encode()


def json_file(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def raw_files(folder, pattern="*.http"):
    return [path.read_bytes() for path in sorted(folder.rglob(pattern))]


def recordings():
    """The small varied subset: (dialect, recording)."""
    core = TRAFFIC / "CORE.txt"
    for name in core.read_text().split() if core.exists() else []:
        record = json_file(TRAFFIC / name)
        dialect = ENDPOINTS.get((record["provider"], record["endpoint"]))
        if dialect:
            yield dialect, record


def request_seeds():
    for name, body in CHAT.items():
        yield bytes([DOORS.index(name), 0, 0, 0]) + as_bytes(body)
        yield bytes([DOORS.index(name), 0xFF, 0xFF, 0xFF]) + as_bytes(body)
    for case in (json_file(CORPORA / "chat-requests/vectors.json") or {"cases": []})["cases"]:
        yield bytes([DOORS.index("openai"), 0, 0, 0]) + as_bytes(case["body"])
        yield bytes([DOORS.index("native"), 0, 0, 0]) + as_bytes(case["body"])
    for dialect, record in recordings():
        body = (record.get("request") or {}).get("body")
        if isinstance(body, dict):
            yield bytes([DOORS.index(dialect), 0, 0, 0]) + as_bytes(body)


def reply_seeds():
    for name, body in ANSWERS.items():
        yield bytes([DIALECTS.index(name), 0, 0]) + as_bytes(body)
    for status, body in zip([400, 529, 422, 404, 502], ERRORS):
        for dialect in range(4):
            yield bytes([dialect, STATUSES.index(status), 0x1F]) + b"2\n2500\ntrue\nreq_9\napplication/json\n" + as_bytes(body)
    for dialect, record in recordings():
        response = record["response"]
        if "body" in response:
            status = response["status"] if response["status"] in STATUSES else 400
            yield bytes([DIALECTS.index(dialect), STATUSES.index(status), 0]) + as_bytes(response["body"])
    for sample in json_file(TRAFFIC / "constructed_errors.json") or []:
        body = (sample.get("response") or {}).get("body")
        if body:
            yield bytes([DIALECTS.index(sample.get("provider", "openai")), STATUSES.index(429), 0]) + as_bytes(body)


def stream_seeds():
    for name, stream in EVENT_STREAMS.items():
        for door in range(STREAM_DOORS):
            yield bytes([DIALECTS.index(name), door, 1]) + stream
    for number, (dialect, record) in enumerate(recordings()):
        if "sse_raw" in record["response"] and DIALECTS.index(dialect) < 4:
            yield bytes([DIALECTS.index(dialect), number % STREAM_DOORS, number % 2]) + as_bytes(record["response"]["sse_raw"])


def json_seeds():
    yield from JSONS
    yield from raw_files(CORPORA / "jsontestsuite", "*.json")
    for vector in (json_file(CORPORA / "utf8/vectors.json") or {"vectors": []})["vectors"]:
        yield b'{"content":"a' + bytes.fromhex(vector["hex"]) + b'b"}'


def catalog_seeds():
    yield PRICES
    file = json_file(ROOT / "data/prices.json")
    for model in file["models"][::6]:
        yield as_bytes({**file, "models": [model]})


def config_seeds():
    yield from CONFIGS
    example = (ROOT / "ai-proxy.example.yaml").read_text()
    yield example.encode()
    # Section by section: small inputs are changed more.
    for section in re.split(r"\n(?=[a-z_]+:)", re.sub(r"(?m)^\s*#.*\n|\s+#.*$", "", example)):
        yield section.encode() + b"\n"


def entry_seeds():
    def text(part):
        return len(part).to_bytes(4, "little") + part
    for body in (b"{}", as_bytes(ANSWERS["openai"])):
        rest = (1_790_000_000_000).to_bytes(8, "little") + (600).to_bytes(8, "little")
        rest += b"".join(map(text, (b"openai", b"openai_chat", b"req_1", body)))
        # Every other one a stream of two events.
        first = len(body) // 2
        marks = [(first, 0), (len(body) - first, 20)] if len(body) % 2 else []
        rest += len(marks).to_bytes(4, "little") + b"".join(n.to_bytes(4, "little") for mark in marks for n in mark)
        # Under the key that the target takes: all zeros.
        checksum = hashlib.sha256(bytes(32) + rest).digest()[:16]
        yield b"APC4" + checksum + rest


def cost_seeds():
    for number in range(0, 200, 8):
        yield bytes([0, number, number % 10, number % 4, 0, 0, 0, 100, 50, 20, 10, 5, 0, 0, 0, 0, 0, 9]) + bytes(12) + b"gpt-4o"


def request_head_seeds():
    yield from REQUESTS
    yield from raw_files(CORPORA / "http1-requests")


def chunk_seeds():
    yield from CHUNKS
    for request in raw_files(CORPORA / "http1-requests"):
        head, _, body = request.partition(b"\r\n\r\n")
        if b"chunked" in head.lower() and body:
            yield body


def answer_seeds():
    yield from REPLIES
    yield from raw_files(CORPORA / "http1-responses")
    yield from raw_files(CORPORA / "http1-requests/llhttp/response")


def sse_seeds():
    yield from STREAMS
    for vector in (json_file(CORPORA / "sse/vectors.json") or {"vectors": []})["vectors"]:
        yield base64.b64decode(vector["stream_b64"])


# The longest input of each target, beside its seeds: beyond it only time is lost.
TARGETS = {
    "json_fuzz": (json_seeds, 4096), "request_reader_fuzz": (request_head_seeds, 4096), "request_chunks_fuzz": (chunk_seeds, 2048),
    "reply_reader_fuzz": (answer_seeds, 4096), "sse_reader_fuzz": (sse_seeds, 2048), "url_fuzz": (lambda: URLS, 512),
    "door_request_fuzz": (request_seeds, 8192), "provider_reply_fuzz": (reply_seeds, 8192),
    "provider_stream_fuzz": (stream_seeds, 8192), "cost_fuzz": (cost_seeds, 256), "catalog_fuzz": (catalog_seeds, 4096),
    "redis_protocol_fuzz": (lambda: REDIS, 1024), "entry_fuzz": (entry_seeds, 1024), "settings_fuzz": (config_seeds, 4096)}


def words_of(seeds):
    """Member names and short words, the most frequent ones: what a mutation would hardly guess."""
    counts = collections.Counter()
    for seed in seeds:
        counts.update(set(re.findall(rb'"[A-Za-z_.][A-Za-z0-9_.-]{1,40}":?', seed)))
    return [word.decode() for word, _ in counts.most_common(400)]


def quoted(word):
    text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\x{b:02X}" for b in word.encode("latin-1"))
    return f'"{text}"'


def write(target, folder):
    """Writes the seeds of a target into a fresh `folder`, and its dictionary beside it. -> (dictionary, which may be empty; longest input)"""
    seeds_of, longest = TARGETS[target]
    seeds = [seed for seed in seeds_of() if len(seed) <= longest]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for seed in seeds:
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    dictionary = folder.with_suffix(".dict")
    words = WORDS.get(target, []) + words_of(seeds)
    if target == "settings_fuzz":
        words += sorted({word for seed in seeds for word in re.findall(r"[A-Za-z_]{3,30}[:=] ?", seed.decode())})
    dictionary.write_text("".join(quoted(word) + "\n" for word in dict.fromkeys(words)))
    return dictionary, longest
