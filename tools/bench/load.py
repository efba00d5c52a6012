"""Load: wrk for requests, and readers of our own for streams and for connections that wait. All of it on the load core.

The figure is always the proxy's CPU time, so that a slow generator costs requests, not truth.
"""
import json
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import time

import machine

WRK = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
{headers}
wrk.body = [=[{body}]=]
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""
TIMEOUT_SECONDS = 45


def request_bytes(path, body, headers=None):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{fields}"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


class Answers:
    """A connection that asks and waits, one request after the other."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self.stream = self.socket.makefile("rb")

    def ask(self, request):
        self.socket.sendall(request)
        return self.read()

    def read(self):
        """Status, header fields in lower case, body."""
        status = self.stream.readline().split(b" ")
        if len(status) < 2:
            raise RuntimeError("the connection closed without an answer")
        fields = {}
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        if "content-length" in fields:
            return int(status[1]), fields, self.stream.read(int(fields["content-length"]))
        body = b""
        while (size := int(self.stream.readline(), 16)) > 0:
            body += self.stream.read(size)
            self.stream.readline()
        self.stream.readline()
        return int(status[1]), fields, body

    def close(self):
        self.stream.close()
        self.socket.close()


def check(program, path, body, headers=None, times=1, cache=None):
    """One request by hand: nobody is measured who does not answer, or not from where he should."""
    answers = Answers(program.port)
    try:
        for _ in range(times):
            status, fields, text = answers.ask(request_bytes(path, body, headers))
    finally:
        answers.close()
    if status != 200 or not text:
        raise RuntimeError(f"{program.name} answers {path} with {status}: {text[:200].decode(errors='replace')}")
    if cache and fields.get("x-cache") != cache:
        raise RuntimeError(f"{program.name} answers with x-cache: {fields.get('x-cache')}, not {cache}")


def wrk(folder, port, path, body, seconds, connections, headers=None):
    """Requests per second, latencies in us, errors; and how many requests there were."""
    script = pathlib.Path(folder) / "post.lua"
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in (headers or {}).items())
    script.write_text(WRK.format(body=json.dumps(body), headers=lines))
    output = subprocess.run(
        [machine.program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, f"http://127.0.0.1:{port}{path}"],
        capture_output=True, text=True, check=True, timeout=seconds + TIMEOUT_SECONDS,
        preexec_fn=lambda: os.sched_setaffinity(0, {machine.LOAD_CORE})).stdout
    requests, duration, p50, p99, errors = map(int, re.search(r"RESULT (.*)", output)[1].split())
    if requests == 0:
        raise RuntimeError("no request was answered")
    return {"requests": requests, "rps": requests / (duration / 1e6), "p50": p50, "p99": p99, "errors": errors}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Streams:
    """Open event streams, read as they come; one that ends is asked for again on its connection."""

    STAMP = b'"content":"'
    SO_TIMESTAMPNS = 35   # asm-generic/socket.h; Python has no name for it
    TIMESPEC = struct.Struct("@qq")

    def __init__(self, port, request, count, seconds=0.0, stamped=False):
        """Opens `count` streams spread over `seconds`. With `stamped` each event's content is when it left (source.py); when it
        came is told by the kernel, so that how soon we get to read it does not count."""
        self.port, self.request, self.stamped = port, request, stamped
        self.poll, self.sockets, self.tails, self.fresh = select.epoll(), {}, {}, set()
        self.events = self.errors = 0
        self.late_us = []
        begin = time.monotonic()
        for number in range(count):
            self.open()
            ahead = begin + seconds * (number + 1) / count - time.monotonic()
            if ahead > 0 or number % 50 == 49:   # what is open is read meanwhile
                self.read(max(0.0, ahead))

    def open(self):
        connection = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stamped:
            connection.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        connection.sendall(self.request)
        connection.setblocking(False)
        descriptor = connection.fileno()
        self.sockets[descriptor], self.tails[descriptor] = connection, b""
        self.fresh.add(descriptor)
        self.poll.register(descriptor, select.EPOLLIN)

    def wait(self):
        """Until every stream has begun and a moment longer; counts from then on."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.fresh:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(self.fresh)} streams have not begun")
            self.read(0.05)
        self.read(0.3)
        self.events, self.errors, self.late_us = 0, 0, []

    def read(self, seconds):
        end = time.monotonic() + seconds
        while True:
            for descriptor, _ in self.poll.poll(max(0.0, end - time.monotonic()), 512):
                self.take(descriptor)
            if time.monotonic() >= end:
                return

    def take(self, descriptor):
        connection = self.sockets[descriptor]
        try:
            data, came, _, _ = connection.recvmsg(65536, 64)
        except BlockingIOError:
            return
        except OSError:
            data, came = b"", []
        if not data:
            self.errors += 1
            self.poll.unregister(descriptor)
            self.sockets.pop(descriptor).close()
            self.open()
            return
        if descriptor in self.fresh:
            self.fresh.discard(descriptor)
            if not data.startswith(b"HTTP/1.1 200"):
                self.errors += 1
        self.events += data.count(b"data: {")
        if self.stamped:
            at = data.rfind(self.STAMP) + len(self.STAMP)
            stamp = data[at:data.find(b'"', at)]
            if stamp.isdigit() and came:
                seconds, nanoseconds = self.TIMESPEC.unpack(came[0][2][:self.TIMESPEC.size])
                self.late_us.append((seconds * 10**9 + nanoseconds - int(stamp)) / 1000)
            return
        tail = self.tails[descriptor] = (self.tails[descriptor] + data[-5:])[-5:]
        if tail == b"0\r\n\r\n":   # the stream's last chunk
            connection.sendall(self.request)
            self.tails[descriptor] = b""
            self.fresh.add(descriptor)

    def close(self):
        for connection in self.sockets.values():
            connection.close()
        self.sockets = {}
        self.poll.close()


def idle_connections(port, request, count):
    """So many connections, each of which has had one answer and waits since. Returns them; the caller closes them."""
    kept = []
    while len(kept) < count:
        some = [Answers(port) for _ in range(min(32, count - len(kept)))]
        kept += some
        for connection in some:
            connection.socket.sendall(request)
        for connection in some:
            status, *_ = connection.read()
            if status != 200:
                raise RuntimeError(f"connection {len(kept)} was answered with {status}")
    return kept
