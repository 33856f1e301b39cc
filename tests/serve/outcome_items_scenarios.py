# SPDX-License-Identifier: Apache-2.0
"""The items of the lifecycle that are about how it ended: codes, the log's last lines, the report."""

from serve import *

LATE = "--cancel-after 60s"  # work is not asked to stop: it ends by go()
PHASES = ["starting", "running", "announcing", "draining", "forcing", "reaping", "done"]


@faces(*FIRST)
def test_71_80_the_report_of_a_clean_end(face):
    serve = Serve(face, "--announce 200ms")
    assert serve.does(value=1).output == 1
    call = held(serve)[0]
    serve.signal()
    call.envelope().assert_stopped()
    call.client.close()
    report = serve.end()
    assert set(report) >= {"command", "version", "cause", "phases", "counts", "forced", "exit_code"}, report
    assert (report["command"], report["exit_code"], report["forced"]) == ("serve", 0, [])
    assert set(report["cause"]) == {"kind", "signal", "sender_pid", "text"}
    names = [phase["name"] for phase in report["phases"]]
    assert names == [name for name in PHASES if name in names] and "announcing" in names, names
    assert report["counts"]["requests_completed"] == 2 and report["counts"]["requests_forced"] == 0, report
    last = serve.lines()[-1]
    assert last["event"] == "ended" and last["exit_code"] == "0", last


@faces(PROCESS, WORKERS)
def test_71_75_what_programs_make_of_our_end_is_success(face):
    """Codes and signals of theirs, 143 too, where the TERM was ours."""
    for words in "log begun hold", "on-term 5 log begun hold", "on-term 143 log begun hold":
        serve = Serve(face, "--forced-exit 3")
        call = held(serve, do=words)[0]
        serve.signal()
        call.envelope().assert_stopped()
        assert serve.end(code=0)["forced"] == [] and not serve.lines(event="worker_ended"), serve.log()


def test_72_a_start_that_fails_is_refused_when_term_follows():
    """The description fails; or, when it listens already, a process that is to be kept."""
    failing = 'trap "exit 1" TERM; echo begun >>$0; while [ ! -e $0.go ]; do sleep 0.01; done; '
    described = """echo '{"name":"f","inputs":{"type":"null"},"outputs":{}}'"""
    for options, script in ("", failing + "exit 1"), ("--workers 2 --cwd", failing + "rmdir $PWD; " + described):
        log, folder = temporary(f"begun{bool(options)}"), temporary("gone")
        os.makedirs(folder, exist_ok=True)
        options += f" {folder}" if options else ""
        serve = Serve(PROCESS, options, command=["--", "sh", "-c", script, log], ready=False)
        until(lambda log=log: "begun" in read_file(log), "it describes itself")
        open(log + ".go", "w", encoding="utf-8").close()
        assert serve.process.wait() == 2, serve.log()
        assert [line for line in serve.log().splitlines() if line.startswith("curfew serve: ")], serve.log()
        assert not survivors()


def test_72_a_start_that_fails_is_refused_while_somebody_asks_whether_it_is_ready():
    """Probes come as soon as there is an admin face."""
    log = temporary("begun")
    script = "echo begun >>$0; while [ ! -e $0.go ]; do sleep 0.01; done; exit 1"
    serve = Serve(PROCESS, command=["--", "sh", "-c", script, log], ready=False)
    until(lambda: "begun" in read_file(log), "it describes itself")
    with wire.Client(serve.admin) as idle, wire.Client(serve.admin) as half:
        assert idle.get("/readyz").status == 503
        half.send(b"GET /readyz HTTP/1.1\r\nHo")
        open(log + ".go", "w", encoding="utf-8").close()
        assert serve.process.wait() == 2, serve.log()
    assert any(line.startswith("curfew serve: ") for line in serve.log().splitlines()), serve.log()


@faces(LIBRARY, PROCESS)
def test_72_a_listener_that_breaks_is_a_failure_also_when_term_follows(face):
    """What was begun is finished, with the 503, or with its result where it has time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hand_over = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{listener.fileno()}'
        serve = Serve(face, LATE, listen="activated", wrap=lambda argv: ["bash", "-c", hand_over, "bash", *argv], pass_fds=[listener.fileno()], ready=False)
        serve.address = listener.getsockname()[1]
        serve.ready()
        call = held(serve)[0]
        listener.shutdown(socket.SHUT_RDWR)
        until(lambda: serve.ask_admin("/readyz").status == 503, "the end has begun")
        serve.signal()
        until(lambda: serve.ask_admin("/readyz").status == 503, "the signal is there")
        call.go()
        assert call.envelope().output == 0
        report = serve.end(code=1)
    assert report["cause"]["kind"] == "failure" and report["exit_code"] == 1, report
    assert report["forced"] == [], report


@faces(LIBRARY, PROCESS)
@alone
def test_74_41_forced_is_told_apart_from_clean(face):
    """Each that was cut is logged, named and counted; others are not."""
    for stubborn in 2, 0:
        serve = Serve(face, "--grace 900ms --term-wait 400ms --forced-exit 3 --threads 4")
        words = "ignore log begun hold" if face.is_program else "log begun finish"
        calls = held(serve, stubborn, words) + held(serve)
        serve.signal()
        for call in calls:
            call.envelope().assert_stopped()
        report = serve.end(code=3 if stubborn else 0)
        assert len(names(report)) == stubborn, report
        assert face.is_program or names(report) == ["act"] * stubborn, report
        lines = serve.lines(event="forced")
        assert sorted(line["name"] for line in lines) == sorted(each["name"] for each in report["forced"]), (lines, report)
        assert all(line["level"] == "warning" for line in lines) and serve.lines()[-1]["forced"] == str(len(lines)), lines


def unread_log(options, lines):
    """One whose log nobody reads, with a program that has said many lines; and the log's reader."""
    reader, writing = channel()
    command = ["--", "sh", "-c", 'if [ "$2" = --describe ]; then echo \'{"name":"f","inputs":{"type":"null"},"outputs":{}}\'; else "$0" lines 2 "$1" 60 exit 0; echo "{}"; fi', fixture("actor"), str(lines)]
    serve = Serve(PROCESS, options, command=command, wrap=with_log(writing), pass_fds=[writing])
    os.close(writing)
    return serve, reader


def sipped(reader, serve):
    """All that there is to read, a little at a time."""
    text = b""
    while chunk := os.read(reader.fd, 8192):
        text += chunk
        readable(serve.process.pidfd, 0.003)  # lets time pass, unless it ends
    return text.decode().splitlines()


def test_78_every_line_reaches_a_reader_who_is_slow():
    serve, reader = unread_log("", 3000)
    assert serve.post(b"").status == 200
    serve.signal()
    lines = sipped(reader, serve)
    assert serve.end()["forced"] == []
    assert sum("event=child_said" in line for line in lines) == 3000
    if "event=ended" not in lines[-1]:
        raise Late(f"the last words wait for half a second and no longer: {lines[-1]}")
    assert "event=ended" in lines[-1] and not any("event=dropped" in line for line in lines), lines[-1]


@alone
def test_78_a_reader_who_never_reads_delays_the_end_to_the_grace_at_most():
    serve, reader = unread_log("--grace 1s", 3000)
    assert serve.post(b"").status == 200
    began = serve.signal()
    report = serve.end()
    assert_below(serve.took(began), 1.2, "the grace")
    assert report["exit_code"] == 0 and [each["name"] for each in report["forced"]] == ["output"], report
    assert len(reader.rest().splitlines()) > 100


@alone
def test_79_a_reader_of_metrics_who_never_reads_delays_the_end_to_the_grace_at_most():
    serve = Serve(LIBRARY, "--grace 1s")
    slow_one = wire.Client(serve.admin, receive_buffer=4096)
    slow_one.send(wire.get("/metrics") * 100)
    began = serve.signal()
    assert serve.end()["exit_code"] == 0
    assert_below(serve.took(began), 1.2, "the grace")
    slow_one.close()


def test_79_a_report_that_cannot_be_written_does_not_change_the_code():
    serve = Serve(LIBRARY, "--report /dev/full")
    serve.signal()
    assert serve.process.wait() == 0, serve.log()
    assert serve.lines(event="ended")[0]["exit_code"] == "0"


def test_80_the_report_goes_behind_the_last_line_of_the_log():
    serve = Serve(LIBRARY, "--report - --log-format json")
    serve.does("fail 500 broken")
    serve.signal()
    assert serve.process.wait() == 0
    *lines, report = [json.loads(line) for line in serve.log().splitlines()]
    assert (report["command"], report["exit_code"]) == ("serve", 0), report
    assert lines[0]["event"] == "started" and lines[-1]["event"] == "ended", lines
    assert [line["text"] for line in lines if line["event"] == "call_failed"] == ["broken"], lines
