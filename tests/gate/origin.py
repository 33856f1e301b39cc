#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The service behind the gate: what it does is chosen by the request's path (origin_answers.py).

    origin.py PORT|PATH [--events FILE] [--idle MS] [--keep-alive FIELD] [--on-term die|ignore|EXITCODE[:MS]]
              [--listen-when FILE] [--exit-after MS:CODE] [--count FILE]

It reads HTTP leniently, and keeps every byte: each event is a line of JSON in FILE, with the monotonic time.

    start    {pid}                          it listens
    open     {connection}
    request  {connection, method, path, raw}   a head has come; raw is all of it, as Latin-1
    body     {connection, path, length, sha, raw}   the body has come whole; raw as it was on the wire
    answered {connection, path}             the answer was written
    frame    {connection, opcode, payload, fin}     of a WebSocket
    closed   {connection, how, total, left} by the other side (eof, reset), or by us; bytes that nobody parsed
    signal   {name}

SIGTERM ends it in the middle of everything, as with most services, or as --on-term says. SIGUSR1 lets the
requests go on that hold for it ("held"), those that come later too until SIGUSR2.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import resource
import signal
import sys
import time
from urllib.parse import parse_qsl, urlsplit

import origin_answers

MOST_RAW = 1 << 18  # bytes of a message that an event may carry


class Gone(Exception):
    """The other side has closed the connection."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Request:
    """A head, and a body that is read when somebody asks for it."""

    def __init__(self, connection, raw):
        self.connection, self.raw = connection, raw
        line, *fields = raw.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = (line.split(" ", 2) + ["", ""])[:3]
        self.fields = [tuple(part.strip() for part in field.partition(":")[::2]) for field in fields if ":" in field]
        url = urlsplit(self.target)
        self.path = url.path
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.body_raw = b""  # as on the wire, the first MOST_RAW bytes
        self.length, self.hash = 0, hashlib.sha256()
        self.whole = False

    def field(self, name, default=None):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else default

    def number(self, name, default=0):
        return int(self.query.get(name, default))

    def keep(self, wire, content=b""):
        if len(self.body_raw) < MOST_RAW:
            self.body_raw += wire[: MOST_RAW - len(self.body_raw)]
        self.length += len(content)
        self.hash.update(content)

    async def read_body(self):
        """Reads the body to its end, once."""
        if self.whole:
            return
        if self.field("Expect", "").lower() == "100-continue":
            await self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in self.field("Transfer-Encoding", "").lower():
            await self.read_chunks()
        else:
            left = int(re.match(r"\d*", self.field("Content-Length", "0"))[0] or 0)
            while left:
                data = await self.connection.some(left)
                self.keep(data, data)
                left -= len(data)
        self.whole = True
        raw = self.body_raw.decode("latin-1")
        self.connection.tell("body", path=self.path, length=self.length, sha=self.hash.hexdigest(), raw=raw)

    async def read_chunks(self):
        while True:
            line = await self.connection.upto(b"\r\n")
            self.keep(line)
            size = int(line.split(b";")[0], 16)
            if not size:
                break
            content = await self.connection.exactly(size)
            self.keep(content, content)
            self.keep(await self.connection.upto(b"\r\n"))
        while (line := await self.connection.upto(b"\r\n")) != b"\r\n":
            self.keep(line)
        self.keep(line)


class Connection:
    def __init__(self, origin, reader, writer):
        self.origin, self.reader, self.writer = origin, reader, writer
        origin.connections += 1
        self.number = origin.connections
        self.total = 0  # bytes received
        self.requests = 0
        self.buffer = bytearray()
        self.how = None
        self.socket = writer.get_extra_info("socket")
        self.tell("open")

    def tell(self, event, **fields):
        self.origin.tell(event, connection=self.number, **fields)

    async def fill(self):
        try:
            data = await self.reader.read(1 << 18)
        except ConnectionError:
            raise Gone("reset") from None
        if not data:
            raise Gone("eof")
        self.total += len(data)
        self.buffer += data

    async def upto(self, text):
        while text not in self.buffer:
            await self.fill()
        return self.take(self.buffer.index(text) + len(text))

    async def some(self, most):
        if not self.buffer:
            await self.fill()
        return self.take(most)

    async def exactly(self, count):
        while len(self.buffer) < count:
            await self.fill()
        return self.take(count)

    def take(self, count):
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    async def until_gone(self):
        """Reads what comes and drops it, until the other side closes: raises Gone."""
        while True:
            await self.some(1 << 18)

    async def write(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            raise Gone("reset") from None

    def reset(self):
        """Ends the connection with a reset."""
        self.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of no time
        self.writer.transport.abort()
        raise Gone("us, by a reset")

    async def request(self):
        idle = self.origin.options.idle if self.requests else 0  # the first may be slow in coming
        try:
            raw = await asyncio.wait_for(self.upto(b"\r\n\r\n"), idle / 1000 if idle else None)
        except asyncio.TimeoutError:
            raise Gone("us, idle") from None
        request = Request(self, raw)
        self.requests += 1
        self.tell("request", method=request.method, path=request.target, raw=raw.decode("latin-1"))
        return request

    async def serve(self):
        try:
            while await origin_answers.answer(await self.request()):
                pass
            self.how = "us"
        except Gone as gone:
            self.how = gone.how
        except Exception as mistake:  # a request that makes no sense to us: the events show it
            self.how = f"us, {type(mistake).__name__}: {mistake}"
        self.tell("closed", how=self.how, total=self.total, left=self.buffer[:MOST_RAW].decode("latin-1"))
        self.writer.close()


class Origin:
    def __init__(self, options):
        self.options = options
        self.connections = 0
        self.events = open(options.events, "a", buffering=1, encoding="utf-8") if options.events else None
        self.released = asyncio.Event()
        self.counter = os.open(options.count, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if options.count else None

    def tell(self, event, **fields):
        if self.events:
            self.events.write(json.dumps({"event": event, "time": time.monotonic(), **fields}) + "\n")

    def count(self):
        """A side effect: one byte for each request that asked for it."""
        os.write(self.counter, b".")

    def on_term(self):
        self.tell("signal", name="TERM")
        verdict, _, delay = self.options.on_term.partition(":")
        if verdict == "die":
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif verdict != "ignore":
            asyncio.get_running_loop().call_later(int(delay or 0) / 1000, os._exit, int(verdict))

    async def connected(self, reader, writer):
        await Connection(self, reader, writer).serve()

    async def listen(self):
        options = {"backlog": 4096, "limit": 1 << 17}
        while self.options.listen_when and not os.path.exists(self.options.listen_when):
            await asyncio.sleep(0.01)
        if self.options.address.isdigit():
            return await asyncio.start_server(self.connected, "127.0.0.1", int(self.options.address), **options)
        return await asyncio.start_unix_server(self.connected, self.options.address, **options)

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.on_term)
        loop.add_signal_handler(signal.SIGUSR1, self.released.set)
        loop.add_signal_handler(signal.SIGUSR2, self.released.clear)
        server = await self.listen()
        self.tell("start", pid=os.getpid())
        if self.options.exit_after:
            delay, _, code = self.options.exit_after.partition(":")
            loop.call_later(int(delay) / 1000, os._exit, int(code))
        async with server:
            await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--events")
    parser.add_argument("--idle", type=int, default=0, help="ms after which an idle connection is closed")
    parser.add_argument("--keep-alive", help="a Keep-Alive field for every answer")
    parser.add_argument("--on-term", default="die")
    parser.add_argument("--listen-when")
    parser.add_argument("--exit-after")
    parser.add_argument("--count")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    origin_answers.prepare()
    asyncio.run(Origin(parser.parse_args()).run())


if __name__ == "__main__":
    sys.exit(main())
