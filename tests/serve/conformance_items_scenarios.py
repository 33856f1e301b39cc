# SPDX-License-Identifier: Apache-2.0
"""The items of the lifecycle that are about the process itself: signals at every instant, readiness, the announcement, the
bounds. Those about connections and requests are in conformance_requests_scenarios.py, those about codes and the report in
outcome_items_scenarios.py."""

from serve import *
from starts import inherited, pending, sleep_until, strange_signals, sweep, time_to_main

HUP, USR1, USR2, PIPE = signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE
HEAD_TIMEOUT = 5.0  # seconds
LATE = "--cancel-after 60s"  # work is not asked to stop: it ends by go()


def library_start():
    return Serve(ready=False, admin=False)


def workers_start():
    return Serve(WORKERS, ready=False, admin=False)


# Signals at the start


@slow
@plain
@limit(180)
def test_1_no_term_is_lost_around_the_first_statement_of_main():
    early = sweep(library_start, 40, 2 * time_to_main(library_start))
    assert early < 40, "all signals came before main"


@slow
@limit(180)
def test_1_no_term_is_lost_in_the_first_500_ms():
    """With programs, that is in the description, and while the kept ones start."""
    sweep(library_start, 10, 500)
    sweep(workers_start, 20, 500)


@faces(LIBRARY, PROCESS)
def test_1_a_signal_at_any_instant_of_a_call(face):
    """It is answered, with its result or with the 503; in C with the result at last, however slow the server is."""
    statuses, delays = set(), [i / 1000 * (10 if face.is_program else 0.6) for i in range(6)]
    for i, delay in enumerate(delays):
        serve = Serve(face)
        call = serve.call(value=i)
        sleep_until(now() + delay)
        serve.signal()
        envelope = call.envelope()
        assert envelope.status == 503 or envelope.output == i, envelope
        statuses.add(envelope.status)
        assert serve.end()["forced"] == []
        if delay == delays[-1] < 5 and not face.is_program and 200 not in statuses:
            delays.append(10 * delay)
    assert statuses <= {200, 503} and (face.is_program or 200 in statuses), statuses


@faces(LIBRARY, PROCESS_TLS)
def test_2_a_signal_that_is_there_at_the_start_opens_nothing(face):
    """Nothing is even tried: the address is another's, and the plugin is not loaded or asked."""
    for number in TERM, INT, QUIT:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            assert Serve(face, listen=address, ready=False).process.wait() == 2
            serve = Serve(face, listen=address, ready=False, preexec_fn=pending(number))
            report = serve.end()
        events = [line["event"] for line in serve.lines()]
        assert "ready" not in events and events[-1] == "ended", events
        assert report["cause"]["signal"] == number.name and report["exit_code"] == 0, report


@faces(LIBRARY, PROCESS)
def test_2_other_signals_at_the_start_change_nothing(face):
    for number in HUP, USR1, USR2, PIPE:
        serve = Serve(face, preexec_fn=pending(number))
        assert serve.does(value=1).output == 1
        serve.stop()


@faces(*TWO)
def test_3_term_int_and_quit_begin_the_same_end(face):
    for number in TERM, INT, QUIT:
        serve = Serve(face)
        call = held(serve)[0]
        serve.signal(number)
        call.envelope().assert_stopped()
        report = serve.end()
        assert report["cause"]["signal"] == number.name and report["forced"] == [], report
        dump = [line["line"] for line in serve.lines(event="state")]
        assert bool(dump) == (number == QUIT), dump
        assert not dump or any("act" in line for line in dump), dump


@faces(LIBRARY, PROCESS)
def test_3_usr1_dumps_and_nothing_else(face):
    """The dump names the call that runs, and the process if it has one."""
    serve = Serve(face)
    call = held(serve)[0]
    serve.signal(USR1)
    until(lambda: serve.lines(event="state"), "the dump")
    assert serve.is_ready()
    call.go()
    assert call.envelope().status == 200
    dump = [line["line"] for line in serve.lines(event="state")]
    assert any("running" in line for line in dump) and any("act" in line for line in dump), dump
    serve.stop()


# Once and twice


@faces(LIBRARY, PROCESS)
@alone
def test_4_a_second_signal_cuts_at_once(face):
    for options in "", LATE:
        serve = Serve(face, f"--grace 60s --term-wait 60s {options}")
        call = held(serve, do="log begun finish" if not face.is_program else "ignore log begun hold")[0]
        serve.drain()
        until(lambda: options or serve.lines(event="cancelled"), "the token has fired")
        assert not options or not serve.lines(event="cancelled"), serve.log()
        again = serve.insist(INT)
        call.envelope().assert_stopped()
        report = serve.end(code=128 + INT)
        assert_below(serve.took(again), 0.5, "the end after a second signal")
        assert report["exit_code"] == 128 + INT and names(report)[0] == "act", report
        assert len(names(report)) == (2 if face.is_program else 1), report
        told = serve.lines(event="cancelled")
        assert len(told) == 1 and (told[0]["running"], told[0]["queued"]) == ("1", "0"), serve.log()


@faces(LIBRARY, PROCESS)
def test_4_insist_never_ignores_it(face):
    serve = Serve(face, f"--insist never {LATE}")
    call = held(serve)[0]
    serve.drain()
    for _ in range(3):
        serve.insist()
    call.go()
    assert call.envelope().output == 0
    assert serve.end()["forced"] == []


@faces(*FIRST)
@alone
def test_5_54_a_duplicate_within_the_debounce_does_not_force(face):
    """As a terminal and a wrapper send it; draining twice is draining once."""
    serve = Serve(face, LATE)
    call = held(serve)[0]
    began = serve.drain()
    for number in TERM, INT, QUIT:
        assert_below(serve.signal(number) - began, 0.8 * DEBOUNCE, "the last of the signals")
    until(lambda: now() - began > 2 * DEBOUNCE, "the debounce is over")
    call.go()
    assert call.envelope().output == 0
    report = serve.end()
    assert report["forced"] == [] and report["cause"]["signal"] == "SIGTERM", report


@faces(LIBRARY, PROCESS)
def test_7_as_the_first_process(face):
    serve = Serve(face, wrap=first_process)
    call = held(serve)[0]
    os.kill(inner(serve.process, "curfew-net"), TERM)
    call.envelope().assert_stopped()
    call.client.close()
    assert serve.process.wait() == 0
    assert serve.report()["exit_code"] == 0


def test_8_processes_get_the_mask_and_the_dispositions_as_they_were():
    script = """if [ "$1" = --describe ]; then echo '{"name":"f","inputs":{"type":"null"},"outputs":{}}'; else exec cat; fi"""
    for before in None, strange_signals:
        itself = start(["sh", "-c", "exec cat"], stdin=subprocess.PIPE, preexec_fn=before)
        until(lambda itself=itself: command_name(itself.pid) == "cat", "it is there")
        wanted = inherited(status(itself.pid))
        itself.popen.stdin.close()
        assert itself.wait() == 0
        serve = Serve(WORKERS, "--workers 1", command=["--", "sh", "-c", script, "sh"], preexec_fn=before)
        pid = until(lambda serve=serve: [pid for pid in serve.workers() if command_name(pid) == "cat"], "it is there")[0]
        assert inherited(status(pid)) == wanted, (inherited(status(pid)), wanted)
        serve.stop()


@faces(*BOTH)
def test_10_11_clients_that_reset_end_nothing_else(face):
    """While answers are on their way to them; and SIGPIPE itself. The cause names signal and sender."""
    serve = Serve(face)
    call = held(serve)[0]
    for _ in range(10):
        leaves = serve.call("size 3000000", client=serve.client(receive_buffer=4096)).client
        until(lambda: not leaves.silent(), "the answer begins")
        leaves.reset()
    for number in PIPE, USR2, signal.SIGALRM, signal.SIGCHLD, signal.SIGRTMIN + 1:
        serve.signal(number)
    call.go()
    assert call.envelope().output == 0 and serve.does(value=1).output == 1 and serve.is_ready()
    serve.signal(INT)
    cause = serve.end()["cause"]
    assert (cause["kind"], cause["signal"], cause["sender_pid"]) == ("signal", "SIGINT", os.getpid()), cause


@faces(LIBRARY, WORKERS)
@plain
@slow
@limit(120)
def test_12_idle_there_are_no_wake_ups_in_10_s(face):
    """Once the last request's head would have had to be there."""
    serve = Serve(face)
    client = serve.client()
    assert client.get("/id").status == 200 and serve.does(value=1).output == 1
    asked = now()
    until(lambda: now() > asked + HEAD_TIMEOUT + 1, "its time is over")
    settled(serve.process.pid)
    watched = [serve.process.pid, *[pid for pid in descendants(serve.process.pid) if command_name(pid).startswith("curfew")]]
    began = now()
    before = {pid: context_switches(pid) for pid in watched}
    until(lambda: now() > began + 10, "10 s have passed", within=20)
    woken = {pid: context_switches(pid) - count for pid, count in before.items()}
    assert not any(woken.values()), f"wake-ups: {woken}"
    client.close()
    serve.stop()


# Readiness


@faces(*TWO)
@alone
def test_13_readyz_is_503_within_50_ms_and_before_any_listener_closes(face):
    serve = Serve(face, "--announce 1s")
    with wire.Client(serve.admin) as prober:
        assert prober.get("/readyz").status == 200
        began = serve.signal()
        while (answer := prober.get("/readyz")).status == 200 and not answer.says_close():
            assert_below(now() - began, 1, "readiness")
        seen = now()
    if answer.status == 200:
        until(lambda: serve.ask_admin("/readyz").status == 503, "not ready", 1)
        seen = now()
    assert_below(seen - began, 0.05, "the time until it is not ready")
    assert serve.get("/id").status == 200, "a listener was closed already"
    serve.end()


@faces(*TWO)
def test_14_17_the_admin_face_answers_until_the_last_call_is_done(face):
    serve = Serve(face, f"--announce 200ms {LATE}")
    call = held(serve)[0]
    serve.drain()

    def check():
        assert serve.ask_admin("/healthz").status == 200 and serve.ask_admin("/readyz").status == 503

    until(lambda: check() or wire.refused(serve.address), "the listener is closed")
    for _ in range(10):
        check()
    call.go()
    assert call.envelope().output == 0
    serve.end()
    assert serve.ask_admin("/healthz") is None


@faces(*FIRST)
def test_15_requests_during_the_announcement_are_answered_and_say_close(face):
    """Calls too: with the 503, or, where the token has not fired, with their results."""
    for options in "", LATE:
        serve = Serve(face, f"--announce 60s --grace 90s {options}")
        kept = [serve.client() for _ in range(3)]
        for client in kept:
            assert not client.get("/id").says_close()
        serve.drain()
        assert serve.get("/schema").says_close() and serve.get("/x").status == 404
        for number, client in enumerate(kept):
            envelope = serve.call(value=number, client=client).envelope()
            assert envelope.answer.says_close() and (envelope.output == number if options else envelope.assert_stopped()), envelope
            client.assert_closed()
        serve.insist()
        serve.end(code=128 + TERM)


@faces(*TWO)
@alone
def test_16_the_announcement_is_cut_short_by_a_second_signal(face):
    serve = Serve(face, "--announce 60s --grace 90s")
    serve.drain()
    assert serve.get("/id").says_close()
    again = serve.insist()
    serve.end(code=128 + TERM)
    assert_below(serve.took(again), 1, "the end after a second signal")


@faces(*FIRST)
@alone
def test_16_the_announcement_never_exceeds_the_grace(face):
    serve = Serve(face, "--announce 60s --grace 900ms --eof-wait 100ms --term-wait 100ms")
    call = held(serve)[0]
    began = serve.signal()
    call.envelope().assert_stopped()
    serve.end()
    assert_below(serve.took(began), 1.1, "the end with a long announcement")


@faces(LIBRARY, PROCESS)
def test_18_the_service_manager_is_told(face):
    manager = Notified()
    serve = Serve(face, LATE, env=environment(NOTIFY_SOCKET=manager.path))
    manager.until("READY=1")
    call = held(serve)[0]
    serve.signal()
    manager.until("STOPPING=1")
    call.go()
    assert call.envelope().output == 0
    serve.end()
    lines = manager.rest()
    assert lines.count("STOPPING=1") == lines.count("READY=1") == 1, lines
    told = [line for line in lines if line.startswith("STATUS=")]
    assert told and told[-1].startswith("STATUS=done: 1 completed, 0 held, "), told


# Bounds


@faces(*FIRST)
@alone
def test_51_an_idle_one_ends_at_once_and_with_the_announcement(face):
    for announce in 0, 0.5:
        serve = Serve(face, f"--announce {int(announce * 1000)}ms")
        if face.runner == "workers":
            assert len(until(lambda serve=serve: len(serve.workers()) == 2 and serve.workers(), "they are there")) == 2
            assert serve.does(value=1).output == 1
        began = serve.signal()
        serve.end()
        assert_near(serve.took(began), announce, "the end of an idle one", slack=0.2 if face.is_program else 0.1)


@faces(LIBRARY, PROCESS)
@alone
def test_52_a_clock_step_changes_nothing(face):
    """Neither of the grace, nor of a call's time, nor of --cancel-after."""
    stepping = environment(LD_PRELOAD=str(BUILD / "tests" / "library" / "libclock_step.so"))
    serve = Serve(face, "--grace 1500ms --term-wait 200ms --cancel-after 600ms --request-timeout 1h", env=stepping)
    listens, stubborn = held(serve)[0], held(serve, do="ignore log begun hold" if face.is_program else "log begun finish")[0]
    began = serve.signal()
    listens.envelope().assert_stopped()
    assert_near(now() - began, 0.6, "the token's time", slack=0.2)
    stubborn.envelope().assert_stopped()
    serve.end()
    assert_near(serve.took(began), 1.0 if face.is_program else 1.5, "the end", slack=0.6 if face.is_program else 0.2)
