# SPDX-License-Identifier: Apache-2.0
"""The end: work stops when it is told to, at once and with the right answer; what does not stop is bounded, and named."""

from serve import *

COOPERATIVE = 0.1  # seconds: the end with functions that look every 10 ms
CONNECTIONS = 64
GRANDCHILD = "child grandchild"


def idle(serve, count=CONNECTIONS):
    """Keep-alive connections that have served."""
    clients = [serve.client() for _ in range(count)]
    for client in clients:
        assert client.get("/id").status == 200
    return clients


def stopped(serve):
    return serve.metrics()['curfew_serve_calls_total{outcome="stopped"}']


# Work that stops when it is told to


def ends_with_the_signal(face, function, words, count, connections=0):
    """Functions that look every 10 ms: the time from the signal to the exit, and their answers, read only then."""
    serve = Serve(face, f"--threads {max(count, 2)}", function=function)
    clients = idle(serve, connections)
    calls = held(serve, count, words)
    began = serve.signal()
    report = serve.end()
    bound = IDLE_GRACE + 0.2 if connections else COOPERATIVE
    assert_below(serve.took(began), bound, f"the end with {count} calls of {function} and {connections} idle connections")
    assert report["forced"] == [] and report["exit_code"] == 0, report
    for call in calls:
        if function == "act":
            call.envelope().assert_stopped()
        else:
            assert_last_stopped(call.stream().rest()[-1])
        assert call.said() == ["begun", f"stopped parent signal {TERM}"], call.said()
    for client in clients:
        client.assert_closed()


@faces(*BOTH)
@alone
def test_cooperative_work_ends_with_the_signal(face):
    for count in 1, CONNECTIONS:
        ends_with_the_signal(face, "act", "log begun hold", count)


@faces(*BOTH)
@alone
def test_cooperative_streams_end_with_the_signal(face):
    """Whose heads went out before it."""
    for count in 1, CONNECTIONS:
        ends_with_the_signal(face, "stream", "yield 2 log begun hold", count)


@faces(*BOTH)
@alone
def test_cooperative_work_beside_idle_connections_ends_with_their_grace(face):
    ends_with_the_signal(face, "act", "log begun hold", 2, CONNECTIONS)


@faces(LIBRARY)
@alone
def test_cooperative_waits_are_woken(face):
    """Those on the token, and on its descriptor."""
    serve = Serve(face, "--threads 16")
    calls = held(serve, 8, "log begun wait") + held(serve, 8, "log begun poll")
    began = serve.signal()
    for call in calls:
        call.envelope().assert_stopped()
    serve.end()
    assert_below(serve.took(began), COOPERATIVE, "the end with waits")


@faces(*EACH)
def test_stopped_work_is_information_and_counted_apart(face):
    serve = Serve(face, "--threads 8 --workers 4 --term-wait 60s" if face is WORKERS else "--threads 8 --term-wait 60s")
    calls = held(serve, 3)
    failed = serve.does("fail 500 broken") if face is not WORKERS else None
    stays = held(serve, do="ignore log begun hold" if face.is_program else "log begun finish")[0]
    serve.signal()
    for call in calls:
        call.envelope().assert_stopped()
    assert stopped(serve) == len(calls) and serve.metrics()['curfew_serve_calls_total{outcome="failed"}'] == (1 if failed else 0)
    assert stays.go().envelope().status == 200
    report = serve.end()
    assert report["forced"] == [] and report["exit_code"] == 0, report
    lines = serve.lines(event="call_stopped")
    assert len(lines) == len(calls) and all(line["level"] == "info" and line["status"] == "503" for line in lines), lines
    assert len(serve.lines(event="call_failed")) == (1 if failed else 0) and not serve.lines(event="forced"), serve.log()


@faces(*EACH)
def test_stopped_streams_say_so_in_their_last_line(face):
    serve = Serve(face, "--workers 3" if face is WORKERS else "", function="stream")
    begun = held(serve, 2, "yield 3 log begun hold")
    unsaid = held(serve, 1, "log begun hold")[0]
    serve.signal()
    for call in begun:
        lines = call.stream().rest()
        assert [line["output"] for line in lines] == [0, 1, 2, None], lines
        assert_last_stopped(lines[-1])
    answer = unsaid.client.whole("POST")
    assert answer.status == 503 and int(answer.get("Retry-After")) > 0 and answer.get("Content-Type") == LINES, answer
    assert_last_stopped(parse_envelope(answer.body.decode().strip()))
    assert serve.end()["forced"] == []


@faces(*EACH)
def test_work_that_was_finished_all_the_same_is_given(face):
    """The token has fired; the result came."""
    serve = Serve(face, "--term-wait 5s")
    words = "late-term log begun hold" if face.is_program else "log begun finish"
    calls = held(serve, 2, words)
    serve.drain()
    if not face.is_program:
        for call in calls:
            call.go()
    assert [call.envelope().output for call in calls] == [0, 1]
    for call in calls:
        call.client.close()
    report = serve.end()
    assert report["forced"] == [] and report["counts"]["requests_drained"] == 2, report


@faces(*EACH)
def test_queued_calls_get_the_whole_envelope(face):
    """As do those that come after the signal; neither has begun."""
    serve = Serve(face, ("--workers 1" if face.runner == "workers" else "--threads 1") + " --announce 300ms")
    words = "on-term 7 log begun hold" if face.is_program else "log begun hold"
    running, connection = held(serve, do=words)[0], serve.client()
    connection.get("/id")
    waiting = [serve.call("log never", number) for number in range(5)]
    until(lambda: serve.metrics()["curfew_serve_calls_queued"] == 5, "they wait")
    began = serve.drain()
    late = serve.call("log never", client=connection)
    serve.assert_in_idle_grace(began)
    for call in [running, *waiting, late]:
        envelope = call.envelope().assert_stopped()
        assert list(json.loads(envelope.text)) == MEMBERS and envelope.answer.says_close(), envelope.answer
    assert not any(call.said() for call in [*waiting, late])
    report = serve.end()
    assert report["forced"] == [] and report["exit_code"] == 0, report


# Whose cause


@faces(LIBRARY)
def test_cause_tells_the_end_from_client_and_timeout(face):
    """And which signal it was."""
    serve = Serve(face, "--request-timeout 300ms")
    timed = serve.call("log begun hold")
    assert timed.until("stopped") == "stopped deadline deadline 0" and timed.envelope().status == 504
    serve.stop()
    for number in TERM, INT:
        serve = Serve(face, "--threads 4")
        gone, last = held(serve, 2)
        gone.client.reset()
        assert gone.until("stopped") == "stopped client-gone client-gone 0"
        serve.signal(number)
        assert last.until("stopped") == f"stopped parent signal {int(number)}"
        last.envelope().assert_stopped()
        serve.end()


@faces(*EACH)
@alone
def test_cancel_after_lets_work_finish_first(face):
    """The token fires later; what is done by then has its result, and calls are still taken."""
    serve = Serve(face, "--cancel-after 700ms --announce 400ms" + (" --workers 3" if face is WORKERS else ""))
    finishes, stays = held(serve, 2)
    began = serve.drain()
    assert_below(now() - began, 0.35, "the call, in the announcement")
    assert serve.does("", 9).output == 9, "a call in the announcement"
    finishes.go()
    envelope = finishes.envelope()
    if envelope.status == 503:
        raise Late("it could go on when the token had fired")
    assert envelope.output == 0
    stays.envelope().assert_stopped()
    assert_near(now() - began, 0.7, "the token's time", slack=0.2)
    assert serve.end()["forced"] == []


@faces(*EACH)
@alone
def test_cancel_after_comes_before_the_deadline_whatever_it_says(face):
    """Else what heeds its token would be cut, and counted as if it had not."""
    serve = Serve(face, "--cancel-after 60s --grace 2s --term-wait 200ms")
    call = held(serve)[0]
    serve.signal()
    call.envelope().assert_stopped()
    report = serve.end()
    assert report["forced"] == [], report


@faces(LIBRARY)
@alone
def test_cancel_after_is_cut_short_where_nothing_runs(face):
    serve = Serve(face, "--cancel-after 5s")
    began = serve.signal()
    serve.end()
    assert_below(serve.took(began), 0.15, "the end of an idle one")


@faces(LIBRARY)
@alone
def test_the_token_fires_at_the_signal_announcement_or_not(face):
    serve = Serve(face, "--announce 2s")
    call = held(serve)[0]
    began = serve.signal()
    call.until("stopped")
    assert_below(now() - began, COOPERATIVE, "the token")
    call.envelope().assert_stopped()
    with serve.client() as client:
        assert client.get("/id").says_close()
        assert client.socket.recv(1) == b""
    serve.signal(signal.SIGKILL)
    serve.process.wait()


# Work that does not stop


@faces(*BOTH)
@alone
def test_stubborn_work_is_bounded_by_the_grace_and_named(face):
    """Its client gets the 503; so does that of a stream, as the last line; the others are not touched."""
    serve = Serve(face, "--grace 1200ms --threads 4")
    stubborn = held(serve, 2, "log begun finish")
    waiting = held(serve)[0]
    began = serve.signal()
    waiting.envelope().assert_stopped()
    assert_below(now() - began, 0.3, "the one that listens")
    for call in stubborn:
        envelope = call.envelope().assert_stopped()
        assert envelope.answer.says_close(), envelope.answer
    report = serve.end()
    assert_below(serve.took(began), 1.35, "the grace")
    assert report["exit_code"] == 0 and names(report) == ["act", "act"] and report["counts"]["requests_forced"] == 2, report
    assert all(each["age_ms"] >= 900 for each in report["forced"]), report
    assert [line["name"] for line in serve.lines(event="forced")].count("act") == 2, serve.log()


@faces(LIBRARY)
@alone
def test_stubborn_streams_are_told_in_their_last_line(face):
    serve = Serve(face, "--grace 1s --forced-exit 3", function="stream")
    call = held(serve, do="yield 2 log begun finish")[0]
    began = serve.signal()
    lines = call.stream().rest()
    assert [line["output"] for line in lines] == [0, 1, None], lines
    assert_last_stopped(lines[-1])
    report = serve.end(code=3)
    assert_below(serve.took(began), 1.15, "the grace")
    assert names(report) == ["stream"], report


@faces(LIBRARY)
@alone
def test_stubborn_work_whose_client_has_gone_is_named_all_the_same(face):
    serve = Serve(face, "--grace 800ms")
    call = held(serve, do="log begun finish")[0]
    call.client.reset()
    serve.told(event="call_left")
    began = serve.signal()
    report = serve.end()
    assert_below(serve.took(began), 0.95, "the grace")
    assert report["exit_code"] == 0 and names(report) == ["act"], report


@faces(LIBRARY)
@alone
def test_stubborn_work_does_not_outlive_a_second_signal(face):
    serve = Serve(face, "--grace 60s")
    call = held(serve, do="log begun finish")[0]
    serve.drain()
    again = serve.insist()
    call.envelope().assert_stopped()
    report = serve.end(code=128 + TERM)
    assert_below(serve.took(again), 0.5, "the end after a second signal")
    assert names(report) == ["act"], report


# Work of programs


def grandchildren(calls):
    return [int(call.until("grandchild").split()[1]) for call in calls]


@faces(PROCESS, PROCESS_TLS, WORKERS)
@alone
def test_programs_that_end_at_term_end_with_the_signal(face):
    """By it, or with a code of their own; and so do descendants that have no such mind."""
    for way in "hold", "on-term 0 hold", "on-term 3 hold", "on-term 143 hold":
        serve = Serve(face)
        calls = held(serve, 2, "log begun " + way if way == "hold" else way.replace("hold", "log begun hold"))
        began = serve.signal()
        for call in calls:
            call.envelope().assert_stopped()
        report = serve.end()
        assert_below(serve.took(began), 0.5, f"the end with {way}")
        assert report["forced"] == [] and report["exit_code"] == 0, report


@faces(PROCESS, WORKERS)
@alone
def test_programs_are_ended_by_the_ladder_with_their_grandchildren(face):
    """One that ignores TERM, with what it has started outside of its group: KILL at the bound; the client has its 503."""
    serve = Serve(face, "--grace 10s --term-wait 500ms")
    calls = held(serve, 2, f"ignore {GRANDCHILD} log begun hold")
    left = grandchildren(calls)
    assert not any(gone(pid) for pid in left)
    began = serve.signal()
    for call in calls:
        call.envelope().assert_stopped()
    report = serve.end()
    assert_below(serve.took(began), 1.5, "the ladder")
    assert serve.took(began) > 0.45, "TERM was not waited for"
    assert all(gone(pid) for pid in left)
    assert report["counts"]["children_kill"] >= 2 and report["exit_code"] == 0, report
    assert len(report["forced"]) >= 2, report


@faces(PROCESS, WORKERS)
@alone
def test_programs_are_killed_at_the_grace(face):
    """Also where the ladder would take longer: at the work's deadline, two thirds of it, so that there is time to reap them."""
    serve = Serve(face, "--grace 1800ms --term-wait 60s --eof-wait 60s")
    calls = held(serve, 2, f"ignore {GRANDCHILD} log begun hold")
    left = grandchildren(calls)
    began = serve.signal()
    for call in calls:
        call.envelope().assert_stopped()
    report = serve.end()
    assert_near(serve.took(began), 1.2, "the work's deadline", slack=0.3)
    assert all(gone(pid) for pid in left) and report["counts"]["children_kill"] >= 2, report


@faces(PROCESS, WORKERS)
def test_programs_whose_clients_have_gone_are_ended_with_their_grandchildren(face):
    """While we run: the tree of one call, and no other."""
    serve = Serve(face, "--term-wait 100ms")
    other = held(serve)[0]
    call = held(serve, do=f"ignore {GRANDCHILD} log begun hold")[0]
    left = grandchildren([call])
    call.client.reset()
    until(lambda: all(gone(pid) for pid in left) and serve.running() == 1, "the tree is gone")
    other.go()
    assert other.envelope().status == 200 and serve.does(value=1).output == 1
    serve.stop()


@faces(PROCESS)
def test_programs_leave_nothing_behind_that_they_have_started(face):
    """A call that is done takes with it what it left running."""
    serve = Serve(face, "--term-wait 100ms")
    call = serve.call(GRANDCHILD, 4)
    left = grandchildren([call])
    assert call.envelope().output == 4
    until(lambda: all(gone(pid) for pid in left), "it is gone")
    assert serve.stop()["exit_code"] == 0


@faces(WORKERS)
def test_kept_processes_are_not_replaced_at_the_end(face):
    """Those whose calls were cancelled: no call will run any more."""
    serve = Serve(face, "--workers 3 --term-wait 10s")
    late, calls = held(serve, do="ignore log begun hold")[0], held(serve, 2)
    started = serve.metrics()["curfew_serve_processes_started_total"]
    serve.drain()
    for call in calls:
        call.envelope().assert_stopped()
    until(lambda: len(serve.workers()) == 1 and serve.running() == 1, "they have ended")
    assert serve.metrics()["curfew_serve_processes_started_total"] == started
    assert late.go().envelope().output == 0
    assert serve.end()["forced"] == []


@faces(WORKERS)
def test_kept_processes_end_by_the_end_of_their_input(face):
    serve = Serve(face)
    assert serve.does(value=1).output == 1
    until(lambda: len(serve.workers()) == 2, "they are there")
    report = serve.stop()
    assert report["counts"]["children_eof"] >= 2 and report["counts"]["children_term"] == 0 and report["forced"] == [], report


@faces(PROCESS, *plainly(WORKERS))
@slow
def test_64_calls_of_programs_are_all_answered(face):
    """As many processes at once as there are calls."""
    serve = Serve(face, "--grace 30s --term-wait 20s " + (f"--workers {CONNECTIONS}" if face is WORKERS else f"--threads {CONNECTIONS}"))
    calls = held(serve, CONNECTIONS)
    serve.signal()
    for call in calls:
        call.envelope().assert_stopped()
    report = serve.end()
    assert report["forced"] == [] and report["exit_code"] == 0, report


# Before it is ready


def start_only(face, command, options="", **more):
    return Serve(face, options, command=command, ready=False, **more)


def slow_description(log, words=""):
    """A program that takes its time to describe itself."""
    return ["--", "sh", "-c", f"{words} echo begun >>{log}; sleep 1000 & wait; exit 1"]


@alone
def test_start_a_signal_in_describe_ends_it_in_order():
    """Nothing was opened, nobody is left; also of one that ignores TERM, within the ladder."""
    for words, bound in ("", 0.5), ("trap '' TERM;", 1.5):
        log = temporary(f"describe-{bound}")
        serve = start_only(PROCESS, slow_description(log, words), "--term-wait 500ms --grace 5s")
        until(lambda log=log: "begun" in read_file(log), "it describes itself")
        assert wire.refused(serve.address), "it listens before it knows what"
        began = serve.signal()
        report = serve.end()
        assert_below(serve.took(began), bound, "the end")
        assert report["exit_code"] == 0 and report["cause"]["signal"] == "SIGTERM", report
        assert "ready" not in [line["event"] for line in serve.lines()], serve.log()


@alone
def test_start_a_signal_in_describe_is_bounded_by_the_grace():
    log = temporary("describe")
    serve = start_only(PROCESS, slow_description(log, "trap '' TERM;"), "--term-wait 60s --grace 700ms")
    until(lambda: "begun" in read_file(log), "it describes itself")
    began = serve.signal()
    serve.end()
    assert_below(serve.took(began), 0.85, "the grace")
