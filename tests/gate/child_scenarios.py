# SPDX-License-Identifier: Apache-2.0
"""The command behind the gate: it is told to end when nobody needs it any more, and nothing of it is left."""

from gate import *
from pattern import pattern
from wire import Ended, get

LADDER_S = 0.05


def with_actor(part, options=""):
    """A gate whose command is an actor that says "up"; the origin is a process of the test."""
    gate = Gate(PLAIN, options, command=actor(part))
    until(lambda: gate.log().count("up\n") >= part.count("say up"), "the actor is up")
    return gate


@faces(CHILD, TLS_CHILD)
def test_84_the_child_is_told_when_the_last_request_is_answered(face):
    gate = Gate(face)
    clients = [gate.client() for _ in range(5)]
    for client in clients:
        client.send(get("/held?size=100000"))
    gate.origin.event("request", path="/held", count=5)
    gate.drain()
    assert not gate.origin.events("signal"), "the child was told while requests needed it"
    gate.origin.release()
    for client in clients:
        assert client.whole().body == pattern(100000)
        client.close()
    report = gate.end()
    told = gate.origin.event("signal")
    answered = gate.origin.event("answered", path="/held", last=True, count=5)
    assert told["time"] > answered["time"]
    assert report["counts"]["children_term"] == 1 and report["exit_code"] == 0, report


@faces(CHILD)
@alone
def test_57_a_child_that_ignores_term_is_gone_at_its_bound(face):
    gate = Gate(face, "--grace 10s --term-wait 400ms", origin="--on-term ignore")
    began = gate.signal()
    report = gate.end()
    assert_near(gate.took(began), 0.4, "the child's bound", slack=0.15)
    assert report["counts"]["children_kill"] == 1 and report["forced"], report


def test_74_what_is_killed_at_its_bound_is_logged():
    parts = {"a child": "ignore TERM say up serve", "a descendant": "orphan setsid ignore TERM say up serve done serve"}
    for what, part in parts.items():
        gate = with_actor(part, "--grace 10s --term-wait 100ms --forced-exit 3")
        report = gate.stop(code=3)
        lines = gate.lines(event="forced")
        names = [each["name"] for each in report["forced"]]
        assert len(names) == 1 and names[0].startswith(("actor pid", "descendants of actor pid")), (what, names)
        assert [(line["kind"], line["name"], line["level"]) for line in lines] == [("child", names[0], "warning")], (what, lines)
        assert int(lines[0]["age_ms"]) >= 100, (what, lines)


@alone
def test_57_the_ladder_stays_within_the_grace():
    """A request that hangs takes the work's part of the grace; the child that ignores TERM the rest."""
    gate = Gate(CHILD, "--grace 1500ms --term-wait 5s", origin="--on-term ignore")
    client = gate.client()
    client.send(get("/hang"))
    gate.origin.event("request", path="/hang")
    began = gate.signal()
    assert client.whole().status == 503
    assert_below(now() - began, 1.1, "two thirds of the grace")
    gate.end()
    assert_below(gate.took(began), 1.6, "the grace")


@faces(CHILD)
@alone
def test_59_a_child_that_cleans_up_on_term_has_the_time(face):
    gate = Gate(face, origin="--on-term 0:300")
    began = gate.signal()
    report = gate.end()
    assert_near(gate.took(began), 0.3, "the child's clean-up", slack=0.2)
    assert report["forced"] == [] and report["counts"]["children_kill"] == 0


def test_58_no_descendant_survives():
    parts = {
        "double fork": "orphan setsid ignore TERM say up serve done say up serve",
        "stopped": "ignore TERM say up kill STOP serve",
        "many": "ignore TERM orphan setsid ignore TERM serve done orphan ignore TERM serve done say up serve",
    }
    for name, part in parts.items():
        gate = with_actor(part.replace("kill STOP ", ""), "--grace 3s --term-wait 200ms")
        if name == "stopped":
            for pid in descendants(gate.process.pid):
                if command_name(pid) == "actor":
                    os.kill(pid, signal.SIGSTOP)
        report = gate.stop()
        assert report["forced"], (name, report)
        assert_no_survivors()


def test_6_a_crash_of_ours_leaves_no_children():
    gate = with_actor("orphan setsid ignore TERM serve done ignore TERM say up serve")
    tree = descendants(gate.process.pid)
    gate.process.signal(signal.SIGKILL)
    assert gate.process.wait() == -signal.SIGKILL
    until(lambda: all(gone(pid) for pid in tree), "its tree has ended")


def test_6_a_third_signal_leaves_no_children():
    gate = with_actor("orphan setsid ignore TERM serve done ignore TERM say up serve", "--grace 30s --term-wait 10s")
    gate.drain()
    gate.insist()
    try:
        gate.signal()
    except ProcessLookupError:
        pass
    gate.end(code=128 + TERM)
    assert_no_survivors()


def test_7_as_the_first_process():
    """PID 1 of a container: the default entry point. Orphans are reaped, and nothing is left."""
    gate = Gate(CHILD, origin="", wrap=first_process)
    pid = inner(gate.process, "curfew-net")
    client = gate.client()
    client.send(get("/slow-body?parts=4&ms=50"))
    gate.origin.event("request", path="/slow-body")
    os.kill(pid, TERM)
    assert client.whole().body == b"x" * 4
    client.close()
    assert gate.process.wait() == 0, gate.log()
    assert gate.report()["forced"] == []


def test_66_a_command_that_cannot_be_executed():
    for command, code in (["/nonexistent/program"], 127), (["/etc/passwd"], 126), (["/"], 126):
        gate = Gate(PLAIN, command=command, ready=False)
        assert gate.process.wait() == code, (command, gate.log())
        assert command[0] in gate.log(), gate.log()
        assert wire.refused(gate.address)


@faces(CHILD)
def test_72_a_command_that_ends_unasked_ends_the_gate_with_its_code(face):
    """Requests in flight get 502; a success that nobody asked for is a failure."""
    for code, ours in (7, 7), (0, 1):
        gate = Gate(face)
        client, streaming = gate.client(), gate.client()
        client.send(get("/hang"))
        streaming.send(get("/stream?ms=10"))
        gate.origin.event("request", path="/hang")
        gate.origin.event("request", path="/stream")
        gate.client().send(get(f"/exit?code={code}"))
        answer = client.whole()
        assert answer.status == 502 and answer.body, answer
        assert not streaming.answer().whole
        report = gate.end(code=ours)
        assert report["cause"]["kind"] != "signal" and report["exit_code"] == ours, report
        ended = gate.lines(event="command_ended")
        assert len(ended) == 1 and ended[0]["level"] == "error" and ended[0]["code"] == str(code), gate.log()


@faces(CHILD)
def test_72_a_command_that_is_killed_ends_the_gate_also_when_term_follows(face):
    gate = Gate(face)
    os.kill(gate.origin.pid(), signal.SIGKILL)
    until(lambda: gate.lines(event="command_ended"), "the end was seen")
    try:
        gate.signal()
    except ProcessLookupError:
        pass
    gate.end(code=128 + signal.SIGKILL)


def test_72_a_commands_failure_stays_when_term_comes_while_the_rest_of_its_tree_ends():
    gate = with_actor("orphan setsid on TERM say told done say hears serve done on USR1 exit 3 done say up serve", "--grace 30s --term-wait 20s")
    until(lambda: "hears\n" in gate.log(), "its orphan is up")
    tree = [pid for pid in descendants(gate.process.pid) if command_name(pid) == "actor"]
    os.kill(tree[0], signal.SIGUSR1)
    until(lambda: gate.lines(event="command_ended"), "its end is told, although its orphan lives")
    until(lambda: "told\n" in gate.log(), "its orphan is being ended")
    assert any(not gone(pid) for pid in tree)
    gate.signal()  # which is read before anything that comes later
    for pid in tree:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)
    report = gate.end(code=3)
    assert report["forced"] == [] and report["cause"]["kind"] != "signal", report
    assert gate.lines(event="command_ended")[0]["code"] == "3", gate.log()


def test_72_a_command_that_ends_before_it_was_ready():
    began = now()
    gate = Gate(PLAIN, "--wait 20s", command=actor("exit 3"), ready=False, origin=None)
    gate.end(code=3)
    assert now() - began < 5, "it waited for an upstream that cannot come"


@faces(CHILD)
def test_75_143_is_success_only_after_our_term(face):
    gate = Gate(face, origin="--on-term 143")
    gate.stop(code=0)
    gate = Gate(face)
    gate.stop(code=0)
    gate = Gate(face, origin="--exit-after 300:143", ready=False)
    gate.end(code=143)


@faces(CHILD)
def test_72_a_child_that_exits_with_a_failure_after_our_term(face):
    """What it says of its own end is told in the report; the end was asked for."""
    gate = Gate(face, origin="--on-term 5")
    gate.signal()
    code = gate.process.wait()
    assert code == gate.report()["exit_code"] and code in (0, 5), (code, gate.log())


def test_child_reads_nothing_and_inherits_no_descriptor():
    gate = with_actor("say up serve")
    child = next(pid for pid in descendants(gate.process.pid) if command_name(pid) == "actor")
    links = {fd: os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")}
    assert links["0"] == "/dev/null", links
    own = {link for fd, link in links.items() if fd not in ("0", "1", "2") and "signalfd" not in link and "eventfd" not in link}
    assert not own, f"descriptors of ours: {links}"
    gate.stop()


def test_56_a_stopped_child_is_continued_for_its_term():
    gate = with_actor("on TERM say told exit 0 done say up serve", "--term-wait 5s")
    child = next(pid for pid in descendants(gate.process.pid) if command_name(pid) == "actor")
    os.kill(child, signal.SIGSTOP)
    until(lambda: state(child) == "T", "it is stopped")
    report = gate.stop()
    assert "told\n" in gate.log() and report["forced"] == [], gate.log()


def test_child_that_dies_in_the_drain_gives_502_and_no_hang():
    """The upstream is lost while requests still need it."""
    gate = Gate(CHILD)
    client = gate.client()
    client.send(get("/hang"))
    gate.origin.event("request", path="/hang")
    gate.drain()
    os.kill(gate.origin.pid(), signal.SIGKILL)
    try:
        assert client.whole().status in (502, 503)
    except Ended:
        raise AssertionError("no answer") from None
    client.close()
    gate.process.wait()
    assert_no_survivors()
