# SPDX-License-Identifier: Apache-2.0
"""The items of the lifecycle that are about the process itself: signals at every instant, the announcement, the bounds,
and what is said of the end. Those about connections and requests are in conformance_requests_scenarios.py."""

import subprocess

from mcp import *
from starts import inherited, pending, sleep_until, strange_signals, sweep, time_to_main

HUP, USR1, USR2, PIPE = signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE


def start_only():
    return Mcp(ready=False, admin=False)


@slow
@plain
@limit(180)
def test_1_no_term_is_lost_around_the_first_statement_of_main():
    early = sweep(start_only, 60, 2 * time_to_main(start_only))
    assert early < 60, "all signals came before main"


@plain  # serve starts in the same way, and is looked at
@slow
@limit(180)
def test_1_no_term_is_lost_in_the_first_500_ms():
    sweep(start_only, 50, 500)


@faces(PLAIN)
def test_1_a_signal_at_any_instant_of_the_start_of_a_session(face):
    """The request that begins it is answered, by the child or by a refusal, and no child is left. By the child at last,
    however slow the gateway is."""
    statuses, delays = set(), [i / 2000 for i in range(30)]
    for i, delay in enumerate(delays):
        mcp = Mcp(face)
        client = mcp.client()
        client.send(post(initialize(i)))
        sleep_until(now() + delay)
        mcp.signal()
        reply = reply_of(client)
        client.close()
        assert reply.messages[0]["id"] == i, reply.answer
        assert (reply.status, "result" in reply.messages[0]) in ((200, True), (503, False)), reply.answer
        statuses.add(reply.status)
        assert mcp.end()["forced"] == []
        if delay == delays[-1] < 5 and 200 not in statuses:
            delays.append(10 * delay)
    assert 200 in statuses, statuses


@faces(*BOTH)
def test_2_a_signal_that_is_there_at_the_start_opens_nothing(face):
    """Nothing is even tried: the address is another's."""
    for number in TERM, INT, QUIT:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            assert Mcp(face, listen=address, ready=False).process.wait() == 2
            mcp = Mcp(face, listen=address, ready=False, preexec_fn=pending(number))
            report = mcp.end()
        events = [line["event"] for line in mcp.lines()]
        assert not {"started", "ready"} & set(events) and events[-1] == "ended", events
        assert report["cause"]["signal"] == number.name and report["exit_code"] == 0, report


@faces(PLAIN)
def test_2_other_signals_at_the_start_change_nothing(face):
    for number in HUP, USR1, USR2, PIPE:
        mcp = Mcp(face, preexec_fn=pending(number))
        assert mcp.session().ask("echo").status == 200
        mcp.stop()


@faces(*BOTH)
def test_3_term_int_and_quit_begin_the_same_end(face):
    for number in TERM, INT, QUIT:
        mcp = Mcp(face)
        session = mcp.session()
        client = held(session)
        mcp.signal(number)
        mcp.until_begun()
        session.ask("release")
        reply = reply_of(client)
        assert reply.got()[1]["method"] == "hold" and reply.answer.says_close(), reply.answer
        report = mcp.end()
        assert report["cause"]["signal"] == number.name and report["forced"] == [], report
        assert report["counts"]["children_eof"] == 1, report
        dump = [line["line"] for line in mcp.lines(event="state")]
        assert bool(dump) == (number == QUIT), dump
        assert not dump or any("hold" in line for line in dump), dump


@faces(PLAIN)
def test_3_usr1_dumps_and_nothing_else(face):
    """The dump names the call in flight, and the children."""
    mcp = Mcp(face)
    session = mcp.session()
    client = held(session)
    mcp.signal(USR1)
    until(lambda: mcp.lines(event="state"), "the dump")
    assert mcp.is_ready()
    session.ask("release")
    assert reply_of(client).status == 200
    dump = [line["line"] for line in mcp.lines(event="state")]
    assert any("running" in line for line in dump) and any("hold" in line for line in dump), dump
    assert any("mcp_child" in line for line in dump), dump
    mcp.stop()


@faces(PLAIN)
def test_4_int_after_term_counts_as_the_second(face):
    mcp = Mcp(face, "--grace 60s")
    client = held(mcp.session())
    mcp.drain()
    mcp.insist(INT)
    assert "shutting down" in reply_of(client).error()["message"]
    assert mcp.end(code=128 + INT)["exit_code"] == 128 + INT


@faces(*BOTH)
def test_4_insist_never_ignores_it(face):
    mcp = Mcp(face, "--insist never")
    session = mcp.session()
    client = held(session)
    mcp.drain()
    for _ in range(3):
        mcp.insist()
    session.ask("release")
    assert reply_of(client).got()[1]["method"] == "hold"
    assert mcp.end()["forced"] == []


@faces(*BOTH)
@alone
def test_5_a_duplicate_within_the_debounce_does_not_force(face):
    """As a terminal and a wrapper send it: the same signal, and another one that means the same."""
    mcp = Mcp(face)
    session = mcp.session()
    client = held(session)
    began = mcp.signal()
    mcp.signal()
    until(lambda: mcp.ask_admin("/readyz").status == 503, "the end has begun")  # of signals that wait the lowest comes first
    for number in INT, TERM, QUIT:
        assert_below(mcp.signal(number) - began, 0.8 * DEBOUNCE, "the last of the signals")
    until(lambda: now() - began > 2 * DEBOUNCE, "the debounce is over")
    session.ask("release")
    assert reply_of(client).got()[1]["method"] == "hold"
    report = mcp.end()
    assert report["forced"] == [] and report["cause"]["signal"] == "SIGTERM", report
    assert report["counts"]["children_eof"] == 1, report


@faces(PLAIN)
def test_8_children_get_the_mask_and_the_dispositions_as_they_were(face):
    """Those of a session, and the one of --shared, have what such a child has that was started without us."""
    for before, options in (None, ""), (strange_signals, ""), (strange_signals, "--shared"):
        itself = start(child(), stdin=subprocess.PIPE, preexec_fn=before)
        wanted = inherited(status(itself.pid))
        itself.popen.stdin.close()
        assert itself.wait() == 0
        mcp = Mcp(face, options, preexec_fn=before)
        session = mcp.session()
        server = only_child(only_child(mcp.process.pid))
        assert command_name(server) == "mcp_child"
        assert inherited(status(server)) == wanted, (inherited(status(server)), wanted)
        assert session.ask("environment CURFEW_HANDOVER").only()["result"]["value"] == "none"
        mcp.stop()


@faces(*BOTH)
def test_11_clients_that_reset_end_nothing_else(face):
    """While answers are on their way to them; and SIGPIPE itself."""
    mcp = Mcp(face)
    session, other = mcp.sessions(2)
    client = held(other)
    for _ in range(10):
        leaves = mcp.client(receive_buffer=4096)
        session.begin("long 3000000", client=leaves)
        until(lambda: not leaves.silent(), "the answer begins")
        leaves.reset()
    for number in PIPE, USR2, signal.SIGALRM, signal.SIGCHLD, signal.SIGRTMIN + 1:
        mcp.signal(number)
    assert session.ask("echo").status == other.ask("release").status == 200
    assert reply_of(client).status == 200 and mcp.is_ready()
    mcp.stop()


@faces(PLAIN)
def test_11_a_child_that_closes_its_input_ends_nothing_else(face):
    """What is written to it then breaks a pipe."""
    mcp = Mcp(face, "--eof-wait 100ms")
    session, other = mcp.sessions(2)
    assert session.ask("close").status == 200
    lost = reply_of(session.begin("echo"))
    assert lost.status == 404 or "error" in lost.messages[-1], lost.answer
    assert other.ask("echo").status == 200 and mcp.is_ready()
    mcp.stop()


@faces(*BOTH)
@alone
def test_16_the_announcement_is_cut_short_by_a_second_signal(face):
    mcp = Mcp(face, "--announce 60s --grace 90s")
    session = mcp.session()
    mcp.drain()
    assert session.ask("echo").answer.says_close()
    again = mcp.insist()
    mcp.end(code=128 + TERM)
    assert_below(mcp.took(again), 1, "the end after a second signal")


@faces(PLAIN)
@alone
def test_16_the_announcement_never_exceeds_the_grace(face):
    """Whether there is nothing to wait for, an idle session, or a call that keeps it from ending."""
    for begin in lambda mcp: None, lambda mcp: mcp.session(), lambda mcp: held(mcp.session()):
        mcp = Mcp(face, "--announce 60s --grace 900ms --eof-wait 100ms --term-wait 100ms")
        begun = begin(mcp)
        began = mcp.signal()
        mcp.end()
        assert_below(mcp.took(began), 1.1, "the end with a long announcement")
        del begun


@faces(PLAIN)
@alone
def test_51_nothing_connected_the_end_comes_with_that_of_the_announcement(face):
    mcp = Mcp(face, "--announce 500ms")
    began = mcp.signal()
    mcp.end()
    assert_near(mcp.took(began), 0.5, "the announcement", slack=0.1)


@faces(*BOTH)
def test_18_the_service_manager_is_told(face):
    """Of the calls in flight while it drains, and at last of what was done."""
    manager = Notified()
    mcp = Mcp(face, env=environment(NOTIFY_SOCKET=manager.path))
    manager.until("READY=1")
    session = mcp.session()
    client = held(session)
    mcp.signal()
    manager.until("STOPPING=1")
    session.ask("release")
    assert reply_of(client).status == 200
    report = mcp.end()
    lines = manager.rest()
    assert lines.count("STOPPING=1") == lines.count("READY=1") == 1, lines
    told = [line for line in lines if line.startswith("STATUS=")]
    assert any("1 call" in line or "1 request" in line for line in told), told
    assert told[-1].startswith(f"STATUS=done: {report['counts']['requests_completed']} completed, 0 held, "), (told, report)


@faces(PLAIN)
def test_18_extended_only_while_progress_is_made(face):
    """A drain that waits for a call that hangs does not ask for more time: each time that it does, more has been completed
    or less is held than when it spoke before."""
    manager = Notified()
    mcp = Mcp(face, "--grace 4s --eof-wait 100ms --term-wait 100ms", env=environment(NOTIFY_SOCKET=manager.path))
    client = held(mcp.session())
    mcp.signal()
    assert "shutting down" in reply_of(client).error()["message"]
    mcp.end()
    manager.rest()
    counts = [re.search(r"(\d+) completed, (\d+) held", message) for message in manager.told]
    for before, after, text in zip(counts, counts[1:], manager.told[1:]):
        assert "EXTEND_TIMEOUT_USEC=" not in text or before.groups() != after.groups(), manager.told
    assert sum("STATUS=" in text and "EXTEND" not in text for text in manager.told) >= 4, manager.told


@faces(*BOTH)
@alone
def test_41_each_forced_call_is_logged_named_and_counted(face):
    """Of several sessions, beside one that was answered in the drain."""
    mcp = Mcp(face, "--grace 1s --eof-wait 100ms --term-wait 100ms")
    sessions = mcp.sessions(3)
    tool = message("tools/call", '{"name":"dig"}', '"tool"')
    clients = [sessions[0].begin("delay 60000", id=1), held(sessions[1], id=2), held(sessions[1], id=3)]
    answered = sessions[2].begin("delay 400", id=4)
    sessions[2].send(tool)
    until(lambda: mcp.metrics()["curfew_mcp_calls_in_flight"] >= 4, "they are in flight")
    mcp.signal()
    assert reply_of(answered).got()[1]["method"] == "delay 400"
    for number, client in enumerate(clients, 1):
        reply = reply_of(client)
        assert reply.messages[-1]["id"] == number and "shutting down" in reply.error()["message"], reply.answer
    report = mcp.end()
    names = ["delay 60000", "hold", "hold"]
    assert sorted(forced["name"] for forced in report["forced"]) == names, report
    assert all(600 <= forced["age_ms"] < 5000 for forced in report["forced"]), report
    assert report["counts"]["requests_forced"] == 3 and report["counts"]["requests_drained"] >= 1, report
    lines = mcp.lines(event="forced")
    assert sorted(line["name"] for line in lines) == names, lines
    assert all(line["level"] == "warning" and int(line["age_ms"]) >= 600 for line in lines), lines
    assert mcp.lines()[-1]["event"] == "ended" and mcp.lines()[-1]["forced"] == "3", mcp.lines()[-1]


@faces(PLAIN)
@alone
def test_52_a_clock_step_changes_nothing(face):
    """Neither of the grace, nor of the ladder, nor of how long a session may be idle."""
    stepping = environment(LD_PRELOAD=str(BUILD / "tests" / "library" / "libclock_step.so"))
    command = child("ignore-eof", "ignore-term")
    mcp = Mcp(face, "--grace 1500ms --eof-wait 200ms --term-wait 200ms --session-idle 1h", env=stepping, command=command)
    session = mcp.session()
    client = held(session)
    began = mcp.signal()
    assert "shutting down" in reply_of(client).error()["message"]
    assert_near(now() - began, 1.1, "the work's deadline", slack=0.25)
    report = mcp.end()
    assert_near(mcp.took(began), 1.5, "the grace", slack=0.2)
    assert report["counts"]["children_kill"] == 1 and all(phase["ms"] < 2000 for phase in report["phases"]), report
