# SPDX-License-Identifier: Apache-2.0
"""The conformance list as it applies to the relay, where the other files have it not: by number."""

import threading

from relay import *

REASON = "shutting down"


def leave_in_order(server, phone, reason=REASON):
    """Both answer their close; returns when the last was closed."""
    phone.assert_closed(GONE, reason)
    assert server.notice() == (phone.name, GONE)
    server.assert_closed(GONE, reason)
    return now()


@faces(PLAIN)
@alone
def test_4_a_second_signal_cuts_at_once(face):
    """Each that can take it still gets its 1001."""
    relay = Relay(face, "--grace 60s --close-timeout 60s")
    server, phone = relay.pair()
    relay.signal()
    assert phone.until_close()[0] == GONE
    again = relay.insist(INT)
    assert phone.client.rest() == b""
    assert server.until_close()[0] == GONE
    report = relay.end(code=128 + INT)
    assert_below(relay.took(again), 0.5, "the end after a second signal")
    assert report["counts"]["websockets_forced"] == 2, report
    assert len(relay.lines(event="forced")) == 2, relay.log()


@faces(THREADS)
@plain
@slow
def test_12_idle_there_are_no_wake_ups_in_10_s(face):
    """With a server and a client that say nothing, and nothing left of others."""
    bounds = "--head-timeout 300ms --write-timeout 300ms --close-timeout 300ms --reclaim-grace 100ms"
    relay = Relay(face, f"--ping-interval 10m {bounds}")
    relay.connect("nobody").assert_closed(KEPT_OUT)
    server, phone = relay.pair("gone")
    server.client.reset()
    phone.assert_closed(1000)
    pair = relay.pair()
    until(lambda: now() > relay.began + 6, "the bounds of who asked the admin face are over", within=10)
    settled(relay.process.pid)
    before = context_switches(relay.process.pid)
    began = now()
    until(lambda: now() > began + 10, "10 s have passed", within=20)
    assert context_switches(relay.process.pid) == before, "it woke up"
    del pair
    relay.stop()


@faces(PLAIN)
@alone
def test_13_readyz_is_503_within_50_ms_and_before_any_listener_closes(face):
    relay = Relay(face, "--announce 1s")
    with wire.Client(relay.admin) as prober:
        assert prober.get("/readyz").status == 200
        began = relay.signal()
        while (answer := prober.get("/readyz")).status == 200 and not answer.says_close():
            assert_below(now() - began, 1, "readiness")
        seen = now()
    assert answer.status == 503 or relay.ask_admin("/readyz").status == 503
    assert_below(seen - began, 0.05, "the time until it is not ready")
    wire.until_refused(relay.address)
    assert now() - began > 1.0 - SLACK, "a listener was closed before the announcement was over"
    relay.end()


@faces(PLAIN, TLS)
def test_14_17_15_healthz_through_the_announcement_and_a_kept_connection(face):
    relay = Relay(face, "--announce 3s")
    server, phone = relay.pair()
    kept = relay.client()
    assert not kept.get("/healthz").says_close()
    relay.signal()
    until(lambda: relay.ask_admin("/readyz").status == 503, "it is announced")
    answer = kept.get("/healthz")
    assert answer.status == 200 and answer.says_close(), answer
    assert json.loads(answer.body)["connected_phones"] == 1
    kept.assert_closed()
    leave_in_order(server, phone)
    relay.end()


@faces(PLAIN)
@alone
def test_16_the_announcement_never_exceeds_the_grace_and_a_second_signal_ends_it(face):
    relay = Relay(face, "--announce 60s --grace 3s")
    server, phone = relay.pair()
    began = relay.signal()
    leave_in_order(server, phone)
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 2, "the announcement has left no time for the closes"
    assert_below(relay.took(began), 3, "the end with a long announcement")
    relay = Relay(face, "--announce 60s --grace 90s")
    server, phone = relay.pair()
    relay.signal()
    until(lambda: relay.ask_admin("/readyz").status == 503, "it is announced")
    again = relay.insist()
    assert phone.until_close()[0] == GONE and server.until_close()[0] == GONE
    relay.end(code=128 + TERM)
    assert_below(relay.took(again), 1, "the end after a second signal")


@faces(PLAIN, THREADS)
def test_18_the_service_manager_is_told(face):
    manager = Notified()
    relay = Relay(face, env=environment(NOTIFY_SOCKET=manager.path))
    manager.until("READY=1")
    server, phone = relay.pair()
    relay.signal()
    manager.until("STOPPING=1")
    leave_in_order(server, phone)
    relay.end()
    lines = manager.rest()
    assert lines.count("STOPPING=1") == lines.count("READY=1") == 1, lines
    assert any(re.match(r"STATUS=.*\d", line) for line in lines), lines


@faces(PLAIN, TLS)
def test_22_after_the_close_connections_are_refused_at_once(face):
    relay = Relay(face)
    server, phone = relay.pair()
    relay.signal()
    frame = phone.data()
    assert frame.opcode == frames.CLOSE
    wire.until_refused(relay.address)
    for _ in range(20):
        began = now()
        assert wire.refused(relay.address)
        assert_below(now() - began, 1, "a refusal")
    phone.say("1")
    server.got(phone.name, "1")
    phone.close(GONE)
    assert server.notice() == (phone.name, GONE)
    server.assert_closed(GONE, REASON)
    relay.end()


@faces(THREADS, TLS_THREADS)
def test_24_28_no_worker_thread_loses_its_connections(face):
    """As many ids as are on every thread, and requests that are just being made on each."""
    relay = Relay(face, "--head-timeout 12s --close-timeout 12s")
    pairs = [relay.pair(f"desk{number}") for number in range(24)]
    half = [relay.client() for _ in range(8)]
    for client in half:
        client.send(handshake("/v1/client", *fields_of("client", "desk0"))[:-2])
    relay.signal()
    for _, phone in pairs:
        assert phone.data().opcode == frames.CLOSE
        phone.say('"last"').close(GONE)
    for server, phone in pairs:
        server.got(phone.name, '"last"')
        assert server.notice() == (phone.name, GONE)
        server.assert_closed(GONE, REASON)
    for client in half:
        client.send(b"\r\n")
        answer = client.answer()
        assert answer.status == 503 and answer.says_close(), answer
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 48 and not report["forced"], report


@faces(PLAIN, TLS)
def test_47_handshakes_that_are_half_made_at_the_signal(face):
    """Of TLS, and of HTTP: what is finished is answered with 503, what is not is over with the head's time."""
    relay = Relay(face, "--head-timeout 3s")
    plain = [wire.connected(relay.address) for _ in range(3)]
    for each, hello in zip(plain if face.tls else plain[:1], (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 40 * b"x")):
        each.sendall(hello)
    heads = [relay.client() for _ in range(4)]
    for client in heads:
        client.send(handshake("/v1/server", *fields_of("server", "late"))[:-2])
    began = relay.signal()
    for client in heads[:2]:
        client.send(b"\r\n")
        answer = client.answer()
        assert answer.status in (101, 503), answer
        if answer.status == 101:  # it came before the signal was heard
            late = WebSocket.__new__(WebSocket)
            late.client = client
            late.assert_ended(GONE)
        else:
            assert answer.get("Retry-After") and answer.says_close(), answer
        client.close()
    for client in heads[2:]:
        assert client.answer().status == 408
        client.close()
    relay.end()
    assert_below(relay.took(began), 3 + 2, "the end with handshakes that nobody finishes")
    for each in plain:
        each.close()


class Trouble:
    """Clients and a server of each kind that makes trouble at the end."""

    def __init__(self, relay):
        self.relay, self.stop = relay, threading.Event()
        self.servers = [relay.server(f"bad{number}").held() for number in range(3)]
        self.phones = [relay.connect(f"bad{number % 3}", receive_buffer=4096).known(self.servers[number % 3]) for number in range(12)]
        half = frames.frame(frames.TEXT, b'"' + b"x" * 50000, fin=False, masked=True)
        for phone in self.phones[0:3]:  # a window of zero
            for _ in range(15):
                self.servers[self.phones.index(phone) % 3].tell(phone.name, json.dumps("x" * 200000))
        for phone in self.phones[3:5]:  # half a message
            phone.client.send(half[:30000])
        for phone in self.phones[5:7]:  # half-closed
            phone.client.shut()
        self.thread = threading.Thread(target=self.dribble)
        self.thread.start()

    def dribble(self):
        """Messages without end, a byte at a time, behind the close frame too; and one that pings for ever."""
        for phone in self.phones[7:10]:
            phone.client.socket.settimeout(0.2)
        while not self.stop.is_set():
            for phone, data in zip(self.phones[7:10], (b"x", frames.frame(frames.PING, b"x", masked=True), frames.frame(frames.TEXT, b"1", masked=True))):
                try:
                    phone.client.socket.send(data)
                except OSError:
                    pass
            readable(self.relay.process.pidfd, 0.005)

    def over(self):
        self.stop.set()
        self.thread.join()


@faces(PLAIN, THREADS)
@alone
def test_49_nobody_delays_the_end_beyond_the_grace(face):
    """Zero windows, half messages, half-closed ones, dribblers, and servers that do not answer; a spread too."""
    relay = Relay(face, "--grace 1500ms --close-timeout 60s --spread 60s --outbox 16M")
    server, phone = relay.pair()
    trouble = Trouble(relay)
    began = relay.signal()
    try:
        leave_in_order(server, phone)
        report = relay.end()
    finally:
        trouble.over()
    assert_below(relay.took(began), 1.7, "the grace")
    assert relay.took(began) > 1.0, "those who had time left were cut"
    assert report["exit_code"] == 0 and report["counts"]["websockets_forced"] >= 9, report
    assert len(report["forced"]) == report["counts"]["websockets_forced"], report


@faces(PLAIN, THREADS)
@alone
def test_49_a_server_has_time_for_its_close_though_a_client_does_not_answer(face):
    """It is not made to wait until all are cut: half of the work's time, where that is short, is for its own close."""
    relay = Relay(face, "--grace 3s --close-timeout 60s")
    server, phone = relay.pair()
    began = relay.signal()
    assert phone.until_close()[0] == GONE
    frame = server.data()
    assert frame.opcode == frames.CLOSE and frames.close_code(frame.payload) == GONE, frame
    assert now() - began > 1.0, "the client had time left"
    server.close(GONE)
    server.client.assert_closed()
    report = relay.end()
    assert [each["name"] for each in report["forced"]] == [phone.name], report
    assert report["counts"]["websockets_closed"] == 1, report
    assert_below(relay.took(began), 3.2, "the grace")


@faces(PLAIN, TLS)
@alone
def test_50_the_end_comes_with_the_last_close(face):
    relay = Relay(face)
    server, phone = relay.pair()
    relay.signal()
    closed = leave_in_order(server, phone)
    relay.end()
    assert_below(relay.took(closed), 0.15, "the end after the last connection")


@faces(PLAIN)
@alone
def test_52_a_clock_step_changes_nothing(face):
    stepping = environment(LD_PRELOAD=str(BUILD / "tests" / "library" / "libclock_step.so"))
    relay = Relay(face, "--close-timeout 700ms", env=stepping)
    server, phone = relay.pair()
    began = relay.signal()
    assert phone.until_close()[0] == GONE
    server.until_close()
    server.close(GONE)
    relay.end()
    assert_near(relay.took(began), 0.7, "the bound of a close", 0.3)


@faces(PLAIN, THREADS)
def test_54_5_draining_twice_is_draining_once(face):
    """Signals within the debounce: one close frame for each, one notice, and the exit code of one signal."""
    relay = Relay(face)
    server, phone = relay.pair()
    relay.signals_at_once(TERM, INT)
    leave_in_order(server, phone)
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 2 and not report["forced"], report


@faces(PLAIN)
def test_15_28_who_is_there_between_the_signal_and_the_end_of_the_announcement(face):
    """A claim that waits, a client that was refused and has not answered, an id that is kept."""
    relay = Relay(face, "--announce 300ms --claim-timeout 60s --close-timeout 3s")
    holder = relay.server().held()
    claim = relay.server()
    assert holder.frame().opcode == frames.PING
    refused = relay.connect("nobody")
    assert refused.until_close()[0] == KEPT_OUT
    kept, left = relay.pair("kept")
    kept.client.reset()
    until(lambda: relay.lines(event="kept"), "its id is kept")
    relay.signal()
    for each in claim, left:
        each.assert_closed(GONE, REASON)
    holder.assert_closed(GONE, REASON)
    assert refused.client.rest() == b"", "a second close frame"
    relay.end()
