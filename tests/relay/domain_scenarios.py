# SPDX-License-Identifier: Apache-2.0
"""A relay with --domain: its certificate is served, read again, or not there yet; and the listener of the challenges."""

from acme import *


def stopped(process):
    """Stops it, as a terminal would: what comes meanwhile waits in the queues of its sockets."""
    process.signal(signal.SIGSTOP)
    until(lambda: read_file(f"/proc/{process.pid}/stat").rpartition(") ")[2][0] == "T", "it is stopped")


def assert_cut_off(connection):
    """That the other side closes it, and has said nothing; a reset will do, since nobody read what we said."""
    try:
        assert connection.recv(1) == b""
    except ConnectionResetError:
        pass
    connection.close()


HANDSHAKE = (
    f"GET /v1/server HTTP/1.1\r\nHost: {DOMAIN}\r\nUser-Agent: x\r\nX-Relay-Server: s\r\nX-Relay-Version: 1\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def opened(member):
    """Makes a WebSocket of a connection; returns where frames are read from."""
    member.sendall(HANDSHAKE.encode())
    reader = member.makefile("rb")
    assert b" 101 " in reader.readline()
    while reader.readline() != b"\r\n":
        pass
    return reader


def test_domain_tls_clients_at_the_end_where_there_was_never_a_certificate():
    """The CA does not answer. Those that wait in the queue at the signal are told at once, and nothing waits for them."""
    ca, cache = CA(), fresh("cache")
    with socket.create_server(("127.0.0.1", ca.port)):
        relay = Relay(ca, cache).up()
        until(lambda: relay.status()["state"] == "issuing" and descendants(relay.process.pid), "it asks the CA")
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 40 * b"x"
        early = socket.create_connection(("127.0.0.1", relay.port), WITHIN)
        assert_cut_off(early)
        stopped(relay.process)
        waiting = [socket.create_connection(("127.0.0.1", relay.port), WITHIN) for _ in range(20)]
        for each in waiting[:10]:
            each.sendall(hello)
        began = relay.process.signal(signal.SIGTERM)
        relay.process.signal(signal.SIGCONT)
        for each in waiting:
            assert_cut_off(each)
        assert relay.process.wait() == 0
    assert_below(relay.process.ended - began, 5, "the end without a certificate")
    assert_no_survivors()
    assert not relay.events("ready") and not relay.events("certificate_failed")


def test_domain_sighup_reads_the_cache_again():
    """What another program has put there is served from then on; who is there stays."""
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-DAY, 80 * DAY))
    relay = Relay(ca, cache).up()
    relay.event("ready")
    before = leaf(cache)
    with relay.connect() as member, opened(member) as reader:
        other, key = dated(-DAY, 85 * DAY)
        os.replace(key, os.path.join(cache, "private", DOMAIN, "key.pem"))
        os.replace(other, os.path.join(cache, DOMAIN, "cert.pem"))
        assert relay.presented() == before, "it changed unasked"
        relay.process.signal(signal.SIGHUP)
        assert relay.event("reloaded")["file"] == os.path.join(cache, DOMAIN, "cert.pem")
        assert relay.presented() == leaf(cache) != before
        relay.process.signal(signal.SIGTERM)
        head = reader.read(2)
        assert head[0] == 0x88 and reader.read(head[1])[:2] == (1001).to_bytes(2, "big")
    assert relay.process.wait() == 0
    assert not relay.events("not_reloaded")


def test_domain_sighup_where_there_was_never_a_certificate():
    """It says that there is none, and goes on as before."""
    ca, cache = CA(), fresh("cache")
    with socket.create_server(("127.0.0.1", ca.port)):
        relay = Relay(ca, cache).up()
        until(lambda: relay.status()["state"] == "issuing" and descendants(relay.process.pid), "it asks the CA")
        relay.process.signal(signal.SIGHUP)
        assert relay.event("not_reloaded", level="error")
        assert_cut_off(socket.create_connection(("127.0.0.1", relay.port), WITHIN))
        assert relay.status()["state"] == "issuing" and relay.ask("/readyz")[0] == 503 and relay.ask("/healthz")[0] == 200
        relay.stop()
    assert not relay.events("reloaded") and not relay.events("ready")


@plain
@limit(120)
def test_domain_the_relay_serves_its_domain():
    """From nothing to a WebSocket over verified TLS, which gets its 1001 at the end; then again, from the cache."""
    ca, cache = CA().start(), fresh("cache")
    for start_over in False, True:
        relay = Relay(ca, cache).up()
        if not start_over:
            relay.issued()
        assert relay.event("ready")["time"] >= relay.event("certificate_loaded")["time"]
        root = ca.root()
        assert relay.presented(root) == leaf(cache) and relay.status()["state"] == "valid"
        with relay.connect(root) as member, opened(member) as reader:
            relay.process.signal(signal.SIGTERM)
            head = reader.read(2)
            assert head[0] == 0x88 and reader.read(head[1])[:2] == (1001).to_bytes(2, "big")
        assert relay.process.wait() == 0
        assert_no_survivors()
    assert not relay.events("uacme_said") and ca.orders() == 1


def test_domain_challenges_at_the_end():
    """What has come is answered, more of it than is accepted at once; then the listener is closed with the others, while
    connections are still there."""
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-DAY, 80 * DAY))
    relay = Relay(ca, cache).up()
    relay.event("ready")
    with open(os.path.join(cache, ".challenges", "token"), "w", encoding="utf-8") as file:
        file.write("its answer")
    request = f"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode()
    member = relay.connect()
    reader = opened(member)
    half, silent = (socket.create_connection(("127.0.0.1", relay.challenges), WITHIN) for _ in range(2))
    half.sendall(request[:20])
    stopped(relay.process)
    queued = [socket.create_connection(("127.0.0.1", relay.challenges), WITHIN) for _ in range(150)]
    for each in queued:
        each.sendall(request)
    began = relay.process.signal(signal.SIGTERM)
    relay.process.signal(signal.SIGCONT)
    assert reader.read(2)[0] == 0x88, "no close frame"
    half.sendall(request[20:])
    for each in half, *queued:
        assert only_answer(each) == (200, "its answer")
        each.close()
    until(lambda: not accepts(relay.challenges), "nobody listens for challenges")
    assert relay.process.alive(), "it has not waited for the answer to its close frame"
    member.sendall(b"\x88\x80\0\0\0\0")
    assert relay.process.wait() == 0
    assert_below(relay.process.ended - began, 4.9, "the end beside one that never says a word")
    silent.close()
    member.close()


def test_domain_the_relay_refuses_a_cache_that_others_can_read():
    cache = fresh("cache")
    os.mkdir(cache, 0o755)
    os.chmod(cache, 0o755)
    code, _, err = finished([curfew_path(), "relay", "--domain", DOMAIN, "--cert-cache", cache])
    assert code == 2 and err.startswith("curfew relay: --cert-cache: others may use") and err.count("\n") == 1, (code, err)
