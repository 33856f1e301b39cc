# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server whose every answer is scripted, by the number of the message it answers: see WORDS."""

import socket
import ssl
import struct
import threading

import frames
from harness import until


def abort(link):
    """A reset."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def two_frames(link, payload):
    link.sendall(frames.frame(frames.TEXT, payload[:1], fin=False) + frames.frame(frames.PING, b"p"))
    link.sendall(frames.frame(frames.CONTINUATION, payload[1:]))


def half(link, _payload):
    link.sendall(frames.frame(frames.TEXT, b"x" * 100)[:50])
    link.shutdown(socket.SHUT_WR)


# What is done with a message: word -> (the outcome at the client, what is sent).
WORDS = {
    "echo": ("ok", lambda link, payload: link.sendall(frames.frame(frames.TEXT, payload))),
    "parts": ("ok", two_frames),
    "binary": ("ok", lambda link, _: link.sendall(frames.frame(frames.BINARY, b"\0\xff"))),
    "close": ("closed", lambda link, _: link.sendall(frames.close_frame(1001))),
    "end": ("reset_sent", lambda link, _: link.shutdown(socket.SHUT_WR)),
    "reset": ("reset_sent", lambda link, _: abort(link)),
    "half": ("truncated", half),
    "garbage": ("malformed", lambda link, _: link.sendall(b"\xff\xff\xff\xff")),
    "masked": ("malformed", lambda link, payload: link.sendall(frames.frame(frames.TEXT, payload, masked=True))),
    "never": ("timed_out", lambda link, _: None),
}


class Server:
    """Speaks to each connection in a thread. refusal: what it answers handshakes with instead; fields: more of its answer."""

    def __init__(self, script="echo", refusal=None, certificate=None, greeting=b"", fields=""):
        self.script, self.refusal, self.greeting, self.fields = script.split(), refusal, greeting, fields
        self.messages, self.closes, self.heads, self.faults = [], [], [], []
        self.lock, self.opened, self.live = threading.Lock(), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path="/ws", host="127.0.0.1"):
        return f"{'wss' if self.context else 'ws'}://{host}:{self.port}{path}"

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            with self.lock:
                self.opened += 1
                self.live += 1
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        try:
            if self.context:
                link = self.context.wrap_socket(link, server_side=True)
            self.speak(link)
        except OSError:
            pass
        except Exception as fault:  # a mistake of the server's, which the test is to see
            self.faults.append(repr(fault))
        finally:
            link.close()
            with self.lock:
                self.live -= 1

    def speak(self, link):
        data = bytearray()
        while b"\r\n\r\n" not in data:
            data += link.recv(65536) or self.gone()
        head, _, rest = bytes(data).partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        with self.lock:
            self.heads.append(head.decode())
        if self.refusal:
            link.sendall(self.refusal)
            return
        accepted = frames.accept_key(fields["Sec-WebSocket-Key"])
        answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accepted}\r\n{self.fields}\r\n"
        link.sendall(answer.encode() + self.greeting)
        self.converse(link, bytearray(rest))

    def converse(self, link, data):
        while True:
            while not (parsed := frames.parse_frame(data)):
                data += link.recv(65536) or self.gone()
            frame, length = parsed
            del data[:length]
            assert frame.masked and frame.fin, frame
            if frame.opcode == frames.CLOSE:
                with self.lock:
                    self.closes.append(frames.close_code(frame.payload))
                link.sendall(frames.frame(frames.CLOSE, frame.payload))
                return
            if frame.opcode == frames.TEXT:
                with self.lock:
                    word = self.script[len(self.messages) % len(self.script)]
                    self.messages.append((word, frame.payload))
                WORDS[word][1](link, frame.payload)

    def gone(self):
        raise ConnectionResetError

    def outcomes(self):
        """What a client has to say: {outcome: count}."""
        counts = {}
        for word, _ in self.messages:
            counts[WORDS[word][0]] = counts.get(WORDS[word][0], 0) + 1
        return counts

    def until_idle(self):
        """All connections have ended; nothing was wrong with what came on them."""
        until(lambda: self.live == 0, "all connections have ended")
        assert not self.faults, self.faults
