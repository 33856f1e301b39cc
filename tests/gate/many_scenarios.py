# SPDX-License-Identifier: Apache-2.0
"""Many at once: clients at full speed across the signal, and thousands of WebSockets."""

import resource
import select

import frames
from gate import *
from websocket import WebSocket, handshake

CLIENTS = 48
STOPS = 6
THOUSANDS = 10000  # or what the limit of descriptors allows
TUNNELS = 4000  # what an origin in Python can close within the time of a handshake


def stop_under_load(face, mode):
    origin = Origin().quiet()
    gate = Gate(face, origin=origin)
    arguments = [str(gate.port), mode, str(CLIENTS), "/count"]
    clients = start([str(BUILD / "tests" / "examples" / "load_client"), *arguments, *(["tls"] if face.tls else [])])
    clients.expect("running", within=40)
    gate.signal()
    report = gate.end(within=30)
    counted = json.loads(clients.line(30))
    assert clients.wait() == 0
    counted["effects"] = origin.counted() - counted["answered"]
    assert report["forced"] == [], report
    return counted


def lose_nothing(face, mode, stops=STOPS):
    total = {}
    for _ in range(stops):
        for name, count in stop_under_load(face, mode).items():
            total[name] = total.get(name, 0) + count
    assert total["lost"] == total["unsent"] == total["effects"] == 0, total
    assert total["answered"] == total["sent"] > stops * CLIENTS, total
    assert total["refused"] == stops * CLIENTS, total


@faces(PLAIN, THREADS, CHILD)
@limit(120)
def test_40_35_fresh_connections_lose_nothing_under_load(face):
    lose_nothing(face, "fresh")


@faces(PLAIN, THREADS, CHILD)
@limit(120)
def test_40_35_kept_connections_lose_nothing_under_load(face):
    lose_nothing(face, "kept")


@faces(TLS, TLS_CHILD)
@limit(120)
def test_40_35_fresh_connections_lose_nothing_in_tls(face):
    lose_nothing(face, "fresh", stops=2)


@faces(TLS, TLS_CHILD)
@plain  # what is not as with fresh ones is not as without TLS either
@limit(120)
def test_40_35_kept_connections_lose_nothing_in_tls(face):
    lose_nothing(face, "kept", stops=2)


@faces(CHILD)
@plain  # the same code as 40_35
@slow
@limit(300)
def test_40_twenty_stops_lose_nothing(face):
    for mode in "fresh", "kept":
        lose_nothing(face, mode, stops=20)


def all_descriptors(each):
    """Allows us and the gate as many descriptors as we may; returns how many connections that is, with so
    many descriptors for each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(THOUSANDS, (hard - 2000) // each)
    if count < 1000:
        raise Skip(f"a limit of {hard} descriptors")
    return count


def open_many(gate, count):
    """Sockets, each with its 101 read; a thousand handshakes at a time."""
    opened = []
    while len(opened) < count:
        some = [wire.connected(gate.address) for _ in range(min(500, count - len(opened)))]
        for each in some:
            each.sendall(handshake("/ws?mute=1"))
        for each in some:
            head = b""
            while b"\r\n\r\n" not in head:
                head += each.recv(4096)
            assert head.startswith(b"HTTP/1.1 101 "), head
        opened += some
    return opened


def close_all(opened):
    """Answers each close frame; returns the codes, and the moment when the last connection was closed."""
    poll, by_fd, codes = select.epoll(), {}, []
    for each in opened:
        by_fd[each.fileno()] = each
        poll.register(each, select.EPOLLIN)
    while by_fd:
        events = poll.poll(WITHIN)
        assert events, f"{len(by_fd)} are still open"
        for fd, _ in events:
            data = by_fd[fd].recv(4096)
            if data:
                frame, _ = frames.parse_frame(data)
                codes.append(frames.close_code(frame.payload))
                by_fd[fd].sendall(frames.close_frame(codes[-1], masked=True))
            else:
                poll.unregister(fd)
                by_fd.pop(fd).close()
    return codes, now()


@faces(THREADS)
@alone
@slow
@limit(120)
def test_45_ten_thousand_websockets_and_one_that_is_stalled(face):
    count = min(TUNNELS, all_descriptors(2))
    gate = Gate(face, "--grace 20s")
    stalled = WebSocket(gate, "/ws?flood=1&size=60000", receive_buffer=4096)
    opened = open_many(gate, count)
    began = gate.signal()
    codes, ended = close_all(opened)
    assert codes == [1001] * count
    report = gate.end(within=30)
    assert_below(ended - began, 5, f"{count} that answer")
    assert_below(gate.took(began), 7, "one that is stalled among them")
    assert report["counts"]["websockets_closed"] >= count, report
    stalled.client.close()


@faces(PLAIN, THREADS)
@alone
@slow
def test_42a_thousands_of_idle_connections_are_drained_within_a_second_after_the_idle_grace(face):
    count = all_descriptors(1)
    gate = Gate(face)
    idle = [wire.connected(gate.address) for _ in range(count)]
    gate.get("/body")
    began = gate.signal()
    gate.end()
    assert_below(gate.took(began), IDLE_GRACE + 1, f"{len(idle)} idle connections")
