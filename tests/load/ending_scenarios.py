# SPDX-License-Identifier: Apache-2.0
"""The end of a run, whatever begins it and whenever: the summary is there, whole, and the exit code says how it went. The
items of the lifecycle by their numbers."""

from load import *
from starts import pending, sleep_until, time_to_main

STOPS = TERM, INT, QUIT


def assert_signalled(load, result, number):
    assert result.ending == "signal" and result.signal in (number, number.name), (result.ending, result.signal)
    assert load.report()["cause"]["signal"] == number.name, load.report()


# Signals at any moment


@slow
@plain
@limit(180)
def test_1_a_signal_at_any_instant_of_the_start():
    """Once it is held back, it ends in order, with the summary and the files; before, the signal's default acts."""
    truth = Truth()
    early, wrong = 0, []
    span = max(0.05, 2 * time_to_main(lambda: Load(f"{FOR_EVER} --connections 4", truth)) / 1000)
    for i in range(40):
        load = Load(f"{FOR_EVER} --connections 4", truth)
        sleep_until(load.process.started + i * span / 40)
        held = blocks(load.pid, TERM)
        load.signal()
        code = load.process.wait(10)
        early += not held
        if code == -TERM and not held:
            continue
        if code != 0 or load.result()["exit_code"] != 0:
            wrong.append(f"start {i}: code {code}, held: {held}: {load.errors()}")
        else:
            load.result().check()
            assert_whole(load.said())
    assert not wrong, "\n".join(wrong)
    assert early < 30, f"{early} signals came before main"
    truth.stop()


def test_2_a_signal_that_is_there_at_the_start_sends_nothing():
    for number in STOPS:
        truth = Truth()
        load = Load(FOR_EVER, truth, preexec_fn=pending(number))
        result = load.end()
        assert result.admitted == 0 and truth.accepted == 0, (result, truth.header())
        assert load.report()["cause"]["signal"] == number.name
        truth.stop()


def test_2_other_signals_at_the_start_change_nothing():
    for number in signal.SIGHUP, USR1, signal.SIGUSR2, PIPE:
        truth = Truth()
        assert loaded("--requests 20", truth, preexec_fn=pending(number)).ok() == 20, number
        truth.stop()


def test_3_a_signal_while_it_runs():
    """What was in flight is finished, each request is accounted for, and the code is 0."""
    for loop in LOOPS:
        for number in STOPS:
            truth = Truth("--script 'ok*9 delay=50'")
            load = running(truth, loop=loop)
            sent = load.signal(number)
            result = load.end()
            assert_signalled(load, result, number)
            assert result.ended_ns >= result.ran_ns >= sent * 1e9 - truth.records()[0].arrived, result.ran_ns
            assert result.in_flight == 0 and result.failures() == 0 and result.ok() == truth.read(), (result.ended(), truth.read())
            dump = "event=state" in load.errors()
            assert dump == (number == QUIT), load.errors()
            truth.stop()


def test_3_usr1_dumps_and_nothing_else():
    truth = Truth()
    load = running(truth)
    load.signal(USR1)
    until(lambda: "event=state" in load.errors(), "the dump")
    seen = truth.read()
    truth.until_read(seen + 100)
    load.stop()
    truth.stop()


def test_3_a_signal_while_connections_are_prewarmed():
    """To a target whose backlog is full, so that they never come: nothing was sent, and that is no failure."""
    with full_backlog() as url:
        load = Load(f"{FOR_EVER} --prewarm --connections 8 --grace 1s", url)
        until(lambda: sockets_in(load.pid, "02"), "connections are on their way")
        began = load.signal()
        result = load.end()
        assert result.admitted == result.ok() == 0, result.ended()
        assert_below(load.took(began), 10, "the end of a prewarming")


def test_3_prewarmed_connections_are_there_before_the_first_request():
    truth = Truth("--script delay=100")
    result = loaded("--prewarm --connections 12 --requests 12 --threads 2", truth)
    assert truth.accepted == 12 and result.ok() == 12
    truth.stop()


def test_3_requests_that_hang_have_the_grace():
    """They are what was in flight at the end, neither done nor failed; what is answered meanwhile counts."""
    for loop in LOOPS:
        truth = Truth("--script 'ok*30 never hold'")
        load = running(truth, "--grace 2s --timeout 60s", loop, count=2, word="never")
        began = load.signal()
        until(lambda: truth.release() or state(load.pid) == "Z", "the held ones are answered, also those that are read late")
        result = load.end()
        assert load.took(began) >= 1.8, load.took(began)
        assert result.in_flight == truth.read("never") >= 2 and result.failures() == 0, (result, truth.header())
        assert result.ok() == truth.read() - truth.read("never"), (result.ok(), truth.header())
        truth.stop()


def test_3_requests_that_end_within_the_grace_are_waited_for_and_no_longer():
    truth = Truth("--script 'ok*7 hold'")
    load = running(truth, "--grace 60s", count=8, word="hold")
    began = load.signal()
    until(lambda: now() - began > 0.3 and truth.read("hold") == 8, "it only waits")
    until(lambda: truth.release() or state(load.pid) == "Z", "the held ones are answered, also those that are read late", 30)
    result = load.end()
    assert result.in_flight == 0 and result.ok() == truth.read()
    truth.stop()


def test_4_a_second_signal_ends_it_at_once():
    """With the summary, which tells what was in flight, and its own code."""
    for loop in LOOPS:
        truth = Truth("--script 'ok*30 never'")
        load = running(truth, "--grace inf --timeout inf", loop, count=2, word="never")
        load.signal()
        debounced(load.pid)
        load.signal(INT)
        result = load.end(code=128 + INT)
        assert result.ending == "insisted" and result.failures() == 0, (result.ending, result.ended())
        assert result.in_flight >= truth.read("never") >= 2, (result.in_flight, truth.header())
        assert load.report()["exit_code"] == 128 + INT
        truth.stop()


def test_4_a_second_signal_after_a_natural_end_that_waits():
    """--duration is over, requests hang, the grace has no end: one signal ends it in order, since it is the first."""
    truth = Truth("--script 'ok*2 never'")
    load = Load("--connections 4 --duration 500ms --grace 3s --timeout 60s", truth)
    truth.until_read(1, "never")
    result = load.end()
    assert result.ending == "duration" and result.in_flight == truth.read("never")
    truth.stop()


def test_5_two_signals_within_the_debounce_are_one():
    truth = Truth("--script 'ok*7 hold'")
    load = running(truth, "--grace 60s", count=8, word="hold")
    load.process.signals_at_once(TERM, INT)
    until(lambda: truth.release() or state(load.pid) == "Z", "what is held is answered, also what is read late", 30)
    result = load.end()
    assert result.ending == "signal" and result.in_flight == 0
    truth.stop()


# By itself


def test_71_by_its_own_duration():
    for loop in LOOPS.values():
        truth = Truth()
        load = Load(f"{loop} --duration 700ms", truth)
        result = load.end()
        assert result.ending == "duration" and result.ran_ns >= 0.7e9 and result.in_flight == 0, (result.ending, result.ran_ns)
        assert load.took() >= 0.7 and load.report()["cause"]["kind"] == "duration", load.report()
        truth.stop()


def test_71_inside_the_deadline_of_a_job():
    """--duration and --grace are the most that it takes, whatever the target does: here it never answers again."""
    truth = Truth("--script 'ok*50 never*10000'")
    load = Load("--connections 8 --duration 3s --grace 1s --timeout inf", truth)
    result = load.end()
    assert result.in_flight == 8 and result.ok() == 50, result.ended()
    assert_below(load.took(), 3 + 1 + 5, "a run of --duration 3s --grace 1s")
    truth.stop()


def test_71_when_its_requests_are_made():
    truth = Truth()
    load = Load("--connections 8 --duration inf --requests 500", truth)
    result = load.end()
    assert result.ending == "requests" and result.ok() == truth.read() == 500
    assert result.ended_ns >= result.ran_ns >= truth.records()[-1].arrived - truth.records()[0].arrived, result.ran_ns
    assert load.report()["cause"]["kind"] == "completed", load.report()
    truth.stop()


def test_72_nothing_ever_succeeded():
    """Each kind of nothing, in each kind of loop; but a signal before anything was sent is none."""
    truth = Truth()
    for url in f"http://127.0.0.1:{free_port()}/", truth.url("/500"), truth.url("/reset"), truth.url("/cut"):
        for loop in LOOPS.values():
            result = loaded(f"{loop} --duration 300ms", url, code=1)
            assert result.ok() == 0 and result.failures() > 0, url
    load = Load("--connections 2 --duration 300ms --grace 300ms", truth.url("/never"))
    result = load.end(code=1)
    assert result.in_flight == 2 and result.ok() == result.failures() == 0
    truth.stop()


def test_72_nothing_ever_succeeded_although_a_signal_ended_it():
    truth = Truth()
    load = Load(f"{FOR_EVER} --connections 2", truth.url("/500"))
    truth.until_read(10)
    load.stop(code=1)
    truth.stop()


def test_72_a_threshold_that_broke_is_named():
    truth = Truth("--script 'ok*4 500'")
    load = Load("--requests 200 --fail-on 'errors>10%' --fail-on 'p50>1h' --fail-on 'errors>21%'", truth)
    result = load.end(code=1)
    assert [verdict["broken"] for verdict in result.verdicts] == [True, False, False], result.verdicts
    said = load.said() + load.errors()
    assert "errors>10%" in said and "20" in result.verdicts[0]["found"], (said, result.verdicts)
    truth.stop()


def test_72_thresholds_that_held():
    truth = Truth("--script 'ok*4 500'")
    result = loaded("--requests 200 --fail-on 'errors>20%' --fail-on 'p99.9>59m'", truth)
    assert not any(verdict["broken"] for verdict in result.verdicts) and len(result.verdicts) == 2, result.verdicts
    truth.stop()


def test_72_thresholds_of_latency():
    truth = Truth("--script 'ok*10 delay=300*10'")
    for threshold, code in ("p20>250ms", 0), ("p90>250ms", 1), ("max>250ms", 1), ("p99>59m", 0):
        loaded(f"--requests 40 --connections 8 --threads 1 --fail-on '{threshold}'", truth, code=code)
    truth.stop()


def test_72_a_threshold_stays_broken_under_a_signal():
    """One that ends the run, and one in the flush delay."""
    truth = Truth("--script 'ok*4 500'")
    load = running(truth, "--fail-on 'errors>10%'")
    load.stop(code=1)
    load = Load("--requests 100 --flush-delay 60s --fail-on 'errors>10%'", truth)
    until(lambda: load.said().endswith("\n") and read_file(load.json_path), "the summary")
    load.signal()
    load.end(code=1)
    truth.stop()


def test_72_a_signal_before_anything_was_sent_is_no_failure():
    truth = Truth()
    admin = free_port()
    load = Load(f"--stage 0/s:inf --admin 127.0.0.1:{admin}", truth)
    until(lambda: (answer := admin_of(admin)) and answer[0] == 200, "it runs")
    result = load.stop()
    assert result.admitted == truth.read() == 0
    truth.stop()


def test_74_what_was_cut_is_told_apart():
    truth = Truth("--script 'ok*30 never'")
    load = running(truth, "--grace 500ms --timeout 60s --forced-exit 9", count=2, word="never")
    load.stop(9)
    forced = load.report()["forced"]
    assert forced, "nothing was forced?"
    assert load.result()["exit_code"] == 9, load.result()["exit_code"]
    truth.stop()
    truth = Truth()
    load = running(truth)
    load.stop()
    assert load.report()["forced"] == []
    truth.stop()


# The flush delay


def test_79_the_flush_delay_waits_for_the_last_scrape():
    truth = Truth()
    load, admin = flushing(truth)
    assert admin_of(admin)[0] == 200
    status, text = admin_of(admin, "/metrics")
    assert status == 200 and "100" in text
    for number in (TERM,):
        load.signal(number)
    result = load.end()
    assert result.ending == "requests" and result.exit_code == 0
    truth.stop()


def test_79_each_stop_signal_ends_the_flush_delay():
    truth = Truth()
    for number in STOPS:
        load, _ = flushing(truth)
        began = load.signal(number)
        load.end(within=30)
        assert_below(load.took(began), 5, "the end of the flush delay")
    truth.stop()


def test_79_the_flush_delay_ends_by_itself():
    truth = Truth()
    load = Load("--requests 10 --flush-delay 700ms", truth)
    load.end()
    assert load.took() >= 0.7
    truth.stop()


def test_79_the_flush_delay_changes_no_code():
    truth = Truth()
    loaded("--requests 10 --flush-delay 200ms", truth.url("/500"), code=1)
    truth.stop()


def test_79_a_signal_while_it_runs_leaves_the_flush_delay_out():
    truth = Truth()
    load = running(truth, "--flush-delay 600s")
    load.signal()
    load.end(within=30)
    truth.stop()


def test_79_a_scraper_that_hangs_holds_nothing_up():
    truth = Truth()
    load, admin = flushing(truth)
    with socket.create_connection(("127.0.0.1", admin)) as hanging:
        hanging.sendall(b"GET /metrics HTTP/1.1\r\n")
        load.signal()
        load.end(within=30)
    truth.stop()


# The report


def test_80_the_report_of_a_signal():
    truth = Truth()
    load = running(truth)
    load.stop()
    report = load.report()
    assert report["command"] == "load" and report["exit_code"] == 0, report
    assert report["cause"]["kind"] == "signal" and report["cause"]["sender_pid"] == os.getpid(), report
    assert report["phases"][-1]["name"] == "reaping", report
    truth.stop()


def test_80_the_report_of_a_failure():
    truth = Truth()
    load = Load("--requests 10", truth.url("/500"))
    load.end(code=1)
    assert load.report()["exit_code"] == 1, load.report()
    truth.stop()


def test_10_the_cause_names_signal_and_sender():
    truth = Truth()
    for number in STOPS:
        load = running(truth, loop="open", count=truth.read() + 20)
        load.stop(number=number)
        cause = load.report()["cause"]
        assert (cause["signal"], cause["sender_pid"]) == (number.name, os.getpid()), cause
    truth.stop()


@alone
@plain
def test_12_the_flush_delay_is_idle():
    truth = Truth()
    load, _ = flushing(truth, "--live never")
    settled(load.pid)
    before = context_switches(load.pid)
    began = now()
    until(lambda: now() - began >= 3, "3 s")
    assert context_switches(load.pid) - before <= 3, context_switches(load.pid) - before
    load.stop()
    truth.stop()
