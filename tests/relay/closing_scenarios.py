# SPDX-License-Identifier: Apache-2.0
"""The close codes, each with what leads to it; the bounds in time, shortened; ids that are kept, claimed, taken over."""

import threading

from relay import *

FAULTS = [  # RFC 6455: what is wrong, and what is answered
    (1002, frames.frame(frames.TEXT, b"1", masked=False)),
    (1002, frames.frame(frames.TEXT, b"1", masked=True, reserved=4)),
    (1002, frames.frame(3, b"", masked=True)),
    (1002, frames.frame(11, b"", masked=True)),
    (1002, frames.frame(frames.CONTINUATION, b"1", masked=True)),
    (1002, frames.frame(frames.PING, b"x" * 126, masked=True)),
    (1002, frames.frame(frames.PING, b"x", fin=False, masked=True)),
    (1002, frames.frame(frames.CLOSE, b"x", masked=True)),
    (1002, frames.close_frame(1005, masked=True)),
    (1002, frames.close_frame(999, masked=True)),
    (1007, frames.frame(frames.TEXT, b'"\xff"', masked=True)),
    (1007, frames.frame(frames.TEXT, b'"\xed\xa0\x80"', masked=True)),
    (1007, frames.frame(frames.TEXT, b'"\xe6\x97', fin=False, masked=True) + frames.frame(frames.CONTINUATION, b'"', masked=True)),
    (1007, frames.close_frame(1000, b"\xff", masked=True)),
]


@faces(PLAIN, TLS)
def test_close_faults_of_the_protocol(face):
    relay = Relay(face)
    server = relay.server().held()
    for code, data in FAULTS:
        phone = relay.connect().known(server)
        phone.client.send(data)
        phone.assert_closed(code)
        assert server.notice() == (phone.name, 1001), (code, data)
    for code, data in FAULTS[:3]:
        other = relay.server("other").held()
        other.client.send(data)
        other.assert_closed(code)
        until(lambda: relay.counts() == (1, 0), "its id has no server")
    relay.stop()


@faces(PLAIN)
def test_close_1000_binary_that_is_no_utf8(face):
    relay = Relay(face)
    server, phone = relay.pair()
    phone.send(frames.BINARY, b'"\xff"').assert_closed(1000)
    assert server.notice() == (phone.name, 1000)
    relay.stop()


@faces(PLAIN, TLS)
def test_close_1009_a_message_that_is_too_long(face):
    relay = Relay(face)
    server, phone = relay.pair()
    most = json.dumps("x" * (262144 - 2))
    phone.say(most)
    server.got(phone.name, most)
    phone.say(most[:-1] + 'x"').assert_closed(1009)
    assert server.notice() == (phone.name, 1001)
    pieces = relay.connect().known(server)
    pieces.send(frames.TEXT, b'"' + b"x" * 200000, fin=False).send(frames.CONTINUATION, b"x" * 70000)
    pieces.assert_closed(1009)
    relay.stop()


@faces(PLAIN, THREADS)
def test_close_4404_no_server(face):
    relay = Relay(face)
    relay.connect("nobody").assert_closed(KEPT_OUT)
    server = relay.server("desk").held()
    relay.connect("Desk").assert_closed(KEPT_OUT)
    relay.connect("desk").known(server)
    assert relay.metrics()['curfew_relay_register_failures_total{kind="no_server"}'] == 2
    relay.stop()


@faces(PLAIN, THREADS)
def test_close_4409_an_id_that_is_held(face):
    """The holder is asked by a ping; its pong keeps the id."""
    relay = Relay(face)
    server, phone = relay.pair()
    newcomer = relay.server()
    frame = server.frame()
    assert frame.opcode == frames.PING, frame
    assert newcomer.client.silent(), "before the holder has answered"
    server.send(frames.PONG, frame.payload)
    newcomer.assert_closed(TAKEN)
    phone.say("1")
    server.got(phone.name, "1")
    assert relay.metrics()['curfew_relay_register_failures_total{kind="id_taken"}'] == 1
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_claim_a_holder_that_is_silent_is_taken_over(face):
    relay = Relay(face, "--claim-timeout 300ms")
    server, phone = relay.pair()
    newcomer = relay.server()
    phone.assert_closed(KEPT_OUT)
    frame = server.frame()
    assert frame.opcode == frames.PING
    server.assert_closed(1011, "heartbeat timeout")
    other = relay.connect().known(newcomer)
    newcomer.tell(other.name, "1")
    assert other.text() == "1"
    assert newcomer.client.silent(), "it is not told of clients that were not its own"
    relay.told(event="taken_over", server_id="desk")
    relay.stop()


@faces(PLAIN)
def test_claim_what_a_newcomer_says_meanwhile_is_not_lost(face):
    relay = Relay(face, "--claim-timeout 300ms")
    server, phone = relay.pair()
    newcomer = relay.server()
    newcomer.say({"conn_id": phone.name, "frame": 1}).send(frames.PING, b"x")
    phone.assert_closed(KEPT_OUT)
    assert newcomer.frame().opcode == frames.PONG
    relay.told(event="not_routed")  # its envelope was read, for nobody
    relay.connect().known(newcomer)
    relay.stop()


@faces(PLAIN)
def test_claim_the_holder_goes_while_it_is_asked(face):
    relay = Relay(face)
    server, phone = relay.pair()
    newcomer = relay.server()
    assert server.frame().opcode == frames.PING
    server.client.reset()
    phone.assert_closed(KEPT_OUT)
    relay.connect().known(newcomer)
    relay.stop()


@faces(PLAIN)
def test_claim_the_newcomer_goes_while_the_holder_is_asked(face):
    relay = Relay(face, "--claim-timeout 60s")
    server, phone = relay.pair()
    newcomer = relay.server()
    frame = server.frame()
    newcomer.client.reset()
    until(lambda: relay.lines(event="closed", cause="it broke off"), "it is gone")
    server.send(frames.PONG, frame.payload)
    phone.say("1")
    server.got(phone.name, "1")
    relay.stop()


@faces(PLAIN)
def test_claims_of_many_at_once_leave_one_server(face):
    relay = Relay(face, "--claim-timeout 1s")
    holder = relay.server().held()
    codes, threads = [], []

    def ends(claim):
        """Whoever has it by then answers pings, so that nobody takes it over once more."""
        try:
            codes.append(frames.close_code(claim.data(within=60).payload))
            claim.close(codes[-1])
        except (AssertionError, wire.Ended):
            codes.append(None)

    for _ in range(12):
        threads.append(threading.Thread(target=ends, args=[relay.server()]))
        threads[-1].start()
    until(lambda: relay.lines(event="taken_over"), "one took it over")
    until(lambda: len(codes) == 11, "all others are closed")
    assert codes == [TAKEN] * 11, codes
    assert relay.counts() == (1, 0)
    holder.client.close()
    relay.signal()
    for thread in threads:
        thread.join(WITHIN)
    relay.end()


def claimed_while_busy(face, claim_timeout):
    """A relay, a holder that has much to read, who is behind that, and a claim of its id."""
    relay = Relay(face, f"--claim-timeout {claim_timeout} --write-timeout 60s --outbox 64M")
    holder = relay.server(receive_buffer=4096).held()
    phone = relay.connect().known(holder)
    message = frames.frame(frames.TEXT, json.dumps("x" * 200000).encode(), masked=True)
    for _ in range(40):
        phone.client.send(message)
    until(lambda: relay.metrics()["curfew_relay_outbox_bytes"] > 100000, "it does not read")
    return relay, holder, phone, relay.server()


@faces(PLAIN, TLS_THREADS)
def test_claim_of_an_id_whose_holder_is_busy(face):
    """It does not come to the ping, but it reads."""
    relay, holder, phone, newcomer = claimed_while_busy(face, "3s")
    for _ in range(3):
        assert holder.frame().opcode == frames.TEXT
    newcomer.assert_closed(TAKEN)
    assert relay.counts() == (1, 1) and not relay.lines(event="taken_over")
    while len(holder.text()) < 200000:
        pass
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_claim_of_an_id_whose_holder_has_ceased_to_read(face):
    """Its machine may have room for some more, which is a sign of life; but not for ever."""
    relay, holder, phone, newcomer = claimed_while_busy(face, "700ms")
    tries = [newcomer]

    def is_taken_over():
        try:
            tries[-1].assert_closed(TAKEN, within=1.5)
            tries.append(relay.server())
        except AssertionError:
            pass
        except wire.Ended:  # the end of one whose close frame had come
            tries.append(relay.server())
        return relay.lines(event="taken_over")

    until(is_taken_over, "somebody has it")
    phone.assert_closed(KEPT_OUT)
    relay.connect().known(tries[-1])
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_kept_an_id_whose_server_dropped(face):
    """Clients stay, and more may come; who claims it takes over, and evicts them all."""
    relay = Relay(face)
    server, phone = relay.pair()
    server.client.reset()
    relay.until_counts(0, 1)
    phone.say("1")
    late = relay.connect()
    relay.until_counts(0, 2)
    newcomer = relay.server()
    phone.assert_closed(KEPT_OUT)
    late.assert_closed(KEPT_OUT)
    relay.connect().known(newcomer)
    assert newcomer.client.silent()
    relay.stop()


@faces(PLAIN)
def test_kept_until_the_grace_is_over(face):
    relay = Relay(face, "--reclaim-grace 300ms")
    server, phone = relay.pair()
    server.leave()
    phone.assert_closed(1000)
    relay.connect().assert_closed(KEPT_OUT)
    assert relay.metrics()["curfew_relay_grace_expiries_total"] == 1
    relay.told(event="expired", server_id="desk")
    relay.server().held()
    relay.stop()


@faces(PLAIN)
def test_time_pings_and_their_pongs(face):
    relay = Relay(face, "--ping-interval 200ms --pong-timeout 5s")
    server, phone = relay.pair()
    silent = relay.connect().known(server)
    ending = threading.Thread(target=lambda: silent.frame().opcode)
    ending.start()
    server_frames = threading.Thread(target=lambda: server.notice())
    server_frames.start()
    for _ in range(4):
        frame = phone.frame()
        assert frame.opcode == frames.PING, frame
        phone.send(frames.PONG, frame.payload)
    ending.join()
    silent.assert_frames_then(1011, "heartbeat timeout")
    server_frames.join()
    relay.stop()


@faces(PLAIN)
def test_time_a_message_has_to_be_whole(face):
    relay = Relay(face, "--message-timeout 300ms")
    server, phone = relay.pair()
    phone.send(frames.TEXT, b'"x', fin=False)
    phone.assert_closed(1000, "message too slow")
    assert server.notice() == (phone.name, 1001)
    byte = relay.connect().known(server)
    byte.client.send(frames.frame(frames.TEXT, b'"xxxxxx"', masked=True)[:1])
    byte.assert_closed(1000, "message too slow")
    relay.stop()


def fill(relay, server, phone, left):
    """Sends to a client that does not read, until it has no place any more."""
    for _ in range(300):
        server.tell(phone.name, json.dumps("x" * 100000))
        if relay.counts() == left:
            return
    until(lambda: relay.counts() == left, "it has lost its place")


@faces(PLAIN, TLS)
def test_close_1011_an_outbox_that_is_full(face):
    """A client that does not read; the others of its server go on, and the server hears of it."""
    relay = Relay(face, "--outbox 1M")
    server, phone = relay.pair()
    slow = relay.connect(receive_buffer=4096).known(server)
    fill(relay, server, slow, left=(1, 1))
    code, data = slow.until_close()
    assert code == 1011, code
    slow.close(1011)
    assert server.notice() == (slow.name, 1011)
    assert all(len(frame.payload) == 100002 for frame in data), "a message with a gap"
    server.tell(phone.name, "1")
    assert phone.text() == "1"
    relay.stop()


@faces(PLAIN)
def test_close_1011_a_server_that_does_not_read(face):
    relay = Relay(face, "--outbox 1M")
    server, phone = relay.pair()
    stalled = relay.server("stalled", receive_buffer=4096).held()
    talker = relay.connect("stalled").known(stalled)
    for _ in range(300):
        sent, ended = talker.client.send_while_possible(frames.frame(frames.TEXT, json.dumps("x" * 100000).encode(), masked=True))
        if relay.counts()[0] == 1:
            break
    until(lambda: relay.counts()[0] == 1, "the stalled server is out")
    code, _ = stalled.until_close()
    assert code == 1011, code
    phone.say("1")
    server.got(phone.name, "1")
    relay.stop()


@faces(PLAIN)
def test_time_a_write_that_stalls(face):
    relay = Relay(face, "--write-timeout 500ms --outbox 64M")
    server, phone = relay.pair()
    slow = relay.connect(receive_buffer=4096).known(server)
    for _ in range(100):
        server.tell(slow.name, json.dumps("x" * 100000))
    assert server.notice() == (slow.name, 1001)
    relay.told(event="closed", conn_id=slow.name, cause="write failed")
    server.tell(phone.name, "1")
    assert phone.text() == "1"
    relay.stop()
