# SPDX-License-Identifier: Apache-2.0
"""WebSockets: what passes through, and how they are ended: a close frame behind the data, on both sides."""

import select
import threading

import frames
from gate import *
from pattern import pattern
from websocket import WebSocket, handshake
from wire import Ended

CLOSE_S = 5.0  # for a close handshake


def closes(gate):
    return [event for event in gate.origin.events("frame") if event["opcode"] == frames.CLOSE]


@faces(*ALL)
def test_websocket_frames_of_any_size_pass(face):
    gate = Gate(face)
    socket_ = WebSocket(gate)
    for size in 0, 1, 125, 126, 65535, 65536, 1000000:
        socket_.echo(pattern(size), frames.BINARY)
    socket_.send(frames.TEXT, b"frag", fin=False).send(frames.PING, b"p").send(frames.CONTINUATION, b"ment")
    got = [socket_.frame() for _ in range(3)]
    assert [(each.opcode, each.payload, each.fin) for each in got] == [(1, b"frag", False), (frames.PONG, b"p", True), (0, b"ment", True)]
    socket_.close(3333, b"bye").until_close()
    assert frames.close_code(closes(gate)[0]["payload"].encode("latin-1")) == 3333
    socket_.client.assert_closed()
    gate.stop()


@faces(PLAIN, TLS)
def test_websocket_bytes_with_the_handshake_are_not_lost(face):
    """The client's before the 101, the origin's in the same segment as the 101."""
    gate = Gate(face)
    client = gate.client()
    client.send(handshake("/ws?first=1") + frames.frame(frames.TEXT, b"early", masked=True))
    socket_ = WebSocket.__new__(WebSocket)
    socket_.client = client
    socket_.opened()
    assert sorted(socket_.frame().payload for _ in range(2)) == [b"early", b"first"]
    socket_.close().until_close()
    gate.stop()


@faces(PLAIN)
def test_websocket_fields_and_refusals_pass(face):
    gate = Gate(face)
    with gate.client() as client:
        offer = ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: a, b", "Origin: http://x"]
        answer = client.ask(handshake("/ws?status=403", *offer))
        assert (answer.status, answer.body) == (403, b"no")
        assert client.get("/body").status == 200, "the connection goes on as HTTP"
    raw = gate.origin.event("request", path="/ws")["raw"]
    assert all(f"\r\n{field}\r\n" in raw for field in offer), raw
    with gate.client() as client:
        assert client.ask(handshake("/body")).body == pattern(6), "an upgrade that was passed over"
        assert client.get("/body").status == 200
    gate.stop()


@faces(PLAIN, TLS)
def test_websocket_ends_of_either_side_reach_the_other(face):
    gate = Gate(face)
    first = WebSocket(gate)
    first.client.reset()
    gate.origin.event("closed", count=1)
    second = WebSocket(gate, "/ws?close=4000")
    second.echo(b"x")
    gate.origin.release()
    assert second.until_close()[0] == 4000
    second.close(4000).client.assert_closed()
    third = WebSocket(gate)
    third.echo(b"x")
    gate.origin.kill()
    gate.origin.process = None
    third.client.rest()
    third.client.close()
    gate.stop()


# The end


@faces(*ALL)
def test_42_each_gets_one_close_frame_1001_on_both_sides(face):
    gate = Gate(face)
    open_ = [WebSocket(gate) for _ in range(20)]
    for number, each in enumerate(open_):
        each.echo(b"%d" % number)
    gate.signal()
    for each in open_:
        each.assert_ended(1001)
    report = gate.end()
    told = closes(gate)
    assert len(told) == len(open_) and len({event["connection"] for event in told}) == len(open_), told
    for event in told:
        assert frames.close_code(event["payload"].encode("latin-1")) == 1001 and event["masked"], event
    assert report["counts"]["websockets_closed"] == 20 and report["forced"] == [], report


@faces(PLAIN)
def test_42_the_code_may_be_configured(face):
    gate = Gate(face, "--ws-close-code 1012")
    open_ = WebSocket(gate)
    gate.signal()
    open_.assert_ended(1012)
    gate.end()


@faces(PLAIN, TLS)
def test_42_one_that_is_closing_already_gets_no_second_close(face):
    gate = Gate(face)
    by_client, by_origin = WebSocket(gate, "/ws?silent=1"), WebSocket(gate, "/ws?close=4001")
    by_client.close(1000)
    until(lambda: closes(gate), "the origin has the client's close")
    gate.origin.release()
    assert by_origin.until_close()[0] == 4001
    gate.signal()
    by_origin.close(4001).client.assert_closed()
    rest = by_client.client.rest()
    assert rest == b"" or frames.parse_frame(rest)[0].opcode == frames.CLOSE
    gate.end()
    connections_ = [event["connection"] for event in closes(gate)]
    assert len(connections_) == len(set(connections_)), "two close frames on one connection"


def numbers(data):
    return [int(frame.payload[:8]) for frame in data]


@faces(PLAIN, TLS, CHILD)
@plain
def test_43_frames_that_were_queued_are_delivered_before_it(face):
    """The origin has sent 2 MB that the client reads only after the signal."""
    gate = Gate(face)
    slow = WebSocket(gate, "/ws?push=500&size=4000", receive_buffer=8192)
    gate.get("/body")
    settled(gate_pid(gate))
    gate.signal()
    until(lambda: wire.refused(gate.address), "it drains")
    data = slow.assert_ended(1001)
    assert numbers(data) == list(range(len(data))) and len(data) > 0, numbers(data)
    assert all(len(frame.payload) == 4000 for frame in data)
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_43_under_full_traffic_there_is_no_gap_and_nothing_behind_the_close(face):
    gate = Gate(face)
    flooded = WebSocket(gate, "/ws?flood=1&size=3000", receive_buffer=100000)
    for _ in range(50):
        flooded.frame()
    gate.signal()
    got = numbers(flooded.assert_ended(1001))
    assert got == list(range(50, 50 + len(got))), "a gap, or another order"
    gate.end()


@faces(PLAIN)
def test_43_frames_of_the_client_arrive_before_the_close(face):
    gate = Gate(face)
    talking = WebSocket(gate, "/ws?mute=1")
    sent, stop = [0], threading.Event()

    def talk():
        try:
            while not stop.is_set():
                talking.send(frames.BINARY, b"%08d" % sent[0] + bytes(50))
                sent[0] += 1
        except OSError:  # it is closed
            pass

    thread = threading.Thread(target=talk)
    thread.start()
    gate.origin.event("frame", count=50)
    gate.signal()
    assert talking.until_close()[0] == 1001
    stop.set()
    thread.join()
    talking.close(1001)
    gate.end()
    events = gate.origin.events("frame")
    data = [event["payload"][:8] for event in events[:-1]]
    assert events[-1]["opcode"] == frames.CLOSE and [int(text) for text in data] == list(range(len(data))), events[-3:]


@faces(PLAIN, TLS)
def test_43_a_frame_of_which_half_had_come_is_finished_first(face):
    gate = Gate(face)
    half = WebSocket(gate, "/ws?part=1")
    from_client = WebSocket(gate)
    whole = frames.frame(frames.BINARY, pattern(1000), masked=True)
    from_client.client.send(whole[:500])
    until(lambda: not half.client.silent(), "half a frame comes")
    gate.drain()
    gate.origin.release()
    data = half.assert_ended(1001)
    assert [frame.payload for frame in data] == [pattern(20)], data
    from_client.client.send(whole[500:])
    code, _ = from_client.until_close()
    from_client.close(code)
    gate.end()
    sizes = [event["length"] for event in gate.origin.events("frame") if event["opcode"] == frames.BINARY]
    assert sizes == [1000], "the client's frame was cut by the close"


@faces(PLAIN)
def test_43_between_the_fragments_of_a_message(face):
    gate = Gate(face)
    each = WebSocket(gate)
    each.send(frames.TEXT, b"frag", fin=False)
    assert each.frame().payload == b"frag"
    gate.signal()
    each.assert_ended(1001)
    gate.end()


@faces(PLAIN, TLS, CHILD)
@alone
def test_44_a_peer_that_never_answers_the_close_is_waited_for_in_its_bound(face):
    """Client or origin: 5 s for each, and no longer; the others are gone at once."""
    gate = Gate(face, "--grace 20s")
    client_silent, origin_silent, good = WebSocket(gate), WebSocket(gate, "/ws?silent=1"), WebSocket(gate)
    began = gate.signal()
    good.assert_ended()
    assert_below(now() - began, 1, "the end of one that answers")
    assert client_silent.until_close()[0] == 1001
    origin_silent.assert_ended()
    client_silent.client.rest()
    gate.end()
    assert_below(gate.took(began), CLOSE_S + 0.5, "the end with silent peers")
    assert gate.took(began) > 1, "the peer's close was not awaited"


@faces(PLAIN, TLS)
@alone
def test_44_one_that_is_stalled_is_cut_in_the_same_bound(face):
    """Its window is zero: neither what is queued nor the close frame can ever be written."""
    gate = Gate(face, "--grace 20s")
    stalled = WebSocket(gate, "/ws?flood=1&size=60000", receive_buffer=4096)
    settled(gate_pid(gate))
    began = gate.signal()
    report = gate.end(within=30)
    assert_below(gate.took(began), CLOSE_S + 0.5, "the end with a stalled WebSocket")
    assert len(report["forced"]) == 1 and report["counts"]["websockets_forced"] == 1, report
    stalled.client.close()


@faces(PLAIN, CHILD)
@alone
def test_46_closes_are_spread(face):
    gate = Gate(face, "--spread 1s")
    open_ = [WebSocket(gate) for _ in range(40)]
    began = gate.signal()
    moments, left = [], {each.client.socket.fileno(): each for each in open_}
    while left:
        for fd in select.select(list(left), [], [], WITHIN)[0]:
            moments.append(now() - began)
            left.pop(fd).assert_ended()
    gate.end()
    assert_below(max(moments), 1.2, "the last close")
    assert_below(min(moments), 0.4, "the first close")
    assert max(moments) > 0.6, moments
    halves = sum(moment < 0.5 for moment in moments)
    assert 6 <= halves <= 34, f"{halves} of 40 in the first half"


@faces(*ALL)
def test_47_a_handshake_in_progress_is_finished_and_closed_or_refused(face):
    gate = Gate(face)
    pending = [WebSocket(gate, "/ws?held=1", opened=False) for _ in range(5)]
    gate.origin.event("request", path="/ws?held=1", count=5)
    gate.drain()
    gate.origin.release()
    for each in pending:
        answer = each.client.whole()
        if answer.status == 101:
            each.assert_ended()
        else:
            assert answer.status == 503 and answer.get("Retry-After") and answer.says_close(), answer
    gate.end()


@faces(PLAIN, TLS, CHILD)
@alone
def test_48_what_cannot_be_closed_is_cut_at_the_grace(face):
    """A window of zero: no close frame fits; the connection is really gone afterwards."""
    gate = Gate(face, "--grace 1500ms --term-wait 200ms")
    stalled = WebSocket(gate, "/ws?flood=1&size=60000", receive_buffer=4096)
    good = WebSocket(gate)
    settled(gate_pid(gate))
    began = gate.signal()
    good.assert_ended()
    report = gate.end()
    assert_below(gate.took(began), 1.6, "the grace")
    assert len(report["forced"]) >= 1 and report["counts"]["websockets_forced"] >= 1, report
    try:
        stalled.client.rest()
        assert stalled.client.ended
    except (Ended, ConnectionError):
        pass


@faces(PLAIN)
def test_48_other_tunnels_are_cut_at_the_grace(face):
    """A protocol that we do not know has no close of its own."""
    gate = Gate(face, "--grace 800ms")
    client = gate.client()
    client.ask(wire.get("/upgrade", "Connection: upgrade", "Upgrade: echo"))
    client.send(b"x")
    client.fill(now() + WITHIN)
    began = gate.signal()
    client.rest()
    gate.end()
    assert gate.took(began) < 10, "the grace"
