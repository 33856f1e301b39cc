# SPDX-License-Identifier: Apache-2.0
"""A client at the level of bytes: it sends what a test says, and reads answers by the letter of RFC 9112.

An answer that is malformed raises. One that ends early is an Answer all the same, with whole = False and how
the connection ended, since that is what many tests are about; get() and others that want a whole one say so.
"""

import re
import select
import socket
import ssl
import struct

from harness import WITHIN, now, until

FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])( .*)?")
BODILESS = (204, 304)


class Malformed(AssertionError):
    """An answer that no client should have to read."""


class Ended(Exception):
    """The connection is over: closed (FIN, in TLS with close_notify), cut (FIN alone in TLS), or reset."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Answer:
    """One message; interim answers stand in .interim of the final one."""

    def __init__(self, status, minor, fields):
        self.status, self.minor, self.fields = status, minor, fields
        self.body, self.trailers, self.interim = bytearray(), [], []
        self.chunks = []  # as they were cut
        self.whole, self.end = False, None

    def __repr__(self):
        return f"Answer({self.status}, {self.fields}, {len(self.body)} bytes {bytes(self.body[:200])!r}, whole={self.whole}, end={self.end})"

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The value of a field that may be there once."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} several times: {values}"
        return values[0] if values else None

    def says_close(self):
        return "close" in [option.strip().lower() for value in self.all("Connection") for option in value.split(",")]


def connected(address, within=WITHIN, receive_buffer=None, source=None):
    """A connected socket to ("host", port), to a port of 127.0.0.1, or to a path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.settimeout(within)
    if family == socket.AF_INET:  # what was sent before a signal is there when it comes
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        plain.bind((source, 0))
    try:
        plain.connect(("127.0.0.1", address) if isinstance(address, int) else address)
    except ConnectionResetError:  # by connect(2), which met the listener's close: nobody has been told of a connection
        plain.close()
        raise ConnectionRefusedError(f"{address} was just closed") from None
    except OSError:
        plain.close()
        raise
    return plain


def trusting():
    """A client's side of TLS that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def speak(plain, tls, request):
    """A client on a socket that is connected, its request sent."""
    client = Client.__new__(Client)
    client.socket = trusting().wrap_socket(plain, suppress_ragged_eofs=False) if tls else plain
    client.buffer, client.ended = bytearray(), None
    return client.send(request)


class Client:
    """One connection."""

    def __init__(self, address, tls=False, hello=b"", **options):
        """hello is sent before everything else, TLS too (a PROXY header)."""
        self.socket = connected(address, **options)
        self.socket.sendall(hello)
        if tls:
            context = tls if isinstance(tls, ssl.SSLContext) else trusting()
            self.socket = context.wrap_socket(self.socket, suppress_ragged_eofs=False, server_hostname="localhost")
        self.buffer = bytearray()  # what came and was not taken yet
        self.ended = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def send_slowly(self, data, wait):
        """Byte by byte, each as a segment of its own: wait() is called between two of them."""
        for at in range(len(data)):
            self.socket.sendall(data[at : at + 1])
            wait()

    def send_while_possible(self, data):
        """Sends as much as the other side takes; returns how much, and how that ended (None: all of it)."""
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent : sent + 65536])
        except ConnectionResetError:
            return sent, "reset"
        except (BrokenPipeError, ssl.SSLError):
            return sent, "closed"
        except TimeoutError:
            return sent, "stalled"
        return sent, None

    def shut(self):
        """FIN. Without TLS only, since Python's has no half-close."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # Reading

    def fill(self, deadline):
        self.socket.settimeout(max(0.001, deadline - now()))
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            raise AssertionError(f"nothing came in time; so far {len(self.buffer)} bytes: {bytes(self.buffer[-300:])!r}") from None
        except ConnectionResetError:
            self.ended = "reset"
        except (ssl.SSLEOFError, ssl.SSLError):
            self.ended = "cut"
        else:
            self.ended = None if data else "closed"
            self.buffer += data
        if self.ended:
            raise Ended(self.ended)

    def until(self, text, count=1):
        """Reads until this has come so many times; what was read stays for whoever reads on."""
        deadline = now() + WITHIN
        while self.buffer.count(text) < count:
            self.fill(deadline)

    def upto(self, text, deadline):
        while text not in self.buffer:
            self.fill(deadline)
        end = self.buffer.index(text)
        line = bytes(self.buffer[:end])
        del self.buffer[: end + len(text)]
        return line

    def take(self, count, deadline, into):
        """Reads this many bytes (None: until the end) into an answer's body, as far as they come."""
        while count is None or count > 0:
            part = self.buffer[:count]
            del self.buffer[: len(part)]
            into.body += part
            if count is not None:
                count -= len(part)
            if count != 0:
                self.fill(deadline)

    def answer(self, method="GET", within=WITHIN):
        """The next final answer, with the interim ones before it; as far as it came."""
        interim = []
        while True:
            answer = self.message(method, now() + within)
            if not 100 <= answer.status < 200 or answer.status == 101:
                break
            interim.append(answer)
        answer.interim = interim
        return answer

    def message(self, method, deadline):
        try:
            head = self.upto(b"\r\n\r\n", deadline)
        except Ended as end:
            if self.buffer:
                raise Malformed(f"the connection has {end.how} within a head: {bytes(self.buffer)!r}") from None
            raise
        answer = parse_head(head)
        try:
            self.read_body(answer, method, deadline)
            answer.whole = True
        except Ended as end:
            answer.end = end.how
        answer.body = bytes(answer.body)
        return answer

    def read_body(self, answer, method, deadline):
        codings, lengths = answer.all("Transfer-Encoding"), answer.all("Content-Length")
        if answer.status < 200 or answer.status in BODILESS or method == "HEAD":
            return
        if codings and lengths or len(lengths) > 1 or codings not in ([], ["chunked"]):
            raise Malformed(f"framed in two ways, or unknown: {answer.fields}")
        if codings:
            self.read_chunks(answer, deadline)
        elif lengths:
            self.take(int(lengths[0]), deadline, answer)
        else:
            self.read_to_end(answer, deadline)

    def read_to_end(self, answer, deadline):
        try:
            self.take(None, deadline, answer)
        except Ended as end:
            answer.end = end.how
            if end.how != "closed":
                raise

    def read_chunks(self, answer, deadline):
        while True:
            line = self.upto(b"\r\n", deadline)
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}(;.*)?", line):
                raise Malformed(f"a chunk's line is {line!r}")
            size = int(line.split(b";")[0], 16)
            if not size:
                break
            before = len(answer.body)
            self.take(size, deadline, answer)
            answer.chunks.append(bytes(answer.body[before:]))
            if self.upto(b"\r\n", deadline):
                raise Malformed("a chunk is longer than it says")
        while line := self.upto(b"\r\n", deadline):
            answer.trailers.append(parse_field(line))

    # What tests ask for

    def ask(self, request, method="GET", within=WITHIN):
        """Sends a request and returns its answer, whole."""
        self.send(request)
        return self.whole(method, within)

    def ask_partly(self, request, method="GET"):
        """The same, of an answer that may end early."""
        return self.send(request).answer(method)

    def whole(self, method="GET", within=WITHIN):
        answer = self.answer(method, within)
        assert answer.whole, f"half an answer: {answer}"
        return answer

    def get(self, path, *fields, within=WITHIN):
        return self.ask(get(path, *fields), within=within)

    def silent(self, seconds=0):
        """Whether nothing has come, and nothing comes for so long. What TLS says for itself does not count."""
        if isinstance(self.socket, ssl.SSLSocket):
            self.socket.settimeout(seconds)
            try:
                self.buffer += self.socket.recv(1)
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            return not self.buffer
        return not self.buffer and not select.select([self.socket], [], [], seconds)[0]

    def rest(self, within=WITHIN):
        """All that comes until the end; the end's name is in .ended."""
        deadline = now() + within
        try:
            while True:
                self.fill(deadline)
        except Ended:
            pass
        rest = bytes(self.buffer)
        self.buffer.clear()
        return rest

    def assert_closed(self, within=WITHIN):
        """That the connection is closed in order, and nothing came before."""
        rest = self.rest(within)
        assert rest == b"", f"unexpected: {rest[:300]!r}"
        assert self.ended == "closed", f"the end was {self.ended}"
        return now()


def unchunked(data):
    """The content of a chunked body as it was on the wire, and its trailer lines."""
    content = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if not size:
            return content, data.split(b"\r\n")[:-2]
        content += data[:size]
        assert data[size : size + 2] == b"\r\n", data[:100]
        data = data[size + 2 :]


def parse_field(line):
    match = FIELD.fullmatch(line)
    if not match or re.search(rb"[\0-\x08\x0a-\x1f\x7f]", line):
        raise Malformed(f"a field is {line!r}")
    return match[1].decode("latin-1"), match[2].decode("latin-1")


def parse_head(head):
    first, *lines = head.split(b"\r\n")
    match = STATUS_LINE.fullmatch(first)
    if not match:
        raise Malformed(f"the status line is {first!r}")
    return Answer(int(match[2]), int(match[1]), [parse_field(line) for line in lines])


def request(method, path, *fields, body=b"", host="gate"):
    """A request with Host, the fields, and Content-Length if there is a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def get(path, *fields, **options):
    return request("GET", path, *fields, **options)


def refused(address):
    """Whether a connection is refused, at once. One that met the close's filter, and so gets no answer, tells nothing."""
    try:
        connected(address, within=2).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except TimeoutError:
        pass
    return False


def until_refused(address, within=WITHIN):
    until(lambda: refused(address), f"{address} refuses connections", within)
    return now()
