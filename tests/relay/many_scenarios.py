# SPDX-License-Identifier: Apache-2.0
"""As many connections as the descriptors of a test allow, and some of them stalled: all are drained within one bound."""

import resource
import select

from relay import *

THOUSANDS = 15000
CLIENTS = 15  # of a server
STALLED = 10
AT_ONCE = 400


def all_descriptors():
    """Allows us and the relay as many descriptors as we may; returns how many connections that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(THOUSANDS, hard - 2500)
    if count < 1000:
        raise Skip(f"a limit of {hard} descriptors")
    return count


def open_all(relay, roles):
    """Sockets of (role, id), each with its 101 read; some hundred handshakes at a time."""
    opened = []
    while len(opened) < len(roles):
        some = []
        for role, id in roles[len(opened) : len(opened) + AT_ONCE]:
            each = wire.connected(relay.address)
            each.sendall(handshake(f"/v1/{role}", *fields_of(role, id)))
            some.append(each)
        for each in some:
            head = b""
            while b"\r\n\r\n" not in head:
                head += each.recv(4096)
            assert head.startswith(b"HTTP/1.1 101 "), head
        opened += some
    return opened


def close_all(opened):
    """Answers each close frame; returns each connection's frames in front of it, its code, and when the last was closed."""
    poll, by_fd, buffers, told, codes = select.epoll(), {}, {}, {}, []
    for each in opened:
        fd = each.fileno()
        by_fd[fd], buffers[fd], told[fd] = each, bytearray(), 0
        poll.register(each, select.EPOLLIN)
    while by_fd:
        events = poll.poll(WITHIN)
        assert events, f"{len(by_fd)} are still open"
        for fd, _ in events:
            data = by_fd[fd].recv(65536)
            if not data:
                assert not buffers[fd], "half a frame"
                poll.unregister(fd)
                by_fd.pop(fd).close()
                continue
            buffers[fd] += data
            while parsed := frames.parse_frame(buffers[fd]):
                frame, length = parsed
                del buffers[fd][:length]
                if frame.opcode == frames.CLOSE:
                    codes.append(frames.close_code(frame.payload))
                    by_fd[fd].sendall(frames.close_frame(codes[-1], masked=True))
                elif frame.opcode == frames.TEXT:
                    assert b"close_code" in frame.payload, frame
                    told[fd] += 1
    return codes, list(told.values()), now()


@faces(THREADS)
@alone
@slow
@limit(180)
def test_45_thousands_and_ten_that_are_stalled(face):
    count = all_descriptors()
    relay = Relay(face, f"--grace 20s --ping-interval 10m --max-connections {count} --outbox 8M --write-timeout 60s")
    holder = relay.server("stalled").held()
    stalled = [relay.connect("stalled", receive_buffer=4096).known(holder) for _ in range(STALLED)]
    for phone in stalled:
        for _ in range(25):
            holder.tell(phone.name, json.dumps("x" * 200000))
    servers = (count - STALLED - 1) // (CLIENTS + 1)
    until(lambda: relay.metrics()["curfew_relay_outbox_bytes"] > STALLED * 100000, "they are stalled")
    opened = open_all(relay, [("server", f"desk{number}") for number in range(servers)])
    opened += open_all(relay, [("client", f"desk{number % servers}") for number in range(servers * CLIENTS)])
    relay.until_counts(servers + 1, servers * CLIENTS + STALLED)
    began = relay.signal()
    codes, told, ended = close_all(opened)
    assert codes == [GONE] * len(opened), {code: codes.count(code) for code in set(codes)}
    assert sorted(told) == [0] * (servers * CLIENTS) + [CLIENTS] * servers, "notices"
    assert sorted(holder.notice() for _ in stalled) == sorted((phone.name, GONE) for phone in stalled)
    holder.assert_closed(GONE)
    report = relay.end(within=30)
    assert_below(ended - began, 5, f"{len(opened)} that answer")
    assert_below(relay.took(began), 7, "those that are stalled among them")
    assert report["counts"]["websockets_closed"] == len(opened) + 1, report["counts"]
    assert report["counts"]["websockets_forced"] == STALLED and len(report["forced"]) == STALLED, report["counts"]
