#!/usr/bin/env python3
"""A provider of endless slow streams, for the rows of many open streams: `source.py PORT`.

Each stream gets an event every 500 ms, and each event carries the time of its leaving in nanoseconds (of the clock by which the
kernel stamps what comes), which the simulated providers of the program do not do. The streams take turns, so that the events of
all come evenly spread.
"""
import collections
import select
import socket
import sys
import time

PAUSE_SECONDS = 0.5
HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
EVENT = ('data: {"id":"chatcmpl-source","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-2024-08-06",'
         '"choices":[{"index":0,"delta":{"content":"%d"},"finish_reason":null}]}\n\n')


def event():
    text = (EVENT % time.time_ns()).encode()
    return b"%x\r\n%b\r\n" % (len(text), text)


class Source:
    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listener.setblocking(False)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.clients, self.asked = {}, {}
        self.due = collections.deque()   # (when, file descriptor, connection), the earliest first

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except BlockingIOError:
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients[client.fileno()], self.asked[client.fileno()] = client, b""
            self.poll.register(client, select.EPOLLIN)

    def read(self, descriptor):
        client = self.clients[descriptor]
        try:
            data = client.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.leave(descriptor)
            return
        asked = self.asked[descriptor] = self.asked[descriptor] + data
        head, blank, body = asked.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if blank and len(body) >= length:
            self.asked[descriptor] = b""
            client.send(HEAD + event())
            self.due.append((time.monotonic() + PAUSE_SECONDS, descriptor, client))

    def leave(self, descriptor):
        self.poll.unregister(descriptor)
        self.clients.pop(descriptor).close()
        self.asked.pop(descriptor)

    def run(self):
        while True:
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                when, descriptor, client = self.due.popleft()
                if self.clients.get(descriptor) is not client:
                    continue
                try:
                    client.send(event())
                except BlockingIOError:
                    pass
                except OSError:
                    self.leave(descriptor)
                    continue
                self.due.append((when + PAUSE_SECONDS, descriptor, client))
            wait = self.due[0][0] - time.monotonic() if self.due else 1.0
            for descriptor, _ in self.poll.poll(max(0.0, wait), 256):
                if descriptor == self.listener.fileno():
                    self.accept()
                elif descriptor in self.clients:
                    self.read(descriptor)


if __name__ == "__main__":
    try:
        Source(int(sys.argv[1])).run()
    except KeyboardInterrupt:
        pass
