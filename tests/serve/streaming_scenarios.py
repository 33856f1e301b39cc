# SPDX-License-Identifier: Apache-2.0
"""Functions that yield: a line for each item as it comes, no faster than the client reads; and clients that go away."""

from serve import *

ITEM = 65536  # bytes, of a flood
MOST = 500  # items of a flood that pipes, queues and sockets may hold together


def stream(face, options="", **more):
    return Serve(face, options, function="stream", **more)


def lines_of(answer, status=200):
    """The envelopes of a whole answer."""
    assert answer.status == status and answer.whole and answer.get("Content-Type") == LINES, answer
    text = answer.body.decode()
    assert not text or text.endswith("\n"), answer
    return [parse_envelope(line) for line in text.split("\n")[:-1]]


def streamed(serve, do, status=200):
    return lines_of(serve.call(do).client.whole("POST"), status)


def codes(lines):
    return [(line["status_code"], line["output"]) for line in lines]


# Lines


@faces(*EACH)
def test_stream_each_line_is_there_when_it_was_yielded(face):
    """While the function goes on; each in a chunk of its own."""
    serve = stream(face)
    call = serve.call("yield 1 log first hold yield 2")
    lines = call.stream()
    assert lines.status == 200 and lines.line()["output"] == 0
    assert call.until("first") and call.client.silent()
    call.go()
    assert [line["output"] for line in lines.rest()] == [0, 1]
    assert lines.chunks[0].count(b"\n") == 1, lines.chunks
    serve.stop()


@faces(*EACH)
def test_stream_lines_carry_what_was_said_since_the_last(face):
    serve = stream(face)
    lines = streamed(serve, "usage a 1 info i yield 1 warning w terminate yield 1 yield 1")
    assert codes(lines) == [(200, 0)] * 3, lines
    assert [line["usage"] for line in lines] == [[{"value": 1, "name": "a"}], [], []], lines
    assert [line["message_channels"] for line in lines] == [{"infos": ["i"], "warnings": []}, {"infos": [], "warnings": ["w"]}, {"infos": [], "warnings": []}], lines
    assert [line["filedata_meta"]["terminate_current"] for line in lines] == [False, True, False], lines
    serve.stop()


@faces(*EACH)
def test_stream_the_end_says_only_what_was_not_said(face):
    serve = stream(face)
    assert codes(streamed(serve, "yield 2")) == [(200, 0), (200, 1)]
    assert streamed(serve, "") == []
    lines = streamed(serve, "yield 1 usage left 2")
    assert codes(lines) == [(200, 0), (200, None)] and lines[1]["usage"] == [{"value": 2, "name": "left"}], lines
    lines = streamed(serve, "info only")
    assert codes(lines) == [(200, None)] and lines[0]["message_channels"]["infos"] == ["only"], lines
    serve.stop()


@faces(*EACH)
def test_stream_a_failure_is_the_last_line(face):
    """The head went out with the first; a failure that is first is the answer's status."""
    serve = stream(face)
    lines = streamed(serve, "yield 2 fail 500 broken")
    assert codes(lines) == [(200, 0), (200, 1), (500, None)], lines
    assert lines[2]["status_code_text"] == "broken" and lines[2]["file_data"] is None, lines
    lines = streamed(serve, "fail 418 teapot", status=418)
    assert codes(lines) == [(418, None)] and lines[0]["status_code_text"] == "teapot", lines
    serve.told(event="call_failed", text="broken")
    serve.stop()


@faces(LIBRARY)
def test_stream_a_failure_that_was_not_declared(face):
    serve = stream(face)
    lines = streamed(serve, "yield 1 errno 5")
    assert codes(lines) == [(200, 0), (500, None)] and lines[1]["status_code_text"] == "[EIO] Input/output error", lines
    serve.stop()


@faces(*EACH)
def test_stream_many_lines_in_order(face):
    serve = stream(face)
    assert [line["output"] for line in streamed(serve, "yield 5000")] == list(range(5000))
    assert serve.metrics()["curfew_serve_items_total"] == 5000
    serve.stop()


@faces(LIBRARY, LIBRARY_TLS)
def test_stream_what_was_yielded_last_is_not_lost(face):
    """By a function that returns while its client is slow."""
    serve = stream(face)
    call = serve.call("log begun yield 60000 log returned", client=serve.client(receive_buffer=4096))
    call.until("begun")
    lines = call.stream()
    assert [line["output"] for line in lines.rest()] == list(range(60000))
    assert call.said() == ["begun", "returned"]
    serve.stop()


@faces(LIBRARY)
def test_stream_a_function_that_does_not_cannot_yield(face):
    serve = Serve(face)
    call = serve.call("yield 1", 3)
    assert call.envelope().output == 3 and call.said() == ["EPERM"], call.said()
    serve.stop()


@faces(*RUNNERS)
def test_stream_goes_on_for_a_client_that_has_said_all(face):
    """A FIN alone is half a close."""
    for serve in stream(face), Serve(face):
        call = serve.call("log begun hold")
        call.until("begun")
        call.client.shut()
        settled_without(serve, call)
        call.go()
        assert call.client.whole("POST").status == 200 and "stopped" not in str(call.said())
        serve.stop()


def settled_without(serve, call):
    """Others are served, and the call has heard nothing."""
    for _ in range(20):
        assert serve.get("/id").status == 200
    assert serve.metrics()['curfew_serve_calls_total{outcome="left"}'] == 0 and call.client.silent()


# Back-pressure


def items(call):
    return call.said().count("item")


def blocked(call):
    """Waits until the items of a flood come no more; returns how many there were."""
    seen = 0

    def quiet():
        nonlocal seen
        before, seen = seen, items(call)
        time.sleep(0.25)
        return seen and seen == before == items(call)

    until(quiet, "the flood has come to a halt")
    assert seen < MOST, f"{seen} items of {ITEM} bytes were taken that nobody reads"
    return seen


def flood(serve):
    return serve.call(f"log begun flood {ITEM}", client=serve.client(receive_buffer=4096))


@faces(*EACH)
def test_pressure_a_slow_reader_halts_the_yield(face):
    """Others go on; and so does it when there is room again."""
    serve = stream(face, "--threads 2" if face.runner == "library" else "")
    call = flood(serve)
    before = blocked(call)
    assert [line["output"] for line in streamed(serve, "yield 3")] == [0, 1, 2]
    lines = call.stream()
    for _ in range(before + 5):
        assert lines.line()["output"] == "x" * ITEM
    until(lambda: items(call) > before, "it goes on")
    call.client.reset()
    until(lambda: serve.running() == 0, "it is over")
    serve.stop()


@faces(LIBRARY, LIBRARY_TLS)
@plain
def test_pressure_memory_of_those_who_do_not_read_is_bounded(face):
    serve = stream(face, "--threads 8")
    streamed(serve, "yield 1")
    before = int(status(serve.process.pid)["VmRSS"].split()[0])
    floods = [flood(serve) for _ in range(8)]
    for call in floods:
        blocked(call)
    grown = int(status(serve.process.pid)["VmRSS"].split()[0]) - before
    assert grown < 8 * 4096, f"{grown} kB for 8 floods"
    for call in floods:
        call.client.reset()
    until(lambda: serve.running() == 0, "they are over")
    serve.stop()


@faces(*EACH)
def test_pressure_a_cancel_wakes_a_yield_that_waits(face):
    """At the end: the client that then reads gets what was yielded, and the last line."""
    serve = stream(face)
    call = flood(serve)
    before = blocked(call)
    serve.signal()
    if not face.is_program:
        assert call.until("stopped") == f"stopped parent signal {TERM}"
    lines = call.stream().rest()
    assert_last_stopped(lines[-1])
    assert len(lines) > before // 4 and all(line["output"] == "x" * ITEM for line in lines[:-1]), len(lines)
    call.client.close()
    assert serve.end()["forced"] == []


@faces(*EACH)
@alone
def test_pressure_a_client_that_never_reads_is_cut_at_the_grace(face):
    """Its plugin has ended long before."""
    serve = stream(face, "--grace 1500ms --term-wait 300ms" + (" --workers 1" if face is WORKERS else ""))
    call = flood(serve)
    blocked(call)
    processes = serve.workers()
    began = serve.signal()
    until(lambda: all(gone(pid) for pid in processes) if face.is_program else "stopped" in str(call.said()), "the plugin has ended", within=1)
    report = serve.end()
    assert_below(serve.took(began), 1.65, "the grace")
    assert len(report["forced"]) == 1, report


# Clients that go away


@faces(*EACH)
def test_gone_by_a_reset_fires_the_token(face):
    """Of a call that streams and has streamed, of one that has not, and of one that does not."""
    for serve, words in (stream(face), "log begun"), (stream(face), "yield 1 log begun"), (Serve(face), "log begun"):
        hold = "on-term 1 hold" if face.is_program else "hold"
        call = serve.call(f"{words} {hold}".replace("log begun on-term 1", "on-term 1 log begun"))
        call.until("begun")
        call.client.reset()
        wanted = "term" if face.is_program else "stopped"
        told = call.until(wanted)
        assert face.is_program or told == "stopped client-gone client-gone 0", told
        until(lambda serve=serve: serve.running() == 0, "its place is free")
        serve.told(event="call_left")
        assert serve.metrics()['curfew_serve_calls_total{outcome="left"}'] == 1
        report = serve.stop()
        assert report["forced"] == [] and not serve.lines(event="call_failed"), report


@faces(LIBRARY)
def test_gone_wakes_who_waits_for_the_token_and_who_polls_its_descriptor(face):
    serve = Serve(face)
    for way in "wait", "poll":
        call = serve.call(f"log begun {way}")
        call.until("begun")
        call.client.reset()
        assert call.until("stopped") == "stopped client-gone client-gone 0"
    serve.stop()


@faces(*BOTH, WORKERS)
def test_gone_is_seen_while_reading_is_paused(face):
    """The client has sent more requests than are read, and then resets, or closes with a line unread (which TLS has read)."""
    for leave in [wire.Client.reset, *([] if face.tls else [wire.Client.close])]:
        serve = stream(face)
        call = serve.call("on-term 1 yield 1 log begun hold" if face.is_program else "yield 1 log begun hold")
        call.until("begun")
        until(lambda call=call: not call.client.silent(), "the line is there")
        call.client.socket.settimeout(0.5)
        sent, how = call.client.send_while_possible(invoke({"do": ""}) * 200000)
        assert how == "stalled" and sent > 100000, (sent, how)
        leave(call.client)
        call.until("term" if face.is_program else "stopped client-gone")
        until(lambda serve=serve: serve.running() == 0, "its place is free")
        serve.stop()


@faces(*EACH)
def test_gone_is_seen_by_the_yield_that_waits(face):
    serve = stream(face)
    call = flood(serve)
    blocked(call)
    call.client.reset()
    if not face.is_program:
        assert call.until("stopped") == "stopped client-gone client-gone 0"
    until(lambda: serve.running() == 0, "its place is free")
    assert [line["output"] for line in streamed(serve, "yield 2")] == [0, 1]
    serve.stop()


@faces(*EACH)
def test_gone_of_a_call_that_waits_never_begins(face):
    options = "--workers 1" if face.runner == "workers" else "--threads 1"
    serve = Serve(face, options)
    running = held(serve)[0]
    waiting = serve.call("log begun")
    until(lambda: serve.metrics()["curfew_serve_calls_queued"] == 1, "it waits")
    waiting.client.reset()
    until(lambda: serve.metrics()["curfew_serve_calls_queued"] == 0, "it waits no more")
    running.go()
    assert running.envelope().status == 200 and waiting.said() == []
    assert serve.does(value=1).output == 1
    serve.stop()


@faces(LIBRARY)
def test_gone_a_token_that_was_kept_outlives_its_call(face):
    """Of one that was answered, and of one whose client went away."""
    serve = Serve(face)
    assert serve.does("keep", 1).output == 1
    call = serve.call("kept")
    call.envelope()
    assert call.said()[0].split()[0] in ("fired", "not"), call.said()
    gone = serve.call("keep log begun hold")
    gone.until("begun")
    gone.client.reset()
    gone.until("stopped client-gone")
    until(lambda: serve.running() == 0, "it is over")
    call = serve.call("kept")
    call.envelope()
    assert call.said() == ["fired client-gone client-gone 0"], call.said()
    serve.stop()


# Its time


def in_its_time(answer):
    """Of a call that has nothing to wait for, or not for long: 504 is the machine's fault."""
    if answer.status == 504:
        raise Late(f"its time was over too soon: {answer}")
    return answer


def time_of_calls(face):
    """Short, and enough for a call that has nothing to wait for: of a program, for its start too."""
    return f"--request-timeout {'2s' if face.is_program else '1s'}"


@faces(*EACH)
def test_timeout_fires_the_token_and_answers_504(face):
    serve = Serve(face, time_of_calls(face))
    envelope = serve.does("hold")
    assert (envelope.status, envelope.status_code_text) == (504, TIMED_OUT), envelope
    assert envelope.output is None and envelope.answer.get("Retry-After") is None, envelope.answer
    if not face.is_program:
        call = serve.call("hold")
        assert call.envelope().status == 504 and call.until("stopped") == "stopped deadline deadline 0"
    assert in_its_time(serve.does(value=1)).output == 1
    assert serve.metrics()['curfew_serve_calls_total{outcome="timed_out"}'] == (1 if face.is_program else 2)
    serve.stop()


@faces(*EACH)
def test_timeout_of_a_stream_is_its_last_line(face):
    serve = stream(face, time_of_calls(face))
    lines = lines_of(in_its_time(serve.call("yield 2 hold").client.whole("POST")))
    assert codes(lines) == [(200, 0), (200, 1), (504, None)] and lines[2]["status_code_text"] == TIMED_OUT, lines
    assert streamed(serve, "hold", status=504)[0]["status_code_text"] == TIMED_OUT
    serve.stop()


@faces(LIBRARY)
@alone
def test_timeout_of_one_that_ignores_it_is_answered_and_keeps_its_place(face):
    serve = Serve(face, "--request-timeout 200ms --threads 1")
    call = serve.call("finish", 5)
    envelope = call.envelope()
    assert envelope.status == 504, envelope
    assert_below(now() - call.began, 2, "its time and a second")
    waiting = serve.call("log never", 6)
    answer = waiting.envelope()
    assert (answer.status, answer.status_code_text) == (504, TIMED_OUT) and waiting.said() == [], answer
    assert serve.running() == 1
    call.go()
    until(lambda: serve.running() == 0, "its place is free")
    assert serve.does(value=7).output == 7
    serve.stop()


@faces(*EACH)
def test_timeout_a_result_that_comes_late_is_given(face):
    """The token has fired, and the function came to its end all the same."""
    serve = Serve(face, f"--request-timeout {'2s' if face.is_program else '100ms'} --term-wait 10s")
    call = serve.call("late-term log begun hold" if face.is_program else "log begun finish", 5)
    call.until("begun")
    if not face.is_program:
        until(lambda: now() - call.began > 0.3, "its time is over")
        call.go()
    answer = in_its_time(call.envelope())
    assert (answer.status, answer.output) == (200, 5), answer
    serve.stop()
