# SPDX-License-Identifier: Apache-2.0
"""`curfew mcp` before tests/fixtures/mcp_child, on faces with and without TLS, and a client at the level of bytes:
it sends what a test says, and takes messages as they came. What the gateway itself can be asked is gate.py's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "gate"))

import json
import re

import wire
from gate import *

BOTH = [PLAIN, TLS]
JSON, EVENTS = "application/json", "text/event-stream"
PROTOCOL = "2025-06-18"


def child(*words):
    return [fixture("mcp_child"), *words]


class Mcp(Gate):
    """A gateway that is ready, with an admin face."""

    def __init__(self, face=PLAIN, options="", command=None, **more):
        super().__init__(face, options, command=command or child(), **more)

    def argv(self, options):
        arguments = ["--listen", self.listen, "--report", self.report_path]
        arguments += ["--admin", f"127.0.0.1:{self.admin}"] if self.admin else []
        arguments += ["--tls-cert", self.certificate[0], "--tls-key", self.certificate[1]] if self.certificate else []
        arguments += ["--grace", "20s", "--announce", "0s", "--eof-wait", "5s", "--term-wait", "5s"]  # what stands later wins
        return [curfew_path(), "mcp", *arguments, *shlex.split(options), "--", *self.command]

    def session(self, *fields, **options):
        return Session(self, *fields, **options)

    def sessions(self, count):
        return [self.session() for _ in range(count)]

    def keepers(self):
        return children(self.process.pid)

    def drain(self):
        """The signal, and on until it shows: calls that are in flight keep the listeners open."""
        began = self.signal()
        self.until_begun()
        return began

    def until_begun(self):
        until(lambda: (answer := self.ask_admin("/readyz")) is None or answer.status == 503, "the end has begun")


def message(method, params=None, id=None):
    """JSON text; params and id are such too."""
    members = ['"jsonrpc":"2.0"', f'"id":{id}' if id is not None else "", f'"method":{json.dumps(method)}']
    members.append(f'"params":{params}' if params is not None else "")
    return "{" + ",".join(member for member in members if member) + "}"


def post(body, *fields, session=None, path="/mcp", method="POST"):
    """The bytes of a request as a client makes it; fields replace what it would say."""
    own = {"Content-Type": JSON, "Accept": f"{JSON}, {EVENTS}"}
    if session:
        own["Mcp-Session-Id"] = session
    for field in fields:
        name, _, value = field.partition(": ")
        own[name] = value
    lines = [f"{name}: {value}" for name, value in own.items() if value]
    return wire.request(method, path, *lines, body=body.encode() if isinstance(body, str) else body, host="localhost")


def initialize(id=0, protocol=PROTOCOL):
    params = {"protocolVersion": protocol, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return message("initialize", json.dumps(params), id)


class Reply:
    """A whole answer: its messages, as text and as what it says."""

    def __init__(self, answer):
        self.status, self.answer = answer.status, answer
        kind = (answer.get("Content-Type") or "").split(";")[0]
        self.is_stream = kind == EVENTS
        if self.is_stream:
            self.texts = [event.data for event in parse_events(answer.body.decode()) if event.data]
        else:
            self.texts = [answer.body.decode()] if answer.body and kind == JSON else []
        self.messages = [json.loads(text) for text in self.texts]

    def only(self):
        assert self.status == 200 and len(self.messages) == 1, self.answer
        return self.messages[0]

    def got(self):
        """The line that the child got for the request, as text and as what it says."""
        assert self.status == 200 and self.messages, self.answer
        return got(self.texts[-1])

    def error(self):
        return self.messages[-1]["error"]


def got(text):
    start = text.index('"got":') + 6
    return text[start : text.rindex("}}")], json.loads(text)["result"]["got"]


class Event:
    def __init__(self, lines):
        self.id = self.data = self.retry = self.name = None
        self.comment = all(line.startswith(":") for line in lines)
        for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                self.data = value if self.data is None else f"{self.data}\n{value}"
            elif name in ("id", "retry"):
                setattr(self, name, value)
            elif name == "event":
                self.name = value
            else:
                assert not name, f"a line of an event is {line!r}"

    def __repr__(self):
        return f"Event({self.name}, id={self.id}, retry={self.retry}, data={(self.data or '')[:300]})"

    def message(self):
        return json.loads(self.data)


def parse_events(text):
    assert not text or text.endswith("\n\n"), f"half an event at the end: {text[-200:]!r}"
    return [Event(block.split("\n")) for block in text.split("\n\n") if block]


class Stream:
    """An event stream, read as it comes."""

    def __init__(self, client, within=WITHIN):
        self.client, self.text, self.is_over = client, "", False
        self.answer = wire.parse_head(client.upto(b"\r\n\r\n", now() + within))
        assert self.answer.status == 200, f"{self.answer}: {client.buffer}"
        assert (self.answer.get("Content-Type") or "").split(";")[0] == EVENTS, self.answer
        self.id = None

    def event(self, within=WITHIN):
        """The next event, comments left out; None at the stream's end."""
        deadline = now() + within
        while True:
            while "\n\n" not in self.text:
                if not self.fill(deadline):
                    return None
            block, _, self.text = self.text.partition("\n\n")
            event = Event(block.split("\n"))
            self.id = event.id or self.id
            if not event.comment:
                return event

    def fill(self, deadline):
        size = int(self.client.upto(b"\r\n", deadline), 16) if not self.is_over else 0
        part = wire.Answer(200, 1, [])
        self.client.take(size, deadline, part)
        self.is_over = self.is_over or not size
        if self.is_over:
            assert not self.text, f"half an event at the end: {self.text!r}"
            return False
        assert self.client.upto(b"\r\n", deadline) == b""
        self.text += part.body.decode()
        return True

    def message(self, within=WITHIN):
        """The next message, events without one left out; None at the stream's end."""
        while event := self.event(within):
            if event.data:
                return event.message()
        return None

    def text_of_message(self, within=WITHIN):
        while event := self.event(within):
            if event.data:
                return event.data
        return None

    def seen(self, within=WITHIN):
        """What the child says it has got, in the next message of this kind, after it was initialized."""
        while found := self.message(within):
            if found.get("method") == "notifications/seen" and found["params"].get("method") != "notifications/initialized":
                return found["params"]
        raise AssertionError("the stream has ended")


class Session:
    """A session that is open. Each request goes on a connection of its own, unless it is given one."""

    def __init__(self, gateway, *fields, protocol=PROTOCOL):
        self.gateway, self.last = gateway, 0
        with gateway.client() as client:
            answer = client.ask(post(initialize(protocol=protocol), *fields), "POST")
        assert answer.status == 200, answer
        self.id = answer.get("Mcp-Session-Id")
        assert self.id and re.fullmatch(r"[\x21-\x7e]+", self.id), answer
        self.tell(message("notifications/initialized"))
        self.ask("echo")  # what the child says of that notification comes before the answer to this

    def next(self):
        self.last += 1
        return self.last

    def send(self, body, *fields, client=None):
        """Posts it, and returns the connection on which the answer will come."""
        client = client or self.gateway.client()
        return client.send(post(body, *fields, session=self.id))

    def begin(self, method, params=None, id=None, client=None):
        return self.send(message(method, params, self.next() if id is None else id), client=client)

    def post(self, body, *fields, client=None, within=WITHIN):
        if client:
            return Reply(self.send(body, *fields, client=client).whole("POST", within))
        with self.gateway.client() as own:
            return Reply(self.send(body, *fields, client=own).whole("POST", within))

    def ask(self, method, params=None, id=None, client=None, within=WITHIN):
        return self.post(message(method, params, self.next() if id is None else id), client=client, within=within)

    def tell(self, body):
        """A notification or a response."""
        reply = self.post(body)
        assert reply.status == 202 and not reply.answer.body, reply.answer

    def seen(self, stream, *replies):
        """All that the child says it has got, be it on the GET stream or beside answers."""
        self.tell(message("notifications/end"))
        found = [m["params"] for reply in replies for m in reply.messages if m.get("method") == "notifications/seen"]
        while not found or found[-1].get("method") != "notifications/end":
            found.append(stream.seen())
        return found

    def listen(self, *fields):
        """The GET stream."""
        client = self.gateway.client()
        return Stream(client.send(post(b"", "Content-Type: ", f"Accept: {EVENTS}", *fields, session=self.id, method="GET")))

    def end(self):
        with self.gateway.client() as client:
            return client.ask(post(b"", "Content-Type: ", session=self.id, method="DELETE"), "DELETE").status

    def is_there(self):
        return self.ask("ping").status != 404


def reply_of(client, within=WITHIN):
    """The answer to what was begun on a connection."""
    return Reply(client.whole("POST", within))


def held(session, marker="0", id=None):
    """A call that is in flight at its child for certain: what is asked behind it was answered."""
    client = session.begin("hold", f'{{"marker":{marker}}}', id)
    session.ask("echo")
    return client
