# SPDX-License-Identifier: Apache-2.0
"""curfew ready: of a service that curfew runs, and of all that may answer in its place."""

import os
import signal
import socket
import threading

from harness import *
from ports import free_port

TERM = signal.SIGTERM
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n"


def environment(**more):
    ours = {key: value for key, value in os.environ.items() if not key.startswith("CURFEW_")}
    return {**ours, "CURFEW_TIMEOUT": f"{WITHIN}s", **more}


def ready(*arguments, **more):
    """The exit code, and the one line that was said, if there was one."""
    more.setdefault("env", environment())
    code, out, err = finished([curfew_path(), "ready", *arguments], **more)
    assert out == "" and err.count("\n") == (code != 0 and "-q" not in arguments and "--quiet" not in arguments), (code, out, err)
    assert not err or err.startswith("curfew ready: "), err
    return code, err


class Answering:
    """A server that answers each connection with these bytes, and closes; or keeps it open."""

    def __init__(self, answer, family=socket.AF_INET, address=("127.0.0.1", 0), keep=False):
        self.answer, self.keep, self.asked, self.kept = answer, keep, [], []
        self.server = socket.socket(family, socket.SOCK_STREAM)
        self.server.bind(address)
        self.server.listen()
        self.address = "127.0.0.1:%d" % self.server.getsockname()[1] if family == socket.AF_INET else None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.server.accept()
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += connection.recv(1000)
            self.asked.append(asked)
            try:
                connection.sendall(self.answer)
            except OSError:
                pass
            if self.keep:
                self.kept.append(connection)
            else:
                connection.close()


def answer_all(upstream):
    """Gate asks again where nobody answers for a while."""
    while True:
        try:
            connection, _ = upstream.accept()
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            if upstream.fileno() < 0:
                return


def test_ready_of_a_gate_from_its_start_to_its_end():
    admin = f"127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        url = "http://127.0.0.1:%d" % upstream.getsockname()[1]
        options = ["--listen", "127.0.0.1:0", "--admin", admin, "--announce", "3s", "--ready-path", "/"]
        process = start([curfew_path(), "gate", "--upstream", url, *options], env=environment())
        process.err.until("event=started")
        code, said = ready(admin)
        assert code == 1 and "not ready: starting" in said and admin in said, said
        assert ready("--quiet", admin) == (1, "")
        threading.Thread(target=answer_all, args=(upstream,), daemon=True).start()
        process.err.until("event=ready")
        assert ready(admin) == (0, "")
        assert ready("--admin", admin) == (0, "")
        assert ready(env=environment(CURFEW_ADMIN=admin)) == (0, "")
        process.signal(TERM)
        process.err.until("phase=announcing")
        code, said = ready(admin)
        assert code == 1 and "not ready: announcing" in said, said
    assert process.wait() == 0
    code, said = ready(admin)
    assert code == 1 and "cannot be reached" in said and f"--admin {admin}" in said, said


def test_ready_asks_what_it_must():
    server = Answering(FINE)
    assert ready(server.address) == (0, "")
    head = server.asked[0].decode().split("\r\n")
    assert head[0] == "GET /readyz HTTP/1.1", head
    assert {"Host: localhost", "Connection: close"} <= set(head), head


def test_ready_everywhere_that_one_listens():
    path = temporary("admin.sock")
    Answering(FINE, socket.AF_UNIX, path)
    assert ready(f"unix:{path}") == (0, "")
    name = f"curfew-test-{os.getpid()}"
    Answering(FINE, socket.AF_UNIX, f"\0{name}")
    assert ready(f"unix:@{name}") == (0, "")
    server = Answering(FINE, socket.AF_INET6, ("::1", 0))
    port = server.server.getsockname()[1]
    for address in f"[::1]:{port}", f"[::]:{port}", f":{port}", f"localhost:{port}":
        assert ready(address) == (0, ""), address
    server = Answering(FINE)
    port = int(server.address.split(":")[1])
    for address in f":{port}", f"localhost:{port}", f"0.0.0.0:{port}":
        assert ready(address) == (0, ""), address


def test_ready_only_200_is_ready():
    for line, answer in (
        ("not ready: draining", b"HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: draining\nmore\n"),
        ("HTTP/1.1 503 No", b"HTTP/1.1 503 No\r\n\r\n"),
        ("HTTP/1.1 204 No Content", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("found", b"HTTP/1.1 301 Found\r\nLocation: /\r\n\r\nfound"),
        ("not HTTP", b"HTTP/1.1 2000 OK\r\n\r\n"),
        ("not HTTP", b"HTTP/1.1 200"),
        ("not HTTP", b"HTTP/1.1 20 OK\r\n\r\n"),
        ("not HTTP", b"HTTP/2 200 OK\r\n\r\n"),
        ("not HTTP", b"220 mail.example ESMTP\r\n"),
        ("not HTTP", b"\x16\x03\x01\x00\xa5\x00\xff"),
        ("not HTTP", b"\0" * 5000),
        ("not HTTP", b"\n"),
        ("reset", b""),
    ):
        code, said = ready(Answering(answer).address)
        assert code == 1 and line in said, (answer, said)


def test_ready_what_answers_cannot_write_on_the_terminal():
    code, said = ready(Answering(b"HTTP/1.1 503 x\r\n\r\n\x1b[2Jhi\x07\x9b\n").address)
    assert code == 1 and "\x1b" not in said and "\x07" not in said and "[2Jhi" in said, said


def test_ready_reads_no_more_than_it_needs():
    assert ready(Answering(FINE + b"x" * 10000000).address) == (0, "")
    code, said = ready(Answering(b"HTTP/1.1 503 x\r\n\r\n" + b"y" * 10000000).address)
    assert code == 1 and len(said) < 400, len(said)


def test_ready_has_a_timeout():
    for answer in b"", b"HTTP/1.1 200", b"HTTP/1.1 503 x\r\n":
        server = Answering(answer, keep=True)
        began = now()
        code, said = ready("--timeout", "300ms", server.address)
        assert code == 1, (answer, said)
        assert 0.3 <= now() - began < 10, "the timeout"
    assert "timed out" in ready("--timeout=100ms", Answering(b"", keep=True).address)[1]


def test_ready_an_answer_that_is_kept_open_is_an_answer():
    began = now()
    assert ready("--timeout", "5s", Answering(FINE, keep=True).address) == (0, "")
    assert_below(now() - began, 4, "the answer of a server that does not close")


def test_ready_refuses_wrong_usage():
    for arguments in ["nonsense"], ["host:80"], [":0"], ["127.0.0.1:1", "127.0.0.1:2"], ["--timeout", "soon", ":1"], ["--tiemout", "1s"], [""]:
        code, said = ready(*arguments)
        assert code == 2, (arguments, said)
    code, said = ready(env=environment(CURFEW_ADMIN="nonsense"))
    assert code == 2 and "nonsense" in said, said


def test_ready_asks_the_documented_address():
    code, said = ready()
    assert code == 1 and "127.0.0.1:9901" in said, said
    assert ready(env=environment(CURFEW_ADMIN="")) == (code, said)


def test_ready_can_be_interrupted():
    server = Answering(b"", keep=True)
    process = start([curfew_path(), "ready", "--timeout", "inf", server.address], env=environment())
    until(lambda: server.asked, "it has asked")
    process.signal(signal.SIGINT)
    assert process.wait(within=5) == -signal.SIGINT
