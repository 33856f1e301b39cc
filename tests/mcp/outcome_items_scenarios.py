# SPDX-License-Identifier: Apache-2.0
"""Items of the conformance list that are about the outcome: the exit code, the log and its reader, the report, the order."""

from actors import *

# The exit code


def test_71_75_what_children_make_of_our_end_is_success():
    """Also 143, as a code and as a signal, where the signal was ours."""
    commands = {
        "a code after EOF": shell('"$0"; exit 5'),
        "a code after TERM": shell("""trap 'exit 5' TERM; "$0" ignore-eof"""),
        "143 after TERM": shell("""trap 'exit 143' TERM; "$0" ignore-eof"""),
        "of TERM": child("ignore-eof"),
    }
    for what, command in commands.items():
        for options in "", "--shared":
            wait, rung = ("10s", "children_eof") if "EOF" in what else ("100ms", "children_term")
            mcp = Mcp(PLAIN, f"{options} --eof-wait {wait} --forced-exit 3", command=command)
            mcp.session()
            report = mcp.stop(code=0)
            assert report["forced"] == [] and report["counts"][rung] == 1, (what, options, report)
            assert not mcp.lines(event="child_ended"), (what, options)


def test_75_143_and_137_that_nobody_asked_for_are_told():
    for verb, name, value in ("exit 143", "code", "143"), ("die 15", "signal", "TERM"), ("exit 137", "code", "137"), ("die 9", "signal", "KILL"):
        mcp = Mcp(PLAIN)
        error = reply_of(mcp.session().begin(verb)).error()["message"]
        line = until(lambda mcp=mcp: mcp.lines(event="child_ended"), "the line of its end")[0]
        assert value in error and line.get(name) == value and line["level"] == "warning", (error, line)
        mcp.stop()


@faces(*BOTH)
def test_72_75_a_shared_child_that_ends_unasked_is_a_failure(face):
    """Its calls get an error first; a success that nobody asked for is one too."""
    for verb in "exit 7", "exit 0", "exit 143", "die 15", "die 9":
        mcp = Mcp(face, "--shared")
        session, other = mcp.sessions(2)
        clients = [held(other), session.begin(verb)]
        errors = [reply_of(client).error()["message"] for client in clients]
        report = mcp.end(code=1)
        assert report["cause"]["kind"] == "failure" and report["exit_code"] == 1, report
        assert errors == [report["cause"]["text"]] * 2, (errors, report)
        assert len(mcp.lines(event="child_ended")) == 1 and mcp.lines()[-1]["exit_code"] == "1", mcp.log()


def test_72_a_failure_stays_also_when_term_follows():
    """A client that has sent half a head keeps the end from being over."""
    mcp = Mcp(PLAIN, "--shared")
    session = mcp.session()
    whole = post(message("echo", id=1), session=session.id)
    client = mcp.client().send(whole[:20])
    session.begin("exit 3")
    until(lambda: mcp.lines(event="phase", phase="draining"), "the end has begun")
    mcp.signal()
    readable(mcp.process.pidfd, 0.2)
    assert mcp.process.alive(), mcp.log()
    client.send(whole[20:])
    assert client.whole("POST").status in (404, 503)
    client.close()
    report = mcp.end(code=1)
    assert report["cause"]["kind"] == "failure" and report["forced"] == [], report


def test_72_a_failure_stays_when_term_comes_while_the_rest_of_its_tree_ends():
    mcp = Mcp(PLAIN, "--shared --grace 30s --term-wait 20s", command=beside("setsid on TERM tell 2 told done tell 2 up serve"))
    session = mcp.session()
    until_up(mcp)
    client = session.begin("exit 3")
    until(lambda: "told" in said(mcp), "the child has ended, and its orphan is being ended")
    until(lambda: mcp.lines(event="stopping"), "the end has begun, although the orphan lives")
    mcp.signal()  # which is read before anything that comes later
    for pid in servers(mcp):
        os.kill(pid, signal.SIGKILL)
    error = reply_of(client).error()["message"]
    client.close()
    report = mcp.end(code=1)
    assert report["cause"]["kind"] == "failure" and report["cause"]["text"] == error, (report, error)
    assert "code 3" in error and report["forced"] == [], (report, error)
    assert [line["code"] for line in mcp.lines(event="child_ended")] == ["3"], mcp.log()


# Log and report


def test_74_forced_is_told_apart_from_clean():
    forced = {"a child": child("ignore-eof", "ignore-term"), "a descendant": beside(STUBBORN)}
    for what, command in {**forced, "clean": child()}.items():
        wait = "100ms" if what == "a child" else "10s"
        mcp = Mcp(PLAIN, f"--eof-wait {wait} --term-wait 100ms --forced-exit 3", command=command)
        mcp.session()
        if what == "a descendant":
            until_up(mcp)
        report = mcp.stop(code=3 if what in forced else 0)
        names = [each["name"] for each in report["forced"]]
        assert len(names) == (what in forced) and all("pid" in name for name in names), (what, report)
        lines = [(line["kind"], line["name"], line["level"]) for line in mcp.lines(event="forced")]
        assert lines == [("child", name, "warning") for name in names], (what, lines)
        last = mcp.lines()[-1]
        assert last["event"] == "ended" and last["forced"] == str(len(names)), (what, last)
        assert ("not as asked" in last["text"]) == (what in forced), (what, last)


def test_74_a_child_that_is_killed_while_running_is_logged_and_counted():
    mcp = Mcp(PLAIN, "--eof-wait 100ms --term-wait 100ms", command=child("ignore-eof", "ignore-term"))
    sessions = mcp.sessions(2)
    for count, session in enumerate(sessions, 1):
        assert session.end() in (200, 204)
        until(lambda count=count: mcp.metrics().get('curfew_forced_total{kind="child"}') == count, "it is counted")
    lines = mcp.lines(event="forced")
    assert [line["kind"] for line in lines] == ["child"] * 2 and all("pid" in line["name"] for line in lines), lines
    report = mcp.stop(code=0)
    assert [each["name"] for each in report["forced"]] == [line["name"] for line in lines], report


def unread_log(options, lines):
    """A gateway whose log nobody reads, with a child that has said many lines; and the log's reader."""
    reader, writing = channel()
    command = shell(f'"$1" lines 2 {lines} 60 exit 0; exec "$0"')
    mcp = Mcp(PLAIN, options, command=command, wrap=with_log(writing), pass_fds=[writing])
    os.close(writing)
    assert mcp.session().ask("echo").status == 200
    return mcp, reader


def sipped(reader, mcp):
    """All that there is to read, a little at a time."""
    text = b""
    while chunk := os.read(reader.fd, 8192):
        text += chunk
        readable(mcp.process.pidfd, 0.003)  # lets time pass, unless the gateway ends
    return text.decode().splitlines()


def test_78_every_line_reaches_a_reader_who_is_slow():
    mcp, reader = unread_log("", 3000)
    mcp.signal()
    lines = sipped(reader, mcp)
    assert mcp.end()["forced"] == []
    numbers = [re.search(r'line="(\d+) ', line)[1] for line in lines if "event=child_said" in line]
    assert numbers == [str(number) for number in range(3000)], len(numbers)
    assert "event=ended" in lines[-1] and not any("event=dropped" in line for line in lines), lines[-1]


def test_78_the_last_line_is_there_also_where_others_had_to_be_dropped():
    mcp, reader = unread_log("", 30000)
    mcp.signal()
    lines = sipped(reader, mcp)
    mcp.end()
    told = sum("event=child_said" in line for line in lines)
    dropped = sum(int(re.search(r"lines=(\d+)", line)[1]) for line in lines if "event=dropped" in line)
    assert told < 30000 <= told + dropped <= 30010, (told, dropped)
    assert "event=ended" in lines[-1], lines[-1]


@alone
def test_78_a_reader_who_never_reads_delays_the_end_to_the_grace_at_most():
    mcp, reader = unread_log("--grace 1s", 3000)
    began = mcp.signal()
    report = mcp.end()
    assert_below(mcp.took(began), 1.2, "the grace")
    assert report["exit_code"] == 0 and [each["name"] for each in report["forced"]] == ["output"], report
    assert len(reader.rest().splitlines()) > 100


@alone
def test_79_a_reader_of_metrics_who_never_reads_delays_the_end_to_the_grace_at_most():
    mcp = Mcp(PLAIN, "--grace 1s")
    mcp.session()
    slow_one = wire.Client(mcp.admin, receive_buffer=4096)
    slow_one.send(wire.get("/metrics") * 100)
    began = mcp.signal()
    assert mcp.end()["exit_code"] == 0
    assert_below(mcp.took(began), 1.2, "the grace")
    slow_one.close()


def test_79_a_report_that_cannot_be_written_does_not_change_the_code():
    mcp = Mcp(PLAIN, "--report /dev/full")
    mcp.session()
    mcp.signal()
    assert mcp.process.wait() == 0, mcp.log()
    assert mcp.lines(event="ended")[0]["exit_code"] == "0"


def test_80_the_report_tells_how_each_child_has_ended():
    mcp = Mcp(PLAIN, "--header-env X-Words=WORDS --eof-wait 3s --term-wait 3s", command=shell('exec "$0" $WORDS'))
    mcp.session()
    mcp.session("X-Words: ignore-eof")
    mcp.session("X-Words: ignore-eof ignore-term")
    began = mcp.signal(INT)
    report = mcp.end()
    counts = report["counts"]
    assert [counts[f"children_{rung}"] for rung in ("eof", "term", "kill")] == [1, 1, 1], counts
    assert all(isinstance(count, int) and count >= 0 for count in counts.values()) and counts["bytes_undelivered"] == 0, counts
    assert len(report["forced"]) == 1 and set(report["forced"][0]) == {"name", "age_ms"}, report
    assert report["forced"][0]["name"].startswith("sh pid") and report["forced"][0]["age_ms"] >= 6000, report
    assert set(report["cause"]) == {"kind", "signal", "sender_pid", "text"} and report["cause"]["kind"] == "signal", report
    spent = sum(phase["ms"] for phase in report["phases"] if phase["name"] not in ("starting", "running"))
    assert 5990 <= spent <= mcp.took(began) * 1000 + 10, report["phases"]
    assert report["version"] == finished([curfew_path(), "--version"])[1].split()[-1]


def test_80_the_report_goes_behind_the_last_line_of_the_log():
    mcp = Mcp(PLAIN, "--report - --log-format json")
    mcp.session().ask("tell word")
    mcp.signal()
    assert mcp.process.wait() == 0
    *lines, report = [json.loads(line) for line in mcp.log().splitlines()]
    assert (report["command"], report["exit_code"]) == ("mcp", 0), report
    assert lines[0]["event"] == "started" and lines[-1]["event"] == "ended", lines
    assert [line["line"] for line in lines if line["event"] == "child_said"] == ["word"], lines


@faces(*BOTH)
def test_84_parts_stop_in_order(face):
    """No child is told while a call is in flight; then the front door is closed, the admin face is not; the log ends last."""
    mcp = Mcp(face, "--eof-wait 10s --announce 100ms", command=shell('"$0"; exec "$1" on USR1 tell 2 over exit 0 done tell 2 eof serve'))
    session, other = mcp.sessions(2)
    client = held(session)
    began = mcp.drain()
    until(lambda: now() - began > 0.5, "the announcement is over")
    assert other.ask("echo").status == 200 and said(mcp) == [], said(mcp)
    session.ask("release")
    assert reply_of(client).got()
    client.close()
    until(lambda: said(mcp) == ["eof", "eof"], "the children are told")
    assert wire.refused(mcp.address) and mcp.ask_admin("/healthz").status == 200
    assert mcp.ask_admin("/readyz").status == 503
    until(lambda: [command_name(pid) for pid in servers(mcp)] == ["actor", "actor"], "they are what is left")
    for pid in servers(mcp):
        os.kill(pid, signal.SIGUSR1)
    assert mcp.end()["forced"] == []
    events = [line["event"] for line in mcp.lines()]
    assert events[-1] == "ended" and said(mcp)[2:] == ["over", "over"], events
    phases = [line["phase"] for line in mcp.lines(event="phase")]
    assert phases == [name for name in ("announcing", "draining", "reaping", "done") if name in phases], phases
