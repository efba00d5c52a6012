#!/usr/bin/env python3
"""Instructions that the gateway itself spends on a request, counted by valgrind: the same on a busy machine and a quiet one.

Usage: ./dev bench instructions [--update]. Fails when a scenario takes 5 % more than tools/bench/instructions.json says;
--update writes what was counted there. The kernel's work is not in it: `./dev bench` measures both.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("AI_PROXY_BINARY", ROOT / "build/release/ai-proxy"))
KNOWN = pathlib.Path(__file__).with_suffix(".json")
ALLOWED = 1.05
# What the start, the first connections and the end take falls out of the difference.
FEW, MANY = 100, 600

CHAT = {"model": "gpt-4o", "messages": [
    {"role": "system", "content": "You are a helpful assistant. Answer in one short paragraph."},
    {"role": "user", "content": "What is the difference between a process and a thread? " * 4}]}
CLAUDE = {**CHAT, "model": "claude-sonnet-4-6"}
NUMBER = "#NUMBER#"   # another one in each request
SCENARIOS = {
    "openai, passed through": ("/v1/chat/completions", CHAT, {}),
    "openai, native": ("/v1/chat", {"provider": "openai", **CHAT}, {}),
    "anthropic, native": ("/v1/chat", {"provider": "anthropic", **CLAUDE}, {}),
    "anthropic for an openai caller": ("/v1/chat/completions", CLAUDE, {}),
    "from the memory cache": ("/v1/chat/completions", CHAT, {"AI_PROXY_CACHE_MEMORY": "64MB"}),
    "not in the memory cache, and put there": ("/v1/chat/completions", {**CHAT, "user": NUMBER}, {"AI_PROXY_CACHE_MEMORY": "64MB"}),
    "openai stream, passed through": ("/v1/chat/completions", {**CHAT, "stream": True}, {}),
    "openai stream, others may join": ("/v1/chat/completions", {**CHAT, "stream": True, "user": NUMBER}, {"AI_PROXY_CACHE_MEMORY": "64MB"}),
    "anthropic stream for an openai caller": ("/v1/chat/completions", {**CLAUDE, "stream": True}, {}),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port, process):
    for _ in range(1500):
        if process.poll() is not None:
            sys.exit(f"instructions: {process.args[0]} ended with {process.returncode}")
        try:
            return socket.create_connection(("127.0.0.1", port), 60)
        except OSError:
            time.sleep(0.02)
    sys.exit(f"instructions: nobody listens on {port}")


def answer(stream):
    """Reads one answer: by its length, or chunk by chunk."""
    status = stream.readline()
    if b" 200 " not in status:
        sys.exit(f"instructions: {status!r}")
    length, chunked = 0, False
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.decode().lower().partition(":")
        if name == "content-length":
            length = int(value)
        chunked = chunked or name == "transfer-encoding"
    if not chunked:
        return stream.read(length)
    body = b""
    while (size := int(stream.readline(), 16)) > 0:
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def run(folder, provider, path, body, environment, requests, command):
    """A whole life of the gateway, with so many requests in it, one after the other; what it wrote to its standard error."""
    port, url = free_port(), f"http://127.0.0.1:{provider}"
    log = open(folder / "errors.out", "w+b")
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=log,
        cwd=folder, env={"PATH": os.environ["PATH"], "PORT": str(port), "AI_PROXY_THREADS": "1", "AI_PROXY_LOG_FILE": "gateway.log",
                         **{f"{name}_API_KEY": "bench" for name in ("OPENAI", "ANTHROPIC")},
                         **{f"{name}_BASE_URL": url for name in ("OPENAI", "ANTHROPIC")}, **environment})
    try:
        text = json.dumps(body)
        head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n")
        with connect(port, process) as client:
            stream = client.makefile("rb")
            for number in range(requests):
                client.sendall((head + text.replace(NUMBER, f"{number:0{len(NUMBER)}}")).encode())
                answer(stream)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    log.seek(0)
    return log.read()


def count(folder, provider, path, body, environment, requests):
    said = run(folder, provider, path, body, environment, requests, ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", BINARY])
    return int(re.search(rb"Collected : (\d+)", said)[1])


def main():
    update = sys.argv[1:] == ["--update"]
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    counted, worse = {}, []
    with tempfile.TemporaryDirectory(prefix="ai-proxy-instructions-") as name:
        folder, provider = pathlib.Path(name), free_port()
        simulator = subprocess.Popen([BINARY, "simulate", "--port", str(provider)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connect(provider, simulator).close()
            print(f"{'':40}{'instructions':>14}{'known':>10}")
            for scenario, what in SCENARIOS.items():
                few, many = (count(folder, provider, *what, requests) for requests in (FEW, MANY))
                counted[scenario] = (many - few) // (MANY - FEW)
                before = known.get(scenario)
                if before is None or counted[scenario] > before * ALLOWED:
                    worse.append(scenario)
                print(f"{scenario:40}{counted[scenario]:14,}{before or 0:10,}{'  more' if scenario in worse else ''}", flush=True)
        finally:
            simulator.terminate()
            simulator.wait(timeout=10)
    if update:
        KNOWN.write_text(json.dumps(counted, indent=2) + "\n")
    elif worse:
        sys.exit(f"instructions: more than {ALLOWED:.0%} of what is known for: {', '.join(worse)}. What was changed is "
                 "compiled without its profile: ./dev bench profile. If that is what it costs: ./dev bench instructions --update")


if __name__ == "__main__":
    main()
