# SPDX-License-Identifier: Apache-2.0
"""Who is let in: what each endpoint needs, and what it answers to all else, before the upgrade."""

from relay import *

MISSING = [
    ("server", "Server", dict(id=None)),
    ("server", "Server", dict(id="")),
    ("server", "Version", dict(version=None)),
    ("server", "Version", dict(version="")),
    ("server", "User-Agent", dict(agent=None)),
    ("server", "User-Agent", dict(agent="")),
    ("client", "Server", dict(id=None)),
    ("client", "Token", dict(token=None)),
    ("client", "Token", dict(token="")),
    ("client", "User-Agent", dict(agent=None)),
]


def ask(relay, role, **fields):
    fields.setdefault("id", "desk")
    lines = [line.encode().decode("latin-1") for line in fields_of(role, **fields)]
    with relay.client() as client:
        return client.ask(handshake(f"/v1/{role}", *lines))


@faces(PLAIN, TLS_THREADS)
def test_handshake_needs_its_headers(face):
    relay = Relay(face)
    for role, name, fields in MISSING:
        answer = ask(relay, role, **fields)
        assert answer.status == 400 and name.encode() in answer.body, (role, name, answer)
    for role in "server", "client":
        twice = fields_of(role, "desk", more=["X-Relay-Server: other"])
        with relay.client() as client:
            assert client.ask(handshake(f"/v1/{role}", *twice)).status == 400, "two ids"
    assert relay.counts() == (0, 0)
    relay.stop()


@faces(PLAIN)
def test_handshake_ids_that_are_none(face):
    relay = Relay(face)
    for id in "x" * 257, "a\x7fb", "a\tb", "a\x01b", "\u0080", "\u009f":
        assert ask(relay, "server", id=id).status == 400, repr(id)
    with relay.client() as client:
        line = b"X-Relay-Server: a\xffb"
        head = handshake("/v1/server", "X-Relay-Version: 1", "User-Agent: t").replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")
        assert client.ask(head).status == 400, "not UTF-8"
    relay.server("x" * 256).held()
    relay.stop()


@faces(PLAIN)
def test_handshake_ids_of_any_kind_come_out_as_json(face):
    relay = Relay(face)
    for id in 'a.b', "a*b", "a b", 'a"b', "a\\b", "caf\u00e9", "\u65e5\u672c", "-", "client-x-00000000", "%00", "{}":
        server, phone = relay.pair(id)
        phone.say('{"n": 12345678901234567890}')
        assert server.envelope() == {"conn_id": phone.name, "frame": {"n": 12345678901234567890}}
        server.tell(phone.name, "[1]")
        assert phone.text() == "[1]"
        phone.leave()
        assert server.notice() == (phone.name, 1000)
        server.leave()
    relay.stop()


@faces(PLAIN)
def test_handshake_headers_with_the_prefix_that_is_configured(face):
    relay = Relay(face, "--header-prefix X-Pyrycode")
    server = relay.server("desk", prefix="X-Pyrycode").held()
    relay.connect("desk", prefix="X-Relay").known(server)
    relay.connect("desk", prefix="x-pyrycode").known(server)
    assert ask(relay, "server", prefix="X-Other").status == 400
    relay.stop()


@faces(PLAIN)
def test_handshake_other_methods_paths_and_no_upgrade(face):
    relay = Relay(face)
    fields = fields_of("server", "desk")
    with relay.client() as client:
        assert client.get("/").status == 404
        assert client.get("/v1/servers", *fields).status == 404
        assert client.get("/v1/server", *fields).status == 426
        answer = client.ask(wire.request("POST", "/v1/server", *fields), "POST")
        assert answer.status == 405 and "GET" in answer.get("Allow"), answer
        answer = client.ask(handshake("/v1/client", *fields_of("client", "desk")).replace(b"Version: 13", b"Version: 12"))
        assert answer.status == 426 and answer.get("Sec-WebSocket-Version") == "13", answer
        assert client.ask(handshake("/v1/client", *fields_of("client", "desk")).replace(frames.KEY.encode(), b"short")).status == 400
        assert client.get("/healthz").status == 200, "the connection goes on"
    relay.stop()


@faces(PLAIN)
def test_handshake_offers_are_declined(face):
    """No compression, and no subprotocol."""
    relay = Relay(face)
    with relay.client() as client:
        offers = ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: a, b", "X-Relay-Device-Name: Anna's"]
        answer = client.ask(handshake("/v1/server", *fields_of("server", "desk", more=offers)))
        assert answer.status == 101, answer
        assert not answer.all("Sec-WebSocket-Extensions") and not answer.all("Sec-WebSocket-Protocol"), answer
    relay.stop()


@faces(PLAIN)
def test_handshake_rate_limit_by_address(face):
    relay = Relay(face, "--rate-limit 1/m --burst 3")
    for number in range(3):
        relay.server(f"desk{number}").held()
    answer = ask(relay, "server", id="more")
    assert answer.status == 429 and 1 <= int(answer.get("Retry-After")) <= 60, answer
    relay.server("elsewhere", source="127.0.0.2").held()
    assert relay.get("/healthz").status == 200, "what asks how it is is not limited"
    assert relay.metrics()['curfew_relay_ws_upgrade_attempts_total{endpoint="server",outcome="rate_limited"}'] == 1
    relay.stop()


@faces(PLAIN)
def test_handshake_trusts_a_proxy_on_the_address_if_it_is_told_to(face):
    relay = Relay(face, "--rate-limit 1/m --burst 1 --trust-forwarded 127.0.0.0/8")
    for address in "192.0.2.1", "192.0.2.2", "2001:db8::1":
        relay.server(f"of-{address}", more=[f"X-Forwarded-For: 203.0.113.9, {address}"]).held()
    assert ask(relay, "server", id="again", more=["X-Forwarded-For: 192.0.2.2"]).status == 429
    assert ask(relay, "server", id="again", more=["X-Forwarded-For: 2001:db8::2"]).status == 429, "one network of 64 bits"
    assert relay.lines(event="registered", remote="192.0.2.1"), relay.log()
    relay.stop()


@faces(PLAIN)
def test_handshake_does_not_believe_others_on_their_address(face):
    relay = Relay(face, "--rate-limit 1/m --burst 1")
    relay.server(more=["X-Forwarded-For: 192.0.2.1"]).held()
    assert ask(relay, "server", id="again", more=["X-Forwarded-For: 192.0.2.2"]).status == 429
    relay.stop()


@faces(PLAIN, THREADS)
def test_handshake_caps_on_connections(face):
    relay = Relay(face, "--max-connections 3")
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(2)]
    answer = ask(relay, "server", id="more")
    assert answer.status == 503 and int(answer.get("Retry-After")) >= 1, answer
    phones[0].leave()
    assert server.notice() == (phones[0].name, 1000)
    until(lambda: relay.connect(opened=False).client.answer().status == 101, "a place is free again")
    relay.stop()


@faces(PLAIN)
def test_handshake_cap_on_connections_of_one_address(face):
    relay = Relay(face, "--max-per-ip 2")
    server = relay.server().held()
    relay.connect().known(server)
    assert ask(relay, "client").status == 429
    relay.connect(source="127.0.0.2").known(server)
    relay.stop()


@faces(PLAIN)
def test_handshake_half_a_head_is_answered_408(face):
    relay = Relay(face, "--head-timeout 1s")
    client = relay.client()
    client.get("/healthz")  # so that the second is that of what has begun
    client.send(handshake("/v1/server", *fields_of("server", "desk"))[:-2])
    assert client.answer().status == 408
    client.assert_closed()
    relay.stop()


@faces(PLAIN)
def test_handshake_behind_the_proxy_protocol(face):
    relay = Relay(face, "--proxy-protocol --rate-limit 1/m --burst 1", ready=True)
    line = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n"
    relay.server("desk", hello=line).held()
    assert relay.lines(event="registered", remote="192.0.2.7"), relay.log()
    with relay.client(hello=line) as client:
        assert client.ask(handshake("/v1/server", *fields_of("server", "more"))).status == 429
    with relay.client() as client:
        client.send(handshake("/v1/server", *fields_of("server", "desk")))
        assert client.rest() == b"", "one without the header"
    relay.stop()


@faces(PLAIN)
def test_handshake_neither_token_nor_device_name_shows(face):
    relay = Relay(face, "--log-level debug")
    server = relay.server().held()
    relay.connect(token="s3cr3t-t0ken", more=["X-Relay-Device-Name: annas-phone"]).known(server)
    ask(relay, "client", token="s3cr3t-t0ken", agent=None)
    relay.stop()
    assert "s3cr3t" not in relay.log() and "annas-phone" not in relay.log()


@faces(PLAIN, TLS)
def test_health_tells_who_is_there(face):
    relay = Relay(face)
    assert relay.counts() == (0, 0)
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(3)]
    health = relay.health()
    assert (health["status"], health["connected_binaries"], health["connected_phones"]) == ("ok", 1, 3), health
    assert health["uptime_seconds"] >= 0 and re.fullmatch(r"\d+\.\d+\.\d+.*", health["version"]), health
    metrics = relay.metrics()
    assert metrics["curfew_relay_connected_binaries"] == 1 and metrics["curfew_relay_connected_phones"] == 3
    assert metrics['curfew_relay_ws_upgrade_attempts_total{endpoint="client",outcome="opened"}'] == 3
    phones[0].client.reset()
    relay.until_counts(1, 2)
    relay.stop()
