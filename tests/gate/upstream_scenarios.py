# SPDX-License-Identifier: Apache-2.0
"""An upstream that refuses, hangs, resets, lies, answers early or grows old: a status with a reason, an answer
that cannot be taken for a whole one, and one retry where it is safe."""

from gate import *
from pattern import pattern
from wire import Ended, get, request

IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"]


def assert_refusal(answer, status, method="GET"):
    """A whole answer of ours that says why."""
    assert answer.status == status, answer
    assert method == "HEAD" or len(answer.body.strip()) > 10, f"without a reason: {answer}"
    assert not answer.all("Set-Cookie"), answer


@faces(PLAIN, TLS)
def test_upstream_that_has_gone_is_502_and_back_again_is_200(face):
    gate = Gate(face)
    assert gate.get("/body").status == 200
    gate.origin.kill()
    for _ in range(3):
        assert_refusal(gate.get("/body"), 502)
    with gate.client() as client:
        assert client.ask(request("HEAD", "/body"), method="HEAD").status == 502
        assert client.ask(request("POST", "/body", body=b"abc")).status == 502
    os.unlink(gate.origin.path)
    gate.origin.start()
    assert gate.get("/body").status == 200
    gate.stop()


@faces(PLAIN)
def test_upstream_that_does_not_take_connections_is_502_in_time(face):
    gate = Gate(face, "--connect-timeout 500ms", "")
    gate.origin.kill()
    gate.origin.process = None
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", gate.origin.port))
    kept.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(kept.getsockname())
    began = now()
    assert_refusal(gate.get("/body"), 502)
    assert 0.4 < now() - began < 5, "one attempt, and at most one more"
    gate.stop()


@faces(PLAIN, TLS)
def test_upstream_that_hangs_is_504_in_time(face):
    gate = Gate(face, "--response-timeout 500ms")
    for path in "/hang", "/hang-unread", "/slow-head?ms=20000":
        began = now()
        assert_refusal(gate.get(path), 504)
        assert 0.4 < now() - began < 5, path
    gate.origin.event("request", path="/hang", count=2)
    assert len(gate.origin.requests("/hang")) == 2, "a request that was read must not be sent again"
    gate.origin.event("closed", how="eof")
    until(lambda: gate.get("/body").status == 200, "it is served again")  # by an origin that may be slow for once
    gate.stop()


@faces(PLAIN)
def test_upstream_may_be_slow_with_the_body(face):
    gate = Gate(face, "--response-timeout 3s")
    assert gate.get("/slow-body?parts=7&ms=500").body == b"x" * 7
    gate.stop()


@faces(PLAIN, TLS)
def test_upstream_that_ends_before_its_head_is_502(face):
    """On a fresh connection: the request may have had its effect, so it is not sent again."""
    for how in "/reset?at=before", "/close?at=before", "/reset?at=head", "/close?at=head":
        gate = Gate(face)
        assert_refusal(gate.get(how), 502)
        assert len(gate.origin.requests()) == 1, gate.origin.requests()
        gate.stop()


@faces(*ALL)
def test_upstream_that_ends_within_its_body_aborts_the_answer(face):
    gate = Gate(face)
    for path in "/reset?at=body", "/close?at=body", "/reset?at=chunk", "/close?at=chunk", "/reset?at=chunks", "/close?at=chunks":
        with gate.client() as client:
            answer = client.send(get(path)).answer()
            assert answer.status in (200, 502) and (answer.status == 502 or not answer.whole), f"{path}: {answer}"
            assert answer.status == 502 or pattern(50).startswith(answer.body), answer
        with gate.client() as client:  # HTTP/1.0 has no chunks: only a reset can tell
            try:
                answer = client.send(f"GET {path} HTTP/1.0\r\n\r\n").answer()
                assert answer.status == 502 or not answer.whole, f"{path} to HTTP/1.0: {answer}"
            except (Ended, wire.Malformed) as end:
                assert "closed" not in str(end), f"{path} to HTTP/1.0: {end}"
    assert gate.get("/body").status == 200
    gate.stop()


@faces(PLAIN, TLS)
def test_upstream_that_lies_about_its_length(face):
    gate = Gate(face)
    for text, body in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", b"12345"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345", b"12345"),
    ):
        with gate.client() as client:
            answer = client.ask_partly(request("POST", "/say?then=close", body=text))
            assert answer.status == 502 or not answer.whole and body.startswith(answer.body), answer
    with gate.client() as client:  # more than it said: what was announced, and nothing of the rest
        longer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234567890"
        for _ in range(3):
            assert client.ask(request("POST", "/say", body=longer)).body == b"12345"
            assert client.get("/body").body == pattern(6)
    gate.stop()


# The retry


@faces(PLAIN, TLS)
def test_retry_an_idempotent_request_whose_reused_connection_ended(face):
    for how in "reset", "close":
        gate = Gate(face)
        with gate.client() as client:
            for number, method in enumerate(IDEMPOTENT):
                path = f"/once?how={how}&n={number}"
                assert client.get("/once").status == 200
                answer = client.ask(request(method, path), method=method)
                assert answer.status == 200, f"{method} {how}: {answer}"
                tried = gate.origin.requests(path)
                assert len(tried) == 2 and tried[0]["connection"] != tried[1]["connection"], tried
                gate.origin.kill()
                os.unlink(gate.origin.path)
                gate.origin.start()
        gate.stop()


@faces(PLAIN, TLS)
def test_retry_never_of_what_may_have_had_its_effect(face):
    for how in "reset", "close":
        gate = Gate(face)
        for method, body in ("POST", b""), ("POST", b"abc"), ("PATCH", b"abc"):
            with gate.client() as client:
                assert client.get("/once").status == 200
                path = f"/once?how={how}&{method}{len(body)}"
                answer = client.ask(request(method, path, body=body))
                assert_refusal(answer, 502)
                assert len(gate.origin.requests(path)) == 1, gate.origin.requests(path)
        gate.stop()


@faces(PLAIN)
def test_retry_goes_over_a_fresh_connection(face):
    """The whole pool may have grown old at once."""
    gate = Gate(face)
    clients = [gate.client() for _ in range(5)]
    for client in clients:
        client.send(get("/once?held"))
    gate.origin.event("request", path="/once?held", count=5)
    gate.origin.release()
    for client in clients:
        client.whole()
    assert len({event["connection"] for event in gate.origin.requests()}) == 5
    for number, client in enumerate(clients):
        assert client.get(f"/once?how=reset&n={number}").status == 200, f"the {number}th of 5"
    gate.stop()


@faces(PLAIN)
def test_retry_is_one(face):
    """A fresh connection that ends as well is the end of it."""
    gate = Gate(face)
    with gate.client() as client:
        assert client.get("/body").status == 200
        assert_refusal(client.get("/reset?at=before"), 502)
        assert len(gate.origin.requests("/reset")) in (1, 2)
    gate.stop()


@faces(PLAIN)
def test_retry_not_once_a_byte_of_the_answer_came(face):
    gate = Gate(face)
    with gate.client() as client:
        assert client.get("/body").status == 200
        assert_refusal(client.get("/reset?at=head"), 502)
        assert len(gate.origin.requests("/reset")) == 1
    gate.stop()


@faces(PLAIN, TLS)
def test_retry_any_method_where_the_pooled_connection_is_known_to_be_closed(face):
    """The origin has closed what is idle: nothing was sent on it, so a POST is safe."""
    gate = Gate(face, origin="--idle 50")
    with gate.client() as client:
        for _ in range(5):
            assert client.ask(request("POST", "/echo", body=b"abc")).status == 200
            until(lambda: connections_to(gate) == 0, "the gate has seen the end")
    assert len(gate.origin.requests("/echo")) == 5
    gate.stop()


@faces(PLAIN)
def test_retry_takes_the_body_along(face):
    """The request and the end of the idle connection are found in one round, the request in front."""
    for fields, body in ([], b"abc" * 1000), (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n0\r\n\r\n"):
        gate = Gate(face, origin="--idle 1500")
        with gate.client() as client:
            assert client.get("/body").status == 200
            gate.process.signal(signal.SIGSTOP)
            until(lambda: state(gate.process.pid) == "T", "it is stopped")
            head = request("POST", "/echo", *fields, *([] if fields else [f"Content-Length: {len(body)}"]))
            client.send(head + body)
            gate.origin.event("closed", how="us, idle")
            gate.process.signal(signal.SIGCONT)
            answer = client.whole()
            assert answer.status == 200 and answer.body.endswith(body), answer
        assert len(gate.origin.requests("/echo")) == 1
        gate.stop()


@faces(PLAIN, TLS)
def test_a_body_that_ends_before_there_is_a_connection(face):
    """A chunked body without a byte is whole while the gate still connects."""
    gate = Gate(face)
    with gate.client() as client:
        answer = client.ask(request("POST", "/echo", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
        assert answer.status == 200 and answer.body.endswith(b"\r\n\r\n0\r\n\r\n"), answer
    gate.stop()


def connections_to(gate):
    """How many connections the gate has to its origin, in any state but waiting to be forgotten."""
    want = f"0100007F:{gate.origin.port:04X}"
    rows = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    return sum(row[2] == want and row[3] in ("01", "08") for row in rows)


@faces(PLAIN)
def test_pool_gives_up_before_the_origin_does(face):
    """Keep-Alive: timeout=2, and a POST at each moment around that time: never a 502."""
    gate = Gate(face, origin="--idle 2000 --keep-alive timeout=2")
    clients = [gate.client() for _ in range(30)]
    for client in clients:
        client.get("/body")
    began = now()
    wrong = []
    for number, client in enumerate(clients):
        moment = began + 0.8 + number * 0.05
        until(lambda: now() >= moment, "its moment")
        answer = client.ask(request("POST", "/body", body=b"abc"))
        if answer.status != 200:
            wrong.append((now() - began, answer))
    assert not wrong, wrong
    gate.stop()


def assert_given_up_after(gate, seconds, what, slack):
    """The time begins between the request and when the origin tells that it has answered."""
    gate.get("/body")
    asked = gate.origin.event("request", path="/body")
    answered = gate.origin.event("answered")
    closed = gate.origin.event("closed", connection=answered["connection"])
    assert closed["time"] - asked["time"] > seconds - SLACK, (asked, closed)
    assert_below(closed["time"] - answered["time"], seconds + slack, what)
    gate.stop()


@alone
def test_pool_idle_connections_are_given_up_a_second_early():
    assert_given_up_after(Gate(PLAIN, origin="--keep-alive timeout=2"), 1.0, "2 s of the origin, less one", slack=0.15)


@alone
@slow
def test_pool_idle_connections_are_given_up_after_four_seconds():
    assert_given_up_after(Gate(PLAIN), 4.0, "an idle connection's life", slack=0.25)


def test_pool_odd_keep_alive_fields():
    for field in "timeout=0", "timeout=1", "timeout=abc", "timeout=99999999999999999999", "max=5", "timeout=", "timeout=5;max=1":
        gate = Gate(PLAIN, origin=f"--keep-alive {field}")
        with gate.client() as client:
            assert [client.get("/body").status for _ in range(3)] == [200] * 3, field
        gate.stop()


# Uploads


@faces(PLAIN, TLS, CHILD)
def test_32_an_early_answer_reaches_a_client_that_is_still_sending(face):
    """The origin answers 413 and closes without reading: the answer must not be lost in a reset."""
    gate = Gate(face)
    for size in 100000, 5000000:
        with gate.client() as client:
            client.send(request("POST", "/early?status=413", f"Content-Length: {size}"))
            client.send_while_possible(bytes(size))
            answer = client.whole()
            assert (answer.status, answer.body) == (413, b"early"), answer
    gate.stop()


@faces(PLAIN, TLS)
def test_32_an_early_answer_with_the_upload_read_to_its_end(face):
    gate = Gate(face)
    with gate.client() as client:
        client.send(request("POST", "/early?status=200&read=1", "Content-Length: 1000000"))
        assert client.answer().status == 200
        sent, how = client.send_while_possible(bytes(1000000))
        assert how != "reset", (sent, how)
    gate.stop()


@faces(PLAIN)
def test_upstream_is_told_that_the_client_has_gone(face):
    gate = Gate(face)
    for path, end in ("/hang", "reset"), ("/held-body?size=1000", "reset"), ("/events?1", "reset"), ("/events?2", "close"):
        client = gate.client()
        client.send(get(path))
        connection = gate.origin.event("request", path=path)["connection"]
        getattr(client, end)()
        gate.origin.event("closed", connection=connection)
    client = gate.client()
    client.send(request("POST", "/echo", "Content-Length: 1000") + b"half")
    connection = gate.origin.event("request", path="/echo")["connection"]
    client.reset()
    gate.origin.event("closed", connection=connection)
    assert not gate.origin.events("body", path="/echo"), "half a body looked whole"
    gate.stop()


@faces(PLAIN)
def test_11_a_client_that_resets_ends_nothing_else(face):
    gate = Gate(face)
    other = gate.client()
    other.send(get("/held"))
    for _ in range(20):
        client = gate.client(receive_buffer=4096)
        client.send(get("/body?size=10000000"))
        until(lambda: not client.silent(), "the answer begins")
        client.reset()
    gate.signal(signal.SIGPIPE)
    gate.origin.release()
    assert other.whole().status == 200
    gate.stop()
