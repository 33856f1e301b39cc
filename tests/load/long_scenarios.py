# SPDX-License-Identifier: Apache-2.0
"""Answers that are long, or have no end: what a run holds of them is bounded, and what is too much is malformed."""

import threading

from load import *

import frames

GIGABYTE = 1 << 30
GROWN_KB = 16 << 10  # what a run may need for long answers beside what it needs for short ones
ANSWER_MOST = 1 << 20  # bytes of an answer that is read, of JSON-RPC
OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers each request by answer(link), a function, in a thread of its own; the connection ends behind it."""

    def __init__(self, answer):
        self.answer, self.live = answer, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}/"

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        with link:
            try:
                while link.recv(65536):
                    self.answer(link)
            except OSError:
                pass


def endless(begin, piece):
    """Answers so, and then with a piece again and again, until the client has enough."""
    many = piece * (65536 // len(piece) + 1)

    def answer(link):
        link.sendall(begin)
        while True:
            link.sendall(many)

    return answer


def whole(begin, body, end=b""):
    return lambda link: link.sendall(begin + body + end)


def held(options, url, code=0):
    """What a run is at its end: its result, and the most memory that it has had, in kB."""
    load = Load(f"--threads 1 --flush-delay 600s {options}", url)
    until(lambda: load.said().endswith("\n"), "the summary", 60)
    most = int(status(load.pid)["VmHWM"].split()[0])
    load.signal()
    return load.end(code), most


def short():
    return held("--requests 4 --connections 2", Server(whole(OK, b"Content-Length: 2\r\n\r\nok")).url())[1]


def file_of(size):
    path = temporary("long")
    with open(path, "wb") as file:
        file.truncate(size)
    return open(path, "rb")


@slow
@plain
def test_long_a_body_of_a_gigabyte():
    """It is counted, and nothing of it is kept."""
    usual, file = short(), file_of(GIGABYTE)

    def answer(link):
        link.sendall(OK + f"Content-Length: {GIGABYTE}\r\n\r\n".encode())
        link.sendfile(file)

    result, most = held("--requests 1 --connections 1", Server(answer).url())
    assert result.ended() == {"ok": 1} and result.bytes_in > GIGABYTE, (result.ended(), result.bytes_in)
    assert most - usual < GROWN_KB, (usual, most)


@plain
def test_long_bodies_without_end():
    """Chunks without end, and a body that would end with the connection: not whole within --timeout."""
    usual = short()
    for begin, piece in (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"), (OK + b"\r\n", b"x" * 65536):
        result, most = held("--requests 2 --connections 2 --timeout 2s", Server(endless(begin, piece)).url(), code=1)
        assert result.ended() == {"timed_out": 2} and result.bytes_in > 1 << 20, (result.ended(), result.bytes_in)
        assert most - usual < GROWN_KB, (usual, most)


def test_long_heads():
    """Those above 16 kB, or of too many fields, are malformed, however they go on."""
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    for answer in [
        endless(OK, b"X-Field: x\r\n"),
        endless(OK + b"X-Field: ", b"x"),
        endless(b"HTTP/1.1 200 ", b"x"),
        endless(chunked + b"5;", b"x"),
        endless(chunked, b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n"),
        endless(chunked + b"0\r\n", b"X-Field: x\r\n"),
        whole(OK + b"X: " + b"x" * 16384, b"\r\nContent-Length: 0\r\n\r\n"),
        whole(OK, b"X: x\r\n" * 200 + b"Content-Length: 0\r\n\r\n"),
    ]:
        result = loaded("--requests 2 --connections 1", Server(answer).url(), code=1)
        assert result.ended() == {"malformed": 2}, result.ended()
    result = loaded("--requests 2 --connections 1", Server(whole(OK + b"X: " + b"x" * 16000, b"\r\nContent-Length: 0\r\n\r\n")).url())
    assert result.ended() == {"ok": 2}, result.ended()


@plain
def test_long_interim_answers_without_end():
    """They are no answer."""
    usual = short()
    result, most = held("--requests 1 --connections 1 --timeout 800ms", Server(endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n")).url(), code=1)
    assert result.ended() == {"timed_out": 1} and most - usual < GROWN_KB, (result.ended(), usual, most)


def profile(url):
    path = temporary(f"profile-{next(names)}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"endpoints": url, "requests": 1, "connections": 1, "scenarios": [{"name": "a", "kind": "jsonrpc", "method": "m"}]}, file)
    return path


def test_long_answers_to_calls():
    """Of these, which are read, there may be so many bytes and no more."""
    for spare, outcome in (0, "ok"), (1, "malformed"), (3 * ANSWER_MOST, "malformed"):
        body = b'{"jsonrpc":"2.0","id":0,"result":1' + b" " * ANSWER_MOST
        body = body[: ANSWER_MOST - 1] + b" " * spare + b"}"
        server = Server(whole(OK + f"Content-Length: {len(body)}\r\n\r\n".encode(), body))
        result = loaded(f"--profile {profile(server.url())}", code=outcome != "ok")
        assert result.ended() == {outcome: 1}, (spare, result.ended())


def shaken(link, request):
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
    accepted = frames.accept_key(key)
    link.sendall(f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accepted}\r\n\r\n".encode())


class Talker(Server):
    """The same to each message of a WebSocket."""

    def serve(self, link):
        with link:
            try:
                shaken(link, link.recv(65536))
                while link.recv(65536):
                    self.answer(link)
            except OSError:
                pass


@plain
def test_long_messages_without_end():
    """Of frames without end, and one of the longest length that there is."""
    usual, piece = short(), b"x" * 65536
    for begin, more in (frames.frame(frames.TEXT, piece, fin=False), frames.frame(frames.CONTINUATION, piece, fin=False)), (b"\x82\x7f" + b"\x7f" * 8, piece):
        server = Talker(endless(begin, more))
        result, most = held("--requests 2 --connections 2 --body x --timeout 800ms", server.url("ws"), code=1)
        assert result.failures() == 2 and set(result.ended()) <= {"timed_out", "malformed"}, result.ended()
        assert most - usual < GROWN_KB, (usual, most)
