# SPDX-License-Identifier: Apache-2.0
"""A target that goes and comes back: what was lost, of each kind, and for how long it was away."""

from load import *

ROW = 0.01  # seconds: as exact as an absence is told


def length(absence):
    return (absence["end_ns"] - absence["begin_ns"]) / 1e9


def assert_one(absences):
    """Which falls into two where an answer is read after another thread has seen that there is nobody."""
    assert absences
    if len(absences) > 1:
        raise Late(f"an answer was read late: {absences}")


@alone
@patient
def test_restart_is_told_as_one_absence():
    truth = Truth("--gone 700:800")
    load = Load("--rate 500 --duration 3s --expect-restart", truth)
    result = load.end()
    away = (truth.back - truth.gone) / 1e9
    assert result.ok() == truth.done("ok"), (result.ok(), truth.done("ok"))
    assert set(result.ended()) <= {"ok", "refused", "reset_sent", "reset_unsent"} and result.outcomes["refused"] > 100, result.ended()
    absences = result.absences
    assert_one(absences)
    assert length(absences[0]) >= away - 2 * ROW, (absences, away)
    assert_below(length(absences[0]), away + 0.1, "the absence")
    lost = sum(absences[0]["outcomes"].values())
    assert 0.5 * result.failures() <= lost <= result.failures(), (lost, result.failures())
    truth.stop()


@alone
@patient
def test_restart_under_a_closed_loop():
    truth = Truth("--gone 500:500")
    result = loaded("--duration 2s --connections 4 --expect-restart", truth)
    assert result.ok() == truth.done("ok"), (result.ok(), truth.done("ok"))
    assert_one(result.absences)
    truth.stop()


def test_restart_of_a_server_that_is_killed():
    """Really killed, and started anew on the same port."""
    first = Truth()
    load = Load("--rate 300 --duration 4s --expect-restart --threads 2", first)
    first.until_read(200)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    gone = now()
    until(lambda: now() - gone >= 0.5, "half a second")
    second = Truth(port=first.port)
    result = load.end()
    served = first.done("ok") + second.done("ok")
    assert served - 50 <= result.ok() <= served, (result.ok(), served)
    assert result.failures() > 0 and set(result.ended()) <= {"ok", "refused", "reset_sent", "reset_unsent", "truncated"}, result.ended()
    assert any(each["end_ns"] and length(each) >= 0.5 - 2 * ROW for each in result.absences), result.absences
    second.stop()


def test_restart_that_does_not_come():
    """Without an end: it says that the target did not come back."""
    truth = Truth()
    load = Load("--rate 200 --duration 4s --expect-restart", truth)
    truth.until_read(100)
    os.kill(truth.process.pid, signal.SIGKILL)
    result = load.end()
    assert result.absences and result.outcomes["refused"] > 0, result.ended()
    last = result.absences[-1]
    assert last["end_ns"] is None and sum(last["outcomes"].values()) > 0, last


def test_restart_without_one():
    truth = Truth()
    result = loaded("--rate 200 --duration 1s --expect-restart", truth)
    assert result.ended() == {"ok": 200} and result.absences == []
    truth.stop()


def test_restart_that_was_not_expected_counts_all_the_same():
    truth = Truth("--gone 300:1000")
    result = loaded("--rate 200 --duration 2s --fail-on 'errors>1%'", truth, code=1)
    assert result.failures() > 0 and result.ok() == truth.done("ok")
    truth.stop()


@limit(120)
def test_restart_of_a_service_under_gate_loses_nothing():
    """What it is for: gate is stopped by SIGTERM, and the next one takes its place, on a listener that stays."""
    truth, port = Truth(), free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(4096)
        first = gate_with(listener, truth)
        load = Load("--rate 300 --duration 4s --expect-restart", f"http://127.0.0.1:{port}/")
        truth.until_read(200)
        second = gate_with(listener, truth)
        first.signal(TERM)
        assert first.wait() == 0
        result = load.end()
        second.signal(TERM)
        assert second.wait() == 0
    assert result.ended() == {"ok": 1200} and result.absences == [], (result.ended(), result.absences)
    truth.stop()


def gate_with(listener, truth):
    """A gate on a socket that is handed over as systemd does it."""
    argv = [curfew_path(), "gate", "--upstream", truth.url("").rstrip("/"), "--grace", "10s"]
    script = 'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&' + str(listener.fileno())
    process = start(["sh", "-c", script, "sh", *argv], env=environment(), pass_fds=[listener.fileno()])
    process.err.until("event=ready")
    return process
