# SPDX-License-Identifier: Apache-2.0
"""What peers can take from the relay, and from each other: memory, places, time, lines of the log; and that all counts go back."""

import socket
import struct
import threading

from relay import *

SECRET = "s3cr3t"


def memory_kb(relay):
    return int(re.search(r"VmRSS:\s+(\d+)", read_file(f"/proc/{relay.process.pid}/status"))[1])


def offer(peer, data, seconds=1.0):
    """Sends as much as is taken, until nothing is for so long; returns how much that was."""
    peer.client.socket.settimeout(seconds)
    return peer.client.send_while_possible(data)[0]


@faces(PLAIN, THREADS)
def test_slow_sixteen_clients_of_one_server_that_read_slowly(face):
    """Each gets all that is for it, in order, at its own pace; a seventeenth that reads at once waits for none of them."""
    relay = Relay(face, "--max-clients 17 --outbox 16M --write-timeout 60s")
    server = relay.server().held()
    slow = [relay.connect(receive_buffer=4096).known(server) for _ in range(16)]
    fast = relay.connect().known(server)
    count, filler = 120, "x" * 40000
    for number in range(count):
        for phone in slow:
            server.tell(phone.name, f'[{number},"{filler}"]')
        server.tell(fast.name, str(number))
    for number in range(count):
        assert fast.text() == str(number)
    assert relay.metrics()["curfew_relay_outbox_bytes"] > 16 * 40000, "they have read it all already"
    fast.say('"up"')
    server.got(fast.name, '"up"')

    wrong = []

    def read(phone):
        try:
            for number in range(count):
                assert json.loads(phone.text(within=60)) == [number, filler], number
        except Exception as error:  # shown below
            wrong.append(f"{phone.name}: {error}")

    threads = [threading.Thread(target=read, args=[phone]) for phone in slow]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    until(lambda: relay.metrics()["curfew_relay_outbox_bytes"] == 0, "nothing waits any more")
    assert relay.counts() == (1, 17)
    relay.stop()


@faces(PLAIN)
def test_outbox_bytes_of_one_that_goes_count_no_more(face):
    relay = Relay(face, "--outbox 64M --max-memory 256M")
    server, phone = relay.pair()
    slow = relay.connect(receive_buffer=4096).known(server)
    text = json.dumps("x" * 100000)  # how many of them the kernel takes is its own affair
    until(lambda: server.tell(slow.name, text) and relay.metrics()["curfew_relay_outbox_bytes"] > 100000, "it does not read")
    slow.client.reset()
    assert server.notice() == (slow.name, 1001)
    until(lambda: relay.metrics()["curfew_relay_outbox_bytes"] == 0, "what was for it is gone")
    relay.stop()


@faces(PLAIN, THREADS)
def test_places_of_the_refused_are_theirs_until_they_have_gone(face):
    """One that gets 4404 and does not answer is still a connection: no more than --max-connections are open."""
    relay = Relay(face, "--max-connections 5 --close-timeout 3s")
    began = now()
    refused = [relay.connect("nobody") for _ in range(5)]
    for phone in refused:
        assert phone.until_close()[0] == KEPT_OUT
    with relay.client() as client:
        answer = client.ask(handshake("/v1/client", *fields_of("client", "nobody")))
    counts, taken = relay.counts(), relay.metrics()["curfew_relay_connections"]
    assert_below(now() - began, 2.8, "what is asked before the first of them is cut")
    assert answer.status == 503 and answer.get("Retry-After"), answer
    assert counts == (0, 0) and taken == 5, (counts, taken)
    for phone in refused:
        assert phone.client.rest() == b""
    until(lambda: relay.metrics()["curfew_relay_connections"] == 0, "their places are free")
    server, phone = relay.pair()
    relay.stop()


@faces(PLAIN)
@plain
def test_claims_that_wait_take_little(face):
    """Servers that wait for an id say megabytes: nobody reads them; more than four do not wait."""
    relay = Relay(face, "--claim-timeout 60s")
    holder = relay.server().held()
    claims = [relay.server() for _ in range(4)]
    assert holder.frame().opcode == frames.PING
    relay.server().assert_closed(TAKEN)
    before = memory_kb(relay)
    message = frames.frame(frames.TEXT, b'"' + b"x" * 200000 + b'"', masked=True) * 50
    for claim in claims:
        assert offer(claim, message, 0.3) < len(message), "it was read"
    assert memory_kb(relay) - before < 2000, "kB that four of them take"
    holder.client.reset()
    until(lambda: relay.lines(event="taken_over"), "the first has it")
    relay.stop()


@faces(PLAIN)
@plain
def test_messages_that_are_never_whole_take_what_they_say_and_give_it_back(face):
    relay = Relay(face, "--max-clients 40")
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(40)]
    before = memory_kb(relay)
    for _ in range(3):
        for phone in phones:
            phone.send(frames.TEXT, b'"' + b"x" * 200000, fin=False)
        for phone in phones:
            phone.send(frames.CONTINUATION, b'"')
        for _ in phones:
            assert len(server.envelope()["frame"]) == 200000
    assert memory_kb(relay) - before < 40 * 600, "kB of 40 messages of 200 kB"
    for phone in phones:
        phone.client.reset()
    relay.until_counts(1, 0)
    relay.stop()


def outbox_bytes(relay):
    return relay.metrics()["curfew_relay_outbox_bytes"]


@faces(PLAIN, TLS_THREADS)
def test_memory_who_has_more_than_a_share_of_it_is_ended(face):
    """Two that take much are closed when all outboxes together are too large; one that takes little gets all that is for it."""
    relay = Relay(face, "--max-memory 8M --outbox 8M --write-timeout 60s --close-timeout 60s")
    server = relay.server().held()
    modest = relay.connect(receive_buffer=4096).known(server)
    count = 0
    while outbox_bytes(relay) < 200000:
        server.tell(modest.name, f'[{count},"{"x" * 100000}"]')
        count += 1
    hogs = [relay.connect(receive_buffer=4096).known(server) for _ in range(2)]
    most, told = 0, 0
    while relay.counts() != (1, 1) and told < 400:
        server.tell(hogs[told % 2].name, json.dumps("x" * 100000))
        told += 1
        most = max(most, outbox_bytes(relay))
    until(lambda: relay.counts() == (1, 1), "both have lost their places")
    assert 6_000_000 < most < 10_000_000, most  # looked at now and then, which misses the last of it
    for hog in hogs:
        relay.told(event="not_routed", conn_id=hog.name, reason="backlog full")
    server.tell(modest.name, f'[{count},""]')
    assert [json.loads(modest.text())[0] for _ in range(count + 1)] == list(range(count + 1))
    for hog in hogs:
        assert hog.until_close()[0] == 1011
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_memory_messages_that_are_not_whole(face):
    relay = Relay(face, "--max-memory 2M --outbox 1M --max-message 900k --max-clients 20")
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(7)]
    for phone in phones[:6]:
        phone.send(frames.TEXT, b'"' + b"x" * 340000, fin=False)
    until(lambda: relay.metrics()["curfew_relay_gathered_bytes"] == 6 * 340001, "they are gathered")
    phones[6].send(frames.TEXT, b'"' + b"x" * 340000, fin=False).assert_closed(1011, "memory is short")
    assert server.notice() == (phones[6].name, 1011)
    for phone in phones[:6]:
        phone.send(frames.CONTINUATION, b'"')
        assert server.envelope() == {"conn_id": phone.name, "frame": "x" * 340000}
    assert relay.metrics()["curfew_relay_gathered_bytes"] == 0
    relay.connect().known(server)
    relay.stop()


@faces(PLAIN, THREADS)
def test_counts_go_back_to_nothing_whatever_happened(face):
    relay = Relay(face, "--reclaim-grace 200ms --claim-timeout 200ms --close-timeout 3s")
    server, phone = relay.pair()
    relay.connect("nobody").assert_closed(KEPT_OUT)
    phone.say("no json").assert_closed(1000)
    assert server.notice() == (phone.name, 1000)
    cut = relay.connect().known(server)
    cut.client.reset()
    assert server.notice() == (cut.name, 1001)
    silent = relay.connect().known(server)
    silent.say("nor this")
    newcomer = relay.server()
    until(lambda: relay.lines(event="taken_over"), "a takeover")
    other, caller = relay.pair("other")
    other.client.reset()
    caller.assert_closed(1000)
    caller.client.close()
    relay.connect().known(newcomer).client.shut()
    for each in (newcomer, server):
        each.client.close()

    def gone():
        found = relay.metrics()
        names = ("connected_binaries", "connected_phones", "connections", "outbox_bytes")
        return not any(found[f"curfew_relay_{name}"] for name in names)

    until(gone, "all counts are 0")
    assert 'curfew_holds{kind="websocket"}' not in relay.metrics()
    relay.server("desk").held()
    relay.stop()


@faces(PLAIN, THREADS)
def test_half_closed_peers_have_said_all(face):
    """One that ends its side without a close frame: what it said before is passed on."""
    relay = Relay(face)
    server, phone = relay.pair()
    phone.say("1").say("2").client.shut()
    server.got(phone.name, "1").got(phone.name, "2")
    assert server.notice() == (phone.name, 1001)
    phone.client.assert_closed()
    server.client.shut()
    server.client.assert_closed()
    relay.until_counts(0, 0)
    relay.stop()


# What can be said of an id


@faces(PLAIN)
def test_ids_with_line_breaks_are_none(face):
    """In a header they end the line, so that the head is malformed, or the rest is a field; none gets in."""
    relay = Relay(face)
    for text in b"a\nb", b"a\rb", b"a\r\n b", b"a\0b", b"a\r\rb":
        head = handshake("/v1/server", "X-Relay-Version: 1", "User-Agent: t").replace(b"\r\n\r\n", b"\r\nX-Relay-Server: " + text + b"\r\n\r\n")
        with relay.client() as client:
            client.send(head)
            assert client.answer().status == 400, text
    assert relay.counts() == (0, 0)
    server, phone = relay.pair()
    for escape in "\\n", "\\r\\n", "\\u0000", "\\u000a":
        server.say(f'{{"conn_id":"{phone.name}{escape}","frame":1}}').say(f'{{"conn_id":"{escape}{phone.name}","frame":1}}')
    server.tell(phone.name, "2")
    assert phone.text() == "2"
    assert relay.metrics()["curfew_relay_messages_dropped_total"] == 8
    assert all(line.startswith("time=") for line in relay.log().splitlines()), relay.log()
    relay.stop()


@faces(PLAIN)
def test_log_nothing_that_peers_say_shows(face):
    """Not in the log, nor in a dump, nor on the admin face: payloads, tokens, header fields, close reasons, queries."""
    relay = Relay(face, "--log-level debug")
    server, phone = relay.pair()
    more = [f"X-Relay-Device-Name: {SECRET}", f"Cookie: {SECRET}", f"Authorization: Bearer {SECRET}", f"X-Forwarded-For: {SECRET}"]
    other = relay.connect(token=SECRET, agent=SECRET, more=more).known(server)
    phone.say(f'"{SECRET}"')
    server.got(phone.name, f'"{SECRET}"').tell(phone.name, f'"{SECRET}"')
    assert phone.text() == f'"{SECRET}"'
    server.say(SECRET).tell(SECRET, "1").say(f'{{"{SECRET}":1}}')
    phone.say(SECRET).assert_closed(1000)
    assert server.notice() == (phone.name, 1000)
    other.close(3000, SECRET.encode())
    assert server.notice() == (other.name, 3000)
    with relay.client() as client:
        assert client.get("/v1/client", f"X-Relay-Token: {SECRET}", f"User-Agent: {SECRET}").status == 400
        assert client.get("/healthz", f"X: {SECRET}").status == 200
    relay.process.signal(signal.SIGUSR1)
    until(lambda: relay.lines(event="state"), "the dump")
    told = relay.ask_admin("/status").body + relay.ask_admin("/metrics").body
    relay.stop()
    assert SECRET not in relay.log() and SECRET.encode() not in told


@faces(PLAIN)
def test_log_a_stranger_cannot_fill_it(face):
    """Messages for nobody, and requests for nothing, are told of in lines that are few, and counted."""
    relay = Relay(face)
    server, phone = relay.pair()
    for _ in range(20):
        server.client.send(frames.frame(frames.TEXT, b"0", masked=True) * 100)
    with relay.client() as client:
        client.send(b"".join(wire.get("/nothing") for _ in range(2000)))
        for _ in range(2000):
            assert client.whole().status == 404
    server.tell(phone.name, "1")
    assert phone.text() == "1", "it stays"
    found = relay.metrics()
    assert found["curfew_relay_messages_dropped_total"] == 2000 and found['curfew_requests_total{code="404"}'] == 2000, found
    assert 32 <= len(relay.lines(event="not_routed")) < 100, len(relay.lines(event="not_routed"))
    assert 256 <= len(relay.lines(event="refused")) < 1000, len(relay.lines(event="refused"))
    relay.stop()


# Addresses


def version_2(source, command=0x21, family=0x11):
    addresses = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack("!HH", 5555, 443)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack("!H", len(addresses)) + addresses


@faces(PLAIN, TLS)
def test_proxy_protocol_version_2(face):
    """Whom it names is limited, counted and logged; without it, or with half of it, there is no connection."""
    relay = Relay(face, "--proxy-protocol --rate-limit 1/m --burst 1")
    for number, address in enumerate(["192.0.2.7", "192.0.2.8"]):
        relay.server(f"desk{number}", hello=version_2(address)).held()
        assert relay.lines(event="registered", remote=address), relay.log()
    with relay.client(hello=version_2("192.0.2.7")) as client:
        assert client.ask(handshake("/v1/server", *fields_of("server", "more"))).status == 429
    relay.server("local", hello=version_2("192.0.2.7", command=0x20, family=0)).held()
    assert relay.lines(event="registered", server_id="local", remote="127.0.0.1"), relay.log()
    for wrong in version_2("192.0.2.9")[:20], version_2("192.0.2.9", command=0x31), b"GET / HTTP/1.1\r\n\r\n":
        with wire.connected(relay.address) as plain:
            plain.sendall(wrong)
            try:
                assert plain.recv(100) == b"", wrong
            except ConnectionResetError:
                pass
    relay.stop()


@faces(PLAIN)
def test_addresses_of_ipv4_are_what_they_are_on_a_socket_of_both(face):
    """Else all of them would share one limit."""
    port = free_port()
    relay = Relay(face, "--rate-limit 1/m --burst 1", listen=f":{port}")
    relay.address = port
    for number in range(1, 4):
        relay.server(f"desk{number}", source=f"127.0.0.{number}").held()
        assert relay.lines(event="registered", remote=f"127.0.0.{number}"), relay.log()
    relay.stop()


@faces(PLAIN)
def test_requests_by_other_methods(face):
    relay = Relay(face)
    with relay.client() as client:
        for path in "/v1/server", "/v1/client":
            for method in "HEAD", "OPTIONS", "PUT", "DELETE":
                answer = client.ask(wire.request(method, path), method)
                assert answer.status == 405 and answer.get("Allow") == "GET", (method, answer)
        head = client.ask(wire.request("HEAD", "/healthz"), "HEAD")
        assert head.status == 200 and int(head.get("Content-Length")) > 0, head
        assert client.ask(wire.request("OPTIONS", "/healthz"), "OPTIONS").get("Allow") == "GET, HEAD"
        assert client.ask(wire.request("OPTIONS", "*"), "OPTIONS").status == 404
        assert client.get("/healthz?x").status == 200
    relay.stop()
