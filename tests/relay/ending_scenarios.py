# SPDX-License-Identifier: Apache-2.0
"""The end: nothing that was sent is lost, everybody gets a 1001, clients before their server."""

import select
import threading

from flow import Flow
from relay import *
from wire import Ended

REASON = "shutting down"


@faces(PLAIN, TLS_THREADS)
def test_42_everybody_gets_one_1001(face):
    relay = Relay(face)
    pairs = [relay.pair(f"desk{number}") for number in range(5)]
    extra = [relay.connect("desk0").known(pairs[0][0]) for _ in range(3)]
    relay.signal()
    for phone in [pair[1] for pair in pairs] + extra:
        phone.assert_closed(GONE, REASON)
    for server, _ in pairs:
        while (frame := server.data()).opcode != frames.CLOSE:
            assert json.loads(frame.payload)["close_code"] == GONE, frame
        assert frames.close_code(frame.payload) == GONE and frame.payload[2:].decode() == REASON
        server.close(GONE)
        server.client.assert_closed()
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 13 and report["counts"]["websockets_forced"] == 0, report


@faces(PLAIN, TLS_THREADS)
def test_43_what_is_queued_goes_before_the_close_frame(face):
    relay = Relay(face)
    server, phone = relay.pair()
    for number in range(500):
        server.tell(phone.name, json.dumps([number, "x" * 1000]))
    for number in range(500):
        phone.say(json.dumps([number, "y" * 1000]))
    until(lambda: relay.metrics()['curfew_relay_frames_forwarded_total{direction="to_client"}'] == 500, "all was read")
    until(lambda: relay.metrics()['curfew_relay_frames_forwarded_total{direction="to_server"}'] == 501, "all was read")
    relay.signal()
    assert [json.loads(phone.text())[0] for _ in range(500)] == list(range(500))
    phone.assert_closed(GONE, REASON)
    assert [server.envelope()["frame"][0] for _ in range(500)] == list(range(500))
    assert server.notice() == (phone.name, GONE)
    server.assert_closed(GONE, REASON)
    relay.end()


@faces(PLAIN, TLS_THREADS)
def test_43_what_a_client_says_before_its_own_close_frame_is_forwarded(face):
    """The server is asked to go when its clients have gone, and not before."""
    relay = Relay(face)
    server, phone = relay.pair()
    other = relay.connect().known(server)
    relay.signal()
    frame = phone.data()
    assert (frame.opcode, frames.close_code(frame.payload)) == (frames.CLOSE, GONE), frame
    other.assert_closed(GONE)
    assert server.notice() == (other.name, GONE)
    for number in range(100):
        phone.say(str(number))
    for number in range(100):
        server.got(phone.name, str(number))
    assert server.client.silent(), "a server that is asked to go before its clients have gone"
    phone.close(GONE)
    assert server.notice() == (phone.name, GONE)
    server.assert_closed(GONE, REASON)
    phone.client.assert_closed()
    relay.end()


@faces(PLAIN)
@alone
def test_44_a_close_that_is_not_answered_has_its_bound(face):
    relay = Relay(face, "--close-timeout 1s")
    server, phone = relay.pair()
    began = relay.signal()
    assert phone.until_close()[0] == GONE
    assert phone.client.rest() == b""
    assert_near(now() - began, 1.0, "the bound of a client's close", 0.3)
    assert server.notice() == (phone.name, GONE)
    assert server.until_close()[0] == GONE
    assert server.client.rest() == b""
    assert_near(now() - began, 2.0, "and of the server's behind it", 0.4)
    report = relay.end()
    assert report["counts"]["websockets_forced"] == 2, report


@faces(PLAIN)
def test_28_registrations_at_the_signal_are_closed_or_refused(face):
    """Many that are just being made: each gets its 101 and its 1001, a 503, or is refused; none is cut."""
    relay = Relay(face)
    server = relay.server().held()
    ends, stop = [], threading.Event()

    def come():
        while not stop.is_set():
            began, sent = now(), None
            try:
                phone = relay.connect(opened=False)
                sent = now()
                answer = phone.client.answer()
                if answer.status != 101:
                    ends.append(answer.status)
                    continue
                code, _ = phone.until_close()
                phone.close(code)
                phone.client.assert_closed()
                ends.append(code)
            except (ConnectionRefusedError, FileNotFoundError):
                ends.append("refused")
                return
            except (Ended, ConnectionError) as end:
                late = (sent or now()) - began > 0.8 * IDLE_GRACE
                ends.append("late" if late else f"cut: {end}")

    threads = [threading.Thread(target=come) for _ in range(12)]
    for thread in threads:
        thread.start()
    until(lambda: relay.counts()[1] >= 4, "some are there")
    relay.signal()
    for thread in threads:
        thread.join(WITHIN)
    stop.set()
    if "late" in ends:
        raise Late("a request in the idle grace")
    assert not [end for end in ends if end not in (GONE, TOO_MANY, 503, "refused")], ends
    server.until_close()
    server.close(GONE)
    relay.end()


@faces(PLAIN, TLS)
def test_15_new_claims_during_the_announcement_are_answered_503(face):
    relay = Relay(face, "--announce 60s --grace 90s")
    server, phone = relay.pair()
    relay.signal()
    until(lambda: relay.ask_admin("/readyz").status == 503, "it is announced")
    for role in "server", "client":
        with relay.client() as client:
            answer = client.ask(handshake(f"/v1/{role}", *fields_of(role, "desk")))
            assert answer.status == 503 and int(answer.get("Retry-After")) >= 1, answer
    phone.say("1")
    server.got(phone.name, "1")
    assert relay.health()["connected_phones"] == 1
    phone.leave(1000)
    assert server.notice() == (phone.name, 1000)
    server.leave(1000)
    relay.insist()
    relay.end(code=128 + TERM)


@faces(PLAIN)
@alone
def test_46_the_closes_are_spread(face):
    relay = Relay(face, "--spread 2s --max-clients 40")
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(40)]
    began, moments = relay.signal(), []
    waiting = {phone.client.socket.fileno(): phone for phone in phones}
    while waiting:
        for fd in select.select(list(waiting), [], [], WITHIN)[0]:
            phone = waiting.pop(fd)
            moments.append(now() - began)
            phone.assert_closed(GONE, REASON)
    first, last = min(moments), max(moments)
    assert_below(last, 2.0 + 0.3, "the last close")
    assert last - first > 1.0, f"all closes came between {first} and {last} s"
    inside = sum(0.5 <= moment < 1.5 for moment in moments)
    assert 8 <= inside <= 32, f"{inside} of 40 in the middle half: {moments}"
    for _ in phones:
        assert server.notice()[1] == GONE
    server.assert_closed(GONE)
    relay.end()


@faces(PLAIN)
def test_48_stalled_peers_do_not_hold_up_the_others(face):
    relay = Relay(face, "--outbox 8M")
    server = relay.server().held()
    stalled = [relay.connect(receive_buffer=4096).known(server) for _ in range(3)]
    for phone in stalled:
        for _ in range(20):
            server.tell(phone.name, json.dumps("x" * 200000))
    others = [relay.pair(f"other{number}") for number in range(3)]
    relay.signal()
    for other_server, phone in others:
        phone.assert_closed(GONE)
        assert other_server.notice() == (phone.name, GONE)
        other_server.assert_closed(GONE)
    assert sorted(server.notice() for _ in stalled) == sorted((phone.name, GONE) for phone in stalled)
    server.assert_closed(GONE)
    report = relay.end()
    assert report["counts"]["websockets_forced"] == 3, report
    assert sorted(each["name"] for each in report["forced"]) == sorted(phone.name for phone in stalled), report


@faces(PLAIN)
@alone
def test_51_nobody_there(face):
    relay = Relay(face)
    began = relay.signal()
    relay.end()
    assert_below(relay.took(began), 0.1 + SLACK, "the end without connections")


@faces(PLAIN)
def test_51_kept_ids_and_claims_do_not_hold_up_the_end(face):
    relay = Relay(face)
    server, phone = relay.pair()
    server.client.reset()
    relay.until_counts(0, 1)
    holder = relay.server("held").held()
    claim = relay.server("held")
    assert holder.frame().opcode == frames.PING
    relay.signal()
    phone.assert_closed(GONE)
    for each in claim, holder:
        assert each.until_close()[0] in (GONE, TAKEN)
        each.close(GONE)
    relay.end()


@faces(PLAIN, TLS, THREADS, TLS_THREADS)
@limit(120)
def test_43_at_full_load_no_frame_is_lost_and_none_is_out_of_order(face):
    """Sequence numbers in both directions while the signal comes: no gap, nothing behind a close frame, and all
    that a client has sent before its own close frame reaches its server."""
    relay = Relay(face, "--outbox 64M --close-timeout 30s --grace 60s")
    flows = [Flow(relay, f"desk{number}", 3) for number in range(3)]
    until(lambda: all(flow.has_passed(300) for flow in flows), "much has passed", within=40)
    relay.signal()
    for flow in flows:
        flow.assert_whole()
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 12 and not report["forced"], report


@faces(PLAIN)
def test_13_to_17_readiness_at_the_end(face):
    relay = Relay(face)
    server, phone = relay.pair()
    relay.signal()
    until(lambda: relay.ask_admin("/readyz").status == 503, "it is not ready")
    assert phone.until_close()[0] == GONE
    assert relay.ask_admin("/healthz").status == 200 and relay.ask_admin("/readyz").status == 503
    assert wire.until_refused(relay.address)
    phone.close(GONE)
    assert server.notice() == (phone.name, GONE)
    assert relay.ask_admin("/readyz").status == 503, "to the last connection"
    server.assert_closed(GONE)
    relay.end()


@faces(PLAIN, TLS_THREADS)
def test_20_connections_that_were_made_before_the_listener_closed_are_answered(face):
    """The process is stopped, 50 handshakes wait in its queue, then TERM and CONT (items 20, 21)."""
    relay = Relay(face)
    server = relay.server().held()
    clients = [wire.connected(relay.address) for _ in range(50)] if not face.tls else []
    os.kill(relay.process.pid, signal.SIGSTOP)
    until(lambda: read_file(f"/proc/{relay.process.pid}/stat").split(") ")[1][0] == "T", "it is stopped")
    late = [wire.connected(relay.address) for _ in range(50)] if not face.tls else []
    for each in clients + late:
        each.sendall(handshake("/v1/client", *fields_of("client", "desk")))
    relay.signal()
    os.kill(relay.process.pid, signal.SIGCONT)
    answers = []
    for each in clients + late:
        each.settimeout(WITHIN)
        answers.append(each.recv(12)[9:12])
    assert set(answers) <= {b"101", b"503"}, answers
    for each in clients + late:
        each.close()
    server.client.close()
    relay.end()
