# SPDX-License-Identifier: Apache-2.0
"""Unix sockets on both sides, systemd's sockets, the PROXY protocol, and who the origin is told the client is."""

import struct
import subprocess

from gate import *
from pattern import pattern
from proxying_scenarios import named, seen
from wire import Ended, get

UNIX = Face("unix", threads=2)


def unix_gate(face=PLAIN, options=""):
    path, upstream = temporary("gate.sock"), temporary("origin.sock")
    return Gate(face, options, origin=Origin(address=upstream), listen=f"unix:{path}"), path


@faces(PLAIN, THREADS)
def test_unix_sockets_on_both_sides(face):
    gate, path = unix_gate(face)
    assert gate.get("/body?size=100000").body == pattern(100000)
    _, fields = seen(gate, "/body")
    assert named(fields, "X-Forwarded-For") == ["unknown"] and named(fields, "Forwarded")[0].startswith("for=unknown"), fields
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")
    gate.drain()
    gate.origin.release()
    assert client.whole().says_close()
    client.close()
    gate.end()
    assert not os.path.exists(path), "the socket's file was left"


@faces(PLAIN, THREADS)
def test_21_a_frozen_backlog_of_a_unix_socket(face):
    gate, _ = unix_gate(face)
    gate.process.signal(signal.SIGSTOP)
    until(lambda: state(gate.process.pid) == "T", "it is stopped")
    clients = [gate.client() for _ in range(50)]
    for client in clients:
        client.send(get("/body"))
    gate.signal()
    gate.process.signal(signal.SIGCONT)
    assert [client.whole().status for client in clients] == [200] * 50
    gate.end()


def test_unix_upstream_that_is_not_there_is_502():
    gate, _ = unix_gate()
    gate.origin.kill()
    gate.origin.process = None
    answer = gate.get("/body")
    assert answer.status == 502 and answer.body, answer
    gate.stop()


def activated(face, number, options=""):
    """A gate that systemd-socket-activate, or we, hand over so many sockets."""
    listeners = []
    for _ in range(number):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", free_port()))
        listener.listen(4096)
        listeners.append(listener)

    def hand_over(argv):
        moves = "".join(f" {3 + i}<&{each.fileno()}" for i, each in enumerate(listeners))
        return ["bash", "-c", f'LISTEN_FDS={number} LISTEN_PID=$$ exec "$@"{moves}', "bash", *argv]

    gate = Gate(face, options, listen="activated", wrap=hand_over, pass_fds=[each.fileno() for each in listeners], ready=False)
    gate.address = listeners[0].getsockname()[1]
    gate.ready()
    return gate, listeners


@faces(PLAIN, TLS, CHILD)
def test_systemd_hands_over_two_sockets(face):
    gate, listeners = activated(face, 2)
    for listener in listeners:
        gate.address = listener.getsockname()[1]
        assert gate.get("/body").status == 200
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")
    gate.signal()
    until(lambda: gate.ask_admin("/readyz").status == 503, "it ends")
    gate.origin.release()
    assert client.whole().says_close()
    client.close()
    gate.end()


def test_systemd_connections_that_wait_in_the_queue_are_for_the_next_process():
    """The socket stays systemd's: it is not emptied to be thrown away, and goes on listening."""
    gate, listeners = activated(PLAIN, 1)
    gate.stop()
    with wire.connected(listeners[0].getsockname()[1]):
        pass


# The PROXY protocol


def version_2(source, port, family=0x11, command=0x21):
    addresses = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack("!HH", port, 80)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack("!H", len(addresses)) + addresses


PROXY = [
    ("version 1", b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 80\r\n", "192.0.2.7"),
    ("version 1, IPv6", b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 80\r\n", "2001:db8::7"),
    ("version 1, unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ("version 2", version_2("192.0.2.9", 5555), "192.0.2.9"),
    ("version 2, local", version_2("192.0.2.9", 5555, family=0, command=0x20), "127.0.0.1"),
]


@faces(PLAIN, TLS, CHILD)
def test_proxy_protocol_tells_who_the_client_is(face):
    gate = Gate(face, "--proxy-protocol")
    for number, (name, header, client_is) in enumerate(PROXY):
        with gate.client(hello=header) as client:
            assert client.get(f"/body?{number}").status == 200, name
        _, fields = seen(gate, f"/body?{number}")
        assert named(fields, "X-Forwarded-For") == [client_is], (name, fields)
    gate.stop()


@faces(PLAIN, TLS)
def test_proxy_protocol_without_a_header_is_refused(face):
    gate = Gate(face, "--proxy-protocol --head-timeout 2s")
    for text in get("/bad"), b"PROXY TCP4 300.0.0.1 10.0.0.1 1 1\r\n" + get("/bad"), b"PROXY " + b"x" * 600, b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0", b"PRO":
        with wire.connected(gate.address) as plain:
            plain.sendall(text)
            plain.settimeout(WITHIN)
            try:
                assert plain.recv(1000)[:13] in (b"", b"HTTP/1.1 400 ", b"HTTP/1.1 408 ")
            except ConnectionResetError:
                pass
    assert not gate.origin.requests("/bad")
    with gate.client(hello=PROXY[0][1]) as client:
        assert client.get("/body").status == 200
    gate.stop()


# Who the client is


FORGED = ["X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6;proto=https", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Real-IP: 6.6.6.6"]


@faces(PLAIN, TLS)
def test_forwarded_what_a_stranger_says_is_not_passed_on(face):
    gate = Gate(face)
    with gate.client() as client:
        client.get("/body", *FORGED, "Via: 1.0 fred")
    _, fields = seen(gate, "/body")
    proto = "https" if face.tls else "http"
    assert named(fields, "X-Forwarded-For") == ["127.0.0.1"], fields
    assert named(fields, "X-Forwarded-Proto") == [proto], fields
    assert named(fields, "Forwarded") == [f'for=127.0.0.1;proto={proto};host="gate"'], fields
    assert not named(fields, "X-Forwarded-Host"), fields
    assert " ".join(named(fields, "Via")).startswith("1.0 fred") and len(" ".join(named(fields, "Via")).split("1.1")) == 2, fields
    gate.stop()


@faces(PLAIN, CHILD)
def test_forwarded_a_trusted_proxy_is_believed(face):
    gate = Gate(face, "--trust-forwarded 127.0.0.0/8,fd00::/8")
    with gate.client() as client:
        client.get("/body", *FORGED)
    _, fields = seen(gate, "/body")
    joined = ", ".join(named(fields, "X-Forwarded-For"))
    assert joined == "6.6.6.6, 127.0.0.1", fields
    assert named(fields, "X-Forwarded-Proto") == ["https"], fields
    assert ", ".join(named(fields, "Forwarded")).startswith("for=6.6.6.6;proto=https, for=127.0.0.1"), fields
    gate.stop()


def test_forwarded_another_network_is_not_believed():
    gate = Gate(PLAIN, "--trust-forwarded 127.0.0.2")
    for source, believed in ("127.0.0.2", True), ("127.0.0.3", False):
        with gate.client(source=source) as client:
            client.get(f"/body?{source}", "X-Forwarded-For: 6.6.6.6")
        _, fields = seen(gate, f"/body?{source}")
        assert ("6.6.6.6" in ", ".join(named(fields, "X-Forwarded-For"))) == believed, fields
    gate.stop()


def test_forwarded_is_the_proxy_headers_client_who_must_be_trusted():
    gate = Gate(PLAIN, "--proxy-protocol --trust-forwarded 127.0.0.0/8")
    with gate.client(hello=PROXY[0][1]) as client:
        client.get("/body", "X-Forwarded-For: 6.6.6.6")
    _, fields = seen(gate, "/body")
    assert named(fields, "X-Forwarded-For") == ["192.0.2.7"], fields
    gate.stop()


def test_listens_on_several_addresses():
    path = temporary("several.sock")
    gate = Gate(PLAIN, f"--listen unix:{path} --listen 127.0.0.3:{free_port()}", ready=True)
    assert gate.get("/body").status == 200
    gate.address = path
    assert gate.get("/body").status == 200
    gate.stop()
