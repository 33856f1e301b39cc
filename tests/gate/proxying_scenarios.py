# SPDX-License-Identifier: Apache-2.0
"""What passes through the gate, byte for byte, in both directions, while nothing ends."""

import hashlib
import threading

from gate import *
from pattern import pattern
from wire import get, request, unchunked

MEGABYTES = 10 * 1000 * 1000
HOP_BY_HOP = ["Keep-Alive: timeout=9", "Proxy-Connection: keep-alive", "TE: trailers", "X-Private: 1", "Upgrade: h2c"]


def seen(gate, path):
    """The head of a request as the origin saw it: its first line, and its fields as pairs."""
    line, *fields = gate.origin.event("request", path=path)["raw"].split("\r\n")[:-2]
    return line, [tuple(field.split(": ", 1)) for field in fields]


def named(fields, name):
    return [value for key, value in fields if key.lower() == name.lower()]


@faces(*ALL)
def test_proxy_bodies_of_any_size_pass_unchanged(face):
    gate = Gate(face)
    with gate.client() as client:
        for size in 0, 1, 1000, 65535, 65536, 65537, 1000000:
            for how in "", "&chunked=1", "&chunked=1000", "&chunked=70000":
                if how == "&chunked=1" and size > 1000:
                    continue
                answer = client.get(f"/body?size={size}{how}")
                assert (answer.status, answer.body) == (200, pattern(size)), (size, how, answer)
    gate.stop()


@faces(*ALL)
def test_proxy_ten_megabytes_both_ways(face):
    gate = Gate(face)
    content = pattern(MEGABYTES)
    with gate.client() as client:
        assert client.get(f"/body?size={MEGABYTES}").body == content
        assert client.ask(request("POST", "/body", body=content)).status == 200
    told = gate.origin.event("body", path="/body", length=MEGABYTES)
    assert told["sha"] == hashlib.sha256(content).hexdigest()
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_an_upload_and_a_download_at_once(face):
    """An echo of bytes as they come: neither direction waits for the end of the other."""
    gate = Gate(face)
    with gate.client() as client:
        client.ask(get("/upgrade", "Connection: upgrade", "Upgrade: echo"))
        content = pattern(3000000)
        sender = threading.Thread(target=client.send, args=[content])
        if face.tls:  # Python's TLS is not for two threads: pieces that fit
            for at in range(0, len(content), 60000):
                client.send(content[at : at + 60000])
                while len(client.buffer) < at + len(content[at : at + 60000]):
                    client.fill(now() + WITHIN)
        else:
            sender.start()
            while len(client.buffer) < len(content):
                client.fill(now() + WITHIN)
            sender.join()
        assert client.buffer == content
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_chunked_upload_keeps_its_bytes_and_trailers(face):
    gate = Gate(face)
    parts = [pattern(size) for size in (1, 5000, 70000)]
    body = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts)
    with gate.client() as client:
        head = "POST /body HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        client.send(head).send(body + b"0\r\nX-Sum: 7\r\n\r\n")
        assert client.whole().status == 200
        assert client.get("/body?again").status == 200
    told = gate.origin.event("body", path="/body", length=sum(map(len, parts)))
    assert told["sha"] == hashlib.sha256(b"".join(parts)).hexdigest()
    client = gate.client()
    client.send("POST /echo HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    assert unchunked(client.whole().body.partition(b"\r\n\r\n")[2]) == (b"abc", [b"X-Sum: 7"])
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_trailers_of_the_answer(face):
    gate = Gate(face)
    with gate.client() as client:
        answer = client.get("/trailers?size=100", "TE: trailers")
        assert answer.body == pattern(100)
        assert [name.lower() for name, _ in answer.trailers] == ["x-one", "x-two"], answer.trailers
        assert [value for _, value in answer.trailers] == ["1", "two"]
    gate.stop()


@faces(PLAIN)
def test_proxy_the_request_line_and_fields_are_as_the_client_wrote_them(face):
    gate = Gate(face)
    target = "/echo/%2e%2e/a//b/%zz?x=1&x=%20#".rstrip("#")
    with gate.client() as client:
        fields = ["x-lower: 1", "X-Twice: a", "X-Twice: b", "X-Odd: \xe4\t\"q\"", "X-Empty:", "Cookie: a=b; c=d", "Accept-Encoding: gzip", "User-Agent: test"]
        answer = client.ask(request("PATCH", target, *fields, body=b"abc", host="Some.Host:81"))
        assert answer.status == 200
    line, got = seen(gate, "/echo/")
    assert line == f"PATCH {target} HTTP/1.1"
    assert named(got, "Host") == ["Some.Host:81"]
    assert named(got, "x-twice") == ["a", "b"] and named(got, "x-lower") == ["1"]
    assert named(got, "x-odd") == ['\xe4\t"q"'] and named(got, "content-length") == ["3"]
    assert named(got, "cookie") == ["a=b; c=d"] and named(got, "user-agent") == ["test"]
    gate.stop()


@faces(PLAIN)
def test_proxy_hop_by_hop_fields_are_left_out(face):
    gate = Gate(face)
    with gate.client() as client:
        client.get("/echo", *HOP_BY_HOP, "Connection: keep-alive, x-private, te", "X-Kept: yes")
        _, got = seen(gate, "/echo")
        for name in "keep-alive", "proxy-connection", "x-private", "upgrade":
            assert not named(got, name), (name, got)
        assert named(got, "x-kept") == ["yes"]
        assert not any("x-private" in value for value in named(got, "connection")), got
        answer = client.get("/fields")
        assert answer.all("Set-Cookie") == ["a=1", "b=2"] and answer.get("X-Kept") == "yes"
        assert not answer.all("X-Private") and not answer.all("Proxy-Connection"), answer
        assert answer.get("Server") == "origin" and answer.get("Date").endswith("1970 00:00:00 GMT"), answer
        assert not answer.says_close()
    gate.stop()


@faces(PLAIN)
def test_proxy_a_connection_field_cannot_take_host_or_framing_away(face):
    gate = Gate(face)
    with gate.client() as client:
        answer = client.ask(request("POST", "/echo", "Connection: host, content-length, x-forwarded-for", body=b"abc"))
        assert answer.body.endswith(b"\r\n\r\nabc"), answer
    _, got = seen(gate, "/echo")
    assert named(got, "host") == ["gate"] and named(got, "x-forwarded-for") == ["127.0.0.1"]
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_interim_answers_pass_in_order(face):
    gate = Gate(face)
    with gate.client() as client:
        answer = client.get("/interim?kind=103,102,103")
        assert [each.status for each in answer.interim] == [103, 102, 103], answer.interim
        assert answer.interim[0].get("Link") == "</style.css>; rel=preload" and answer.body == b"final"
        assert client.get("/body").status == 200
        client.send("GET /interim?kind=103 HTTP/1.0\r\nHost: gate\r\nConnection: keep-alive\r\n\r\n")
        assert not client.whole().interim, "an interim answer to a client of HTTP/1.0"
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_a_client_that_waits_for_100_gets_it(face):
    gate = Gate(face)
    with gate.client() as client:
        client.send("POST /echo HTTP/1.1\r\nHost: gate\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.message("POST", now() + WITHIN).status == 100
        assert client.ask(b"abc").body.endswith(b"abc")
        assert client.get("/body").status == 200
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_head_has_no_body_and_the_length(face):
    gate = Gate(face)
    with gate.client() as client:
        for path, length in ("/body?size=5000", "5000"), ("/body?size=50&chunked=10", None), ("/body?size=0", "0"):
            answer = client.ask(request("HEAD", path), method="HEAD")
            assert (answer.status, answer.body) == (200, b"")
            assert answer.get("Content-Length") == length, answer
        assert client.get("/body").body == pattern(6)
    gate.stop()


@faces(PLAIN)
def test_proxy_statuses_without_a_body(face):
    gate = Gate(face)
    with gate.client() as client:
        for code in 204, 304, 200, 404, 500, 599:
            assert client.get(f"/status?code={code}").status == code
        not_modified = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: x\r\n\r\n".hex()
        answer = client.get(f"/raw/{not_modified}")
        assert (answer.status, answer.get("ETag"), answer.body) == (304, "x", b"")
        assert client.get("/body").status == 200
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_bodies_that_end_with_the_connection(face):
    """From the origin: to a client of HTTP/1.1 it may be chunked; to one of HTTP/1.0 it ends so again."""
    gate = Gate(face)
    for path in "/body?size=100000&close=1", "/body?size=100000&old=1":
        with gate.client() as client:
            answer = client.get(path)
            assert (answer.status, answer.body) == (200, pattern(100000))
    for path in "/body?size=100000&close=1", "/body?size=100000&chunked=5000":
        with gate.client() as client:
            answer = client.ask(f"GET {path} HTTP/1.0\r\n\r\n")
            assert answer.body == pattern(100000) and not answer.all("Transfer-Encoding"), answer
            assert client.ended == "closed"
    gate.stop()


@faces(PLAIN)
def test_proxy_http_1_0_clients(face):
    gate = Gate(face)
    with gate.client() as client:
        client.ask("GET /body HTTP/1.0\r\n\r\n")
        client.assert_closed()
    with gate.client() as client:
        for _ in range(2):
            answer = client.ask("GET /body?size=9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert answer.body == pattern(9)
            assert "keep-alive" in [value.lower() for value in answer.all("Connection")], answer
    gate.stop()


@faces(PLAIN, TLS, CHILD)
def test_proxy_keep_alive_on_both_sides(face):
    gate = Gate(face)
    with gate.client() as client:
        for _ in range(50):
            client.get("/body")
    opened = {event["connection"] for event in gate.origin.requests("/body")}
    assert len(opened) == 1, f"one client after another used {len(opened)} connections to the origin"
    with gate.client() as client:
        client.ask(get("/body", "Connection: close"))
        client.assert_closed()
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_pipelined_requests_are_answered_in_order(face):
    gate = Gate(face)
    sizes = [5, 70000, 0, 1, 300, 65536, 2, 3]
    with gate.client() as client:
        client.send(b"".join(get(f"/body?size={size}") for size in sizes))
        assert [len(client.whole().body) for _ in sizes] == sizes
        mixed = request("POST", "/echo", body=b"one") + get("/body?size=4") + request("POST", "/echo", body=b"two")
        client.send(mixed)
        assert [client.whole().body[-3:] for _ in range(3)] == [b"one", pattern(4)[-3:], b"two"]
    gate.stop()


@faces(PLAIN)
def test_proxy_every_cut_of_a_request(face):
    gate = Gate(face)
    text = b"POST /echo HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with gate.client() as client:
        for cut in range(1, len(text)):
            client.send(text[:cut])
            assert client.silent(0.001)
            got = client.ask(text[cut:]).body.partition(b"\r\n\r\n")[2]
            assert unchunked(got) == (b"abc", []), (cut, got)
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_a_tunnel_of_another_protocol(face):
    gate = Gate(face)
    with gate.client() as client:
        answer = client.ask(get("/upgrade", "Connection: upgrade", "Upgrade: echo/1"))
        assert answer.status == 101 and answer.get("Upgrade") == "echo/1", answer
        for size in 1, 1000, 50000:
            client.send(pattern(size))
            while len(client.buffer) < size:
                client.fill(now() + WITHIN)
            assert client.buffer == pattern(size)
            client.buffer.clear()
        if not face.tls:
            client.shut()
            client.assert_closed()
    gate.origin.event("closed")
    gate.stop()


@faces(PLAIN, TLS)
@plain
def test_proxy_a_slow_reader_stops_the_origin(face):
    """Back-pressure: what nobody reads is not read from the origin either, and the gate stays small."""
    gate = Gate(face)
    gate.get("/body?size=1000000")
    before = resident(gate_pid(gate))
    with gate.client(receive_buffer=4096) as client:
        client.send(get("/body?size=100000000"))
        until(lambda: not client.silent(), "the answer begins")
        settled(gate_pid(gate))
        grown = resident(gate_pid(gate)) - before
        assert grown < 4000, f"the gate has grown by {grown} kB for one slow reader"
        assert not gate.origin.events("answered", path="/body?size=100000000")
    gate.origin.event("closed")
    gate.stop()


@faces(PLAIN)
@plain
def test_proxy_an_upload_that_nobody_reads_is_stopped(face):
    gate = Gate(face)
    gate.get("/body?size=1000000")
    before = resident(gate_pid(gate))
    with gate.client(within=1) as client:
        client.send(request("POST", "/hang-unread", "Content-Length: 100000000"))
        sent, how = client.send_while_possible(bytes(100000000))
        assert how == "stalled" and sent < 50000000, (sent, how)
        assert resident(gate_pid(gate)) - before < 4000
    gate.origin.kill()
    gate.origin.process = None
    gate.stop()


def resident(pid):
    """Memory of a process in kB, and of its workers, where it has them as processes."""
    return sum(int(status(each).get("VmRSS", "0").split()[0]) for each in [pid, *descendants(pid)])
