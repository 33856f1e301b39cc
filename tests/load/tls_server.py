# SPDX-License-Identifier: Apache-2.0
"""A server that goes wrong in TLS at each place where that can be: see BEFORE and BEHIND."""

import socket
import ssl
import threading

from harness import until
from ws_server import abort

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HALF_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50
HALF_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + b"x" * 50 + b"\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 50
GARBAGE = b"\x17\x03\x03\x00\x20" + b"g" * 32  # a record that nobody has encrypted
PART = 50  # bytes of the server's part of the handshake: its first record is longer


def wait_for_end(link):
    while link.recv(65536):
        pass


def hello(server, link):
    """The bytes that the server would answer a client's hello with."""
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.context.wrap_bio(arrived, leaving, server_side=True)
    arrived.write(link.recv(65536))
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return leaving.read()


def say(text):
    def spoken(_server, link):
        link.recv(65536)
        link.sendall(text)
        wait_for_end(link)

    return spoken


def half_hello(server, link):
    link.sendall(hello(server, link)[:PART])
    wait_for_end(link)


def garbled_hello(server, link):
    answer = hello(server, link)
    link.sendall(answer[:PART] + bytes(len(answer) - PART))
    wait_for_end(link)


# In place of the handshake: word -> (the outcome at the client, what is done with the connection).
BEFORE = {
    "plain": ("tls", say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")),
    "other": ("tls", say(b"SSH-2.0-x\r\n")),
    "alert": ("tls", say(b"\x15\x03\x03\x00\x02\x02\x28")),
    "garbled": ("tls", garbled_hello),
    "end": ("reset_unsent", lambda _, link: link.recv(65536)),
    "reset": ("reset_unsent", lambda _, link: (link.recv(65536), abort(link))),
    "half_end": ("reset_unsent", lambda server, link: link.sendall(hello(server, link)[:PART])),
    "half_reset": ("reset_unsent", lambda server, link: (link.sendall(hello(server, link)[:PART]), abort(link))),
    "silent": ("connect_timeout", lambda _, link: wait_for_end(link)),
    "half": ("connect_timeout", half_hello),
}  # fmt: skip


def end_at_once(text):
    """A FIN without close_notify, as of a process that was killed."""
    return lambda link: (link.sendall(text), link.shutdown(socket.SHUT_WR))


def end_in_order(text):
    return lambda link: (link.sendall(text), link.unwrap())


def garbage_behind(text):
    def sent(link):
        link.sendall(text)
        with socket.socket(fileno=link.detach()) as plain:
            plain.sendall(GARBAGE)
            wait_for_end(plain)

    return sent


# What is done with a request, on a connection that has had an answer: word -> (the outcome, ...).
BEHIND = {
    "ok": ("ok", lambda link: link.sendall(OK)),
    "until_close": ("ok", end_in_order(UNTIL_CLOSE)),
    "cut_until_close": ("truncated", end_at_once(UNTIL_CLOSE)),
    "cut_length": ("truncated", end_at_once(HALF_LENGTH)),
    "ended_length": ("truncated", end_in_order(HALF_LENGTH)),
    "cut_chunked": ("truncated", end_at_once(HALF_CHUNKED)),
    "ended_chunked": ("truncated", end_in_order(HALF_CHUNKED)),
    "cut_head": ("truncated", end_at_once(b"HTTP/1.1 200 OK\r\n")),
    "garbage_length": ("truncated", garbage_behind(HALF_LENGTH)),
    "cut": ("reset_sent", end_at_once(b"")),
    "ended": ("reset_sent", end_in_order(b"")),
    "garbage": ("reset_sent", garbage_behind(b"")),
}  # fmt: skip


class Server:
    """Speaks to each connection in a thread: BEFORE[word], or a handshake, an answer, and BEHIND[word], of the words one
    after the other."""

    def __init__(self, certificate, words=("ok",), version=None):
        self.words, self.opened, self.live, self.requests, self.faults = list(words), 0, 0, 0, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if version:
            self.context.maximum_version = version
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}/"

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            word = self.words[self.opened % len(self.words)]
            with self.lock:
                self.opened += 1
                self.live += 1
            threading.Thread(target=self.serve, args=(link, word), daemon=True).start()

    def serve(self, link, word):
        try:
            if word in BEFORE:
                BEFORE[word][1](self, link)
            else:
                self.converse(link, BEHIND[word][1])
        except OSError:
            pass
        except Exception as fault:  # a mistake of the server's, which the test is to see
            self.faults.append(repr(fault))
        finally:
            link.close()
            with self.lock:
                self.live -= 1

    def converse(self, plain, behind):
        link = self.context.wrap_socket(plain, server_side=True)
        try:
            if self.read(link):
                link.sendall(OK)
            while self.read(link):
                behind(link)
        finally:
            link.close()

    def read(self, link):
        """A request; whether there was one."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = link.recv(65536)
            if not chunk:
                return False
            data += chunk
        with self.lock:
            self.requests += 1
        return True

    def until_idle(self):
        until(lambda: self.live == 0, "all connections have ended")
        assert not self.faults, self.faults
