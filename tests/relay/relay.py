# SPDX-License-Identifier: Apache-2.0
"""`curfew relay` with servers and clients at the level of frames. What the service itself can be asked is gate.py's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "gate"))

import json
import re
import shlex

import frames
import wire
from gate import *
from websocket import WebSocket, handshake

BOTH = [PLAIN, TLS]
TLS_THREADS = Face("tls_threads", tls=True, threads=2)
GONE, KEPT_OUT, TAKEN, TOO_MANY = 1001, 4404, 4409, 4429
NAME = re.compile(r"(server|client)-(.*)-([0-9a-f]{8})", re.S)


class Relay(Gate):
    """A relay that is ready, with an admin face, and without a rate limit unless one is asked for."""

    def __init__(self, face=PLAIN, options="", **more):
        self.peers = []  # a socket that nobody holds is closed
        super().__init__(face, options, origin=None, **more)

    def argv(self, options):
        arguments = ["--threads", str(self.face.threads), "--report", self.report_path]
        arguments += ["--listen", self.listen] if self.listen != "activated" else []
        arguments += ["--admin", f"127.0.0.1:{self.admin}"] if self.admin else []
        arguments += ["--tls-cert", self.certificate[0], "--tls-key", self.certificate[1]] if self.certificate else []
        arguments += ["--grace", "15s", "--announce", "0s", "--rate-limit", "0"]  # what stands later wins
        return [curfew_path(), "relay", *arguments, *shlex.split(options)]

    def server(self, id="desk", **options):
        return Server(self, id, **options)

    def connect(self, id="desk", **options):
        """A client of this server-id; before the relay knows what to do with it."""
        return Phone(self, id, **options)

    def pair(self, id="desk"):
        """A server and a client that have heard of each other."""
        server = self.server(id).held()
        return server, self.connect(id).known(server)

    def health(self):
        answer = self.get("/healthz")
        assert answer.status == 200 and answer.get("Cache-Control") == "no-store", answer
        return json.loads(answer.body)

    def counts(self):
        """(servers, clients) that are registered."""
        health = self.health()
        return health["connected_binaries"], health["connected_phones"]

    def stop(self, code=0, within=WITHIN):
        """The end of a test that is not about the end: nobody is left to be waited for."""
        for peer in self.peers:
            peer.client.close()
        return super().stop(code, within)

    def until_counts(self, servers, clients):
        until(lambda: self.counts() == (servers, clients), f"{servers} servers and {clients} clients are registered")


def fields_of(role, id, prefix="X-Relay", agent="test/1", version="1.0", token="secret", more=()):
    """The fields of a handshake; None leaves one out."""
    own = {f"{prefix}-Server": id, "User-Agent": agent}
    own[f"{prefix}-Version" if role == "server" else f"{prefix}-Token"] = version if role == "server" else token
    return [f"{name}: {value}" for name, value in own.items() if value is not None] + list(more)


class Peer(WebSocket):
    """Either side; what it gets may be read as JSON."""

    role = None

    def __init__(self, relay, id, opened=True, client=None, **options):
        self.relay, self.id = relay, id
        relay.peers.append(self)
        connection = {name: options.pop(name) for name in ("hello", "receive_buffer", "source") if name in options}
        self.client = client or relay.client(**connection)
        # what a test says is sent as UTF-8
        self.client.send(handshake(f"/v1/{self.role}", *[field.encode().decode("latin-1") for field in fields_of(self.role, id, **options)]))
        if opened:
            self.opened()

    def say(self, payload, opcode=frames.TEXT):
        """Sends a message: text, bytes, or a value as JSON."""
        if not isinstance(payload, (bytes, str)):
            payload = json.dumps(payload)
        return self.send(opcode, payload if isinstance(payload, bytes) else payload.encode())

    def text(self, within=WITHIN):
        """The next message, a text in one frame; pings are answered."""
        frame = self.data(within)
        assert frame.opcode == frames.TEXT and frame.fin, frame
        return frame.payload.decode()

    def data(self, within=WITHIN):
        """The next frame that is no ping, which is answered."""
        while (frame := self.frame(within)).opcode == frames.PING:
            self.send(frames.PONG, frame.payload)
        return frame

    def assert_closed(self, code, reason=None, within=WITHIN):
        """That the next is a close frame with this code; answers it, and the connection closes."""
        frame = self.data(within)
        assert frame.opcode == frames.CLOSE, frame
        assert frames.close_code(frame.payload) == code, frame
        assert reason is None or frame.payload[2:].decode() == reason, frame
        self.close(code)
        self.client.assert_closed(within)
        return self

    def assert_frames_then(self, code, reason):
        """The same with pings before it, which are not answered."""
        while (frame := self.frame()).opcode == frames.PING:
            pass
        assert (frame.opcode, frames.close_code(frame.payload), frame.payload[2:].decode()) == (frames.CLOSE, code, reason), frame
        self.close(code)
        self.client.assert_closed()

    def leave(self, code=1000):
        """Closes it from here, in order."""
        self.close(code)
        frame = self.data()
        assert frame.opcode == frames.CLOSE and frames.close_code(frame.payload) == code, frame
        self.client.assert_closed()


class Server(Peer):
    role = "server"

    def held(self):
        """Waits until it has its id: it is told of a client, which goes again."""
        until(lambda: self.relay.lines(event="registered", server_id=self.id), f"{self.id} is registered")
        return self

    def envelope(self, within=WITHIN):
        """The next one, as what it says."""
        return json.loads(self.text(within))

    def got(self, name, frame, within=WITHIN):
        """That the next envelope has these bytes of this client."""
        text = self.text(within)
        assert text == f'{{"conn_id":{json.dumps(name, ensure_ascii=False)},"frame":{frame}}}', text
        return self

    def tell(self, name, frame):
        """Sends bytes of JSON to a client."""
        return self.say(f'{{"conn_id":{json.dumps(name)},"frame":{frame}}}')

    def notice(self, within=WITHIN):
        """The next envelope, a client's end: (name, code)."""
        envelope = self.envelope(within)
        assert set(envelope) == {"conn_id", "close_code"}, envelope
        return envelope["conn_id"], envelope["close_code"]


class Phone(Peer):
    """A client, as relay.md says; by its first message it and the server know its name."""

    role = "client"

    def known(self, server):
        """Has the server told its name."""
        self.say('"hello"')
        envelope = server.envelope()
        assert envelope["frame"] == "hello", envelope
        self.name = envelope["conn_id"]
        role, id, _ = NAME.fullmatch(self.name).groups()
        assert (role, id) == ("client", self.id), self.name
        return self
