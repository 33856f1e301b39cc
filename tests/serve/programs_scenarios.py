# SPDX-License-Identifier: Apache-2.0
"""Programs as plugins: what they write and how they end, one for each call and kept ones."""

from serve import *

BY_CODE = {PROCESS.runner: 500, WORKERS.runner: 502}
SHELL = """
if [ "$1" = --describe ]; then
	echo '{"name":"shout","inputs":{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}},"outputs":{"type":"string"}}'
	exit
fi
"""


def failed(serve, do, status, text):
    """A call that fails so; and the next is served."""
    envelope = serve.does(do)
    assert envelope.status == status and re.fullmatch(text, envelope.status_code_text), (do, envelope)
    assert envelope.output is None and envelope.answer.get("Retry-After") is None, (do, envelope.answer)
    return envelope


# How it ends


@faces(PROCESS, WORKERS)
def test_exit_codes_are_told_with_the_last_line_of_standard_error(face):
    serve = Serve(face)
    status = BY_CODE[face.runner]
    failed(serve, "err first err last~line exit 3", status, r"\[exit 3\] last line")
    failed(serve, "exit 255", status, r"\[exit 255\].*")
    failed(serve, "exit 143", status, r"\[exit 143\].*")
    assert serve.does(value=1).output == 1
    assert [line["line"] for line in serve.told(event="child_said")] == ["first", "last line"], serve.log()
    serve.stop()


@faces(PROCESS)
def test_exit_code_counts_more_than_an_answer(face):
    serve = Serve(face)
    failed(serve, 'say {"output":1} err reason exit 4', 500, r"\[exit 4\] reason")
    serve.stop()


@faces(PROCESS, WORKERS)
def test_signals_that_nobody_sent_are_502(face):
    serve = Serve(face)
    for number, name in (9, "KILL"), (11, "SEGV"), (15, "TERM"), (6, "ABRT"):
        envelope = failed(serve, f"die {number}", 502, rf"\[signal {name}\].*")
        assert envelope.file_data is None, envelope
    assert serve.does(value=1).output == 1
    assert serve.metrics()['curfew_serve_calls_total{outcome="crashed"}'] == 4
    serve.stop()


@faces(PROCESS, WORKERS)
def test_signals_of_its_own_behind_ours_are_502(face):
    """It was asked to end, and has crashed instead."""
    serve = Serve(face, "--cancel-after 0s --term-wait 10s")
    call = held(serve, do="late-term log begun hold die 11")[0]
    serve.signal()
    envelope = call.envelope()
    assert (envelope.status, envelope.status_code_text) == (502, "[signal SEGV]"), envelope
    assert serve.end()["forced"] == []


@faces(PROCESS, WORKERS)
def test_crashes_never_take_the_service_down(face):
    """Many at the same time, with calls between them that are answered."""
    serve = Serve(face)
    calls = [serve.call("die 11" if number % 3 else "", number) for number in range(30)]
    for number, call in enumerate(calls):
        envelope = call.envelope()
        assert envelope.status == (502 if number % 3 else 200), envelope
    report = serve.stop()
    assert report["counts"]["requests_completed"] == 30, report


@faces(PROCESS, WORKERS)
def test_a_crash_within_a_stream_is_its_last_line(face):
    serve = Serve(face, function="stream")
    for words, status, text in ("yield 2 die 9", 502, "[signal KILL]"), ("yield 2 err why exit 5", BY_CODE[face.runner], "[exit 5] why"):
        lines = serve.call(words).stream().rest()
        assert [line["output"] for line in lines] == [0, 1, None], lines
        assert lines[2]["status_code"] == status and lines[2]["status_code_text"].startswith(text), lines
    serve.stop()


# What it writes


@faces(PROCESS, WORKERS)
def test_output_that_is_no_answer_is_500(face):
    serve = Serve(face, "--term-wait 100ms")
    bad = "nonsense", "[1]", "{", '{"status_code":"x"}', '{"status_code":99}', '{"usage":{}}', '{"usage":[1]}', '{"message_channels":[]}', '{"filedata_meta":5}', '{"status_code_text":5}'
    for line in bad:
        failed(serve, f"say {line}", 500, r"\[output\] .+")
    failed(serve, "say nonsense wait", 500, r"\[output\] .+")  # it is not waited for
    assert serve.does(value=1).output == 1
    serve.stop()


@faces(PROCESS)
def test_output_that_is_missing_or_too_much(face):
    serve = Serve(face)
    failed(serve, "exit 0", 500, r"\[output\] .+")
    failed(serve, 'say {"output":1}', 500, r"\[output\] .+")
    serve.stop()


@faces(PROCESS)
def test_output_whose_last_newline_is_missing_counts_if_it_exits_with_0(face):
    serve = Serve(face)
    assert serve.does('raw {"output":5} exit 0').output == 5
    failed(serve, 'raw {"output":5} exit 1', 500, r"\[exit 1\].*")
    failed(serve, 'raw {"output":5} die 9', 502, r"\[signal KILL\].*")
    serve.stop()


@faces(PROCESS)
def test_output_members_that_nobody_knows_are_passed_over(face):
    serve = Serve(face)
    envelope = serve.does('say {"more":{"x":[1]},"output":2,"end":true} exit 0')
    assert envelope.output == 2 and list(json.loads(envelope.text)) == MEMBERS
    envelope = serve.does('say {"status_code":404,"status_code_text":"not~here"} exit 0')
    assert (envelope.status, envelope.status_code_text) == (404, "not here"), envelope
    serve.stop()


@faces(PROCESS, WORKERS)
def test_output_that_was_closed_ends_a_kept_one_and_no_other(face):
    """A kept one cannot answer any more: 502 at once, and it is replaced; of another the exit tells."""
    serve = Serve(face)
    if face is WORKERS:
        for words in "mute wait", 'say {"output":1} mute wait':
            failed(serve, words, 502, r"\[output\] it has closed its output")
        serve.told(event="worker_ended", signal="TERM")
    else:
        assert serve.does('say {"output":1} mute exit 0').output == 1
        failed(serve, 'say {"output":1} mute err why exit 3', 500, r"\[exit 3\] why")
    assert serve.does(value=1).output == 1
    serve.stop()


@faces(PROCESS, WORKERS)
def test_output_lines_over_max_line_are_500(face):
    """As long a line as may be passes; memory is bounded, whatever it writes."""
    serve = Serve(face, "--max-line 100k --term-wait 100ms")
    assert serve.does("size 90000").output == "x" * 90000
    failed(serve, "size 110000", 500, r"\[output\] .+")
    before = int(status(serve.process.pid)["VmHWM"].split()[0])
    failed(serve, "size 60000000", 500, r"\[output\] .+")
    grown = int(status(serve.process.pid)["VmHWM"].split()[0]) - before
    assert grown < 8192, f"{grown} kB more for a line of 60 MB"
    assert serve.does(value=1).output == 1
    serve.stop()


@faces(PROCESS, WORKERS)
def test_output_lines_over_max_line_are_500_in_one_piece_too(face):
    """They come whole, in one read."""
    serve = Serve(face, "--max-line 2k --term-wait 100ms")
    assert serve.does("size 1500").output == "x" * 1500
    failed(serve, "size 2500", 500, r"\[output\] .+")
    serve.stop()


@faces(PROCESS, WORKERS)
def test_standard_error_goes_to_the_log_by_lines(face):
    serve = Serve(face)
    for words in "err one err two", "err three":
        assert serve.does(words).status == 200
    serve.stop()
    lines = serve.lines(event="child_said")
    assert [line["line"] for line in lines] == ["one", "two", "three"] and all(int(line["pid"]) > 0 for line in lines), lines


# Its request, and what it has


@faces(PROCESS, WORKERS)
def test_requests_of_any_size_reach_it_on_one_line(face):
    serve = Serve(face)
    for value in "x" * 3000000, {"a": ["\n", "\u2028"]}, [1] * 10000:
        assert serve.does(value=value).output == value
    assert Envelope(serve.post(b'{\n"do":\r\n"",\n"value":[\n1,\n2\n]\n}\n')).output == [1, 2]
    serve.stop()


def test_requests_need_not_be_read():
    """By a program that answers without a look at them, or ends."""
    script = SHELL + 'if [ -n "$WORD" ]; then exit 9; fi; echo \'{"output":"deaf"}\''
    for word, status in ("", 200), ("x", 500):
        serve = Serve(PROCESS, f"--env WORD={word}" if word else "", command=["--", "sh", "-c", script, "sh"])
        for text in "a", "x" * 2000000:
            envelope = Envelope(serve.post({"text": text}))
            assert envelope.status == status and envelope.output == (None if word else "deaf"), envelope
        serve.stop()


def test_a_plugin_in_shell():
    script = SHELL + 'read -r line; printf \'{"output":"%s"}\\n\' "$(printf %s "$line" | tr a-z A-Z | tr -d \'{}:"\')"'
    serve = Serve(PROCESS, command=["--", "sh", "-c", script, "sh"])
    assert Envelope(serve.post({"text": "hello"})).output.replace(" ", "") == "TEXTHELLO"
    assert serve.post({"text": 1}).status == 422
    serve.stop()


def links_of(pid):
    """{descriptor: what it is}"""
    links = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:  # it was closed meanwhile
            pass
    return links


@faces(PROCESS, WORKERS)
def test_67_a_process_has_three_descriptors_and_nothing_else(face):
    inherited = os.pipe()
    serve = Serve(face, pass_fds=inherited)
    others = held(serve, 2)
    assert len(serve.workers()) >= 2
    for pid in serve.workers():
        until(lambda pid=pid: sorted(links_of(pid)) == ["0", "1", "2"], f"it has three, and no longer the file of its words: {links_of(pid)}")
        assert all(link.startswith("pipe:") for link in links_of(pid).values()), links_of(pid)
    for call in others:
        call.go().envelope()
    serve.stop()


@faces(PROCESS)
def test_each_call_has_a_process_of_its_own(face):
    serve = Serve(face)
    pids = [serve.does("pid").output for _ in range(5)]
    assert len(set(pids)) == 5
    until(lambda: all(gone(pid) for pid in pids), "they are gone")
    serve.stop()


# Those that are kept


def kept_of(serve, count=2):
    return until(lambda: len(serve.workers()) == count and serve.workers(), f"{count} are there")


@faces(WORKERS)
def test_workers_are_kept_from_call_to_call(face):
    serve = Serve(face)
    kept = set(kept_of(serve))
    assert {serve.does("pid").output for _ in range(20)} <= kept
    calls = held(serve, 2, "log begun hold pid")
    for call in calls:
        call.go()
    assert {call.envelope().output for call in calls} == kept
    assert set(serve.workers()) == kept
    serve.stop()


@faces(WORKERS)
def test_workers_that_die_are_replaced(face):
    """In a call, which is answered 502, and between two; the others keep theirs."""
    serve = Serve(face, "--workers 3")
    kept = kept_of(serve, 3)
    others = held(serve, 2)
    assert serve.does("die 9").status == 502
    assert serve.does("", 7).output == 7
    again = kept_of(serve, 3)
    assert len(set(kept) & set(again)) == 2, (kept, again)
    for call in others:
        assert call.go().envelope().status == 200
    os.kill(again[0], signal.SIGKILL)
    until(lambda: gone(again[0]) and len(serve.workers()) == 3, "it is replaced")
    assert [serve.does("", n).output for n in range(4)] == list(range(4))
    ended = serve.told(event="worker_ended")
    assert len(ended) == 2 and all(line["signal"] == "KILL" for line in ended), ended
    serve.stop()


@faces(WORKERS)
def test_workers_whose_call_was_left_are_replaced(face):
    """Cancelling is ending: the client has gone, or its time is over."""
    serve = Serve(face, "--workers 1 --request-timeout 2s")
    first = kept_of(serve, 1)[0]
    call = held(serve)[0]
    call.client.reset()
    until(lambda: gone(first), "it is ended")
    second = serve.does("pid").output
    assert second != first
    assert serve.does("hold").status == 504
    assert serve.does("pid").output not in (first, second)
    assert not serve.lines(event="worker_ended"), "that was our doing"
    serve.stop()


@faces(WORKERS)
def test_workers_may_answer_in_two_parts(face):
    """The answer, and later the line that says it was the last."""
    serve = Serve(face, "--workers 1")
    script_line = 'say {"output":1} say {"end":true}'
    assert serve.does(script_line).output == 1
    serve.told(event="noise")
    assert serve.does("", 2).output == 2
    serve.stop()


@faces(WORKERS)
def test_workers_that_cannot_live_do_not_busy_the_machine(face):
    """Each dies at once: calls are 502 or wait, others are started ever more slowly, and the end comes."""
    script = 'if [ "$1" = --describe ]; then echo \'{"name":"f","inputs":{"type":"null"},"outputs":{}}\'; else exit 3; fi'
    serve = Serve(face, "--workers 2 --request-timeout 1s", command=["--", "sh", "-c", script, "sh"])
    assert serve.post(b"").status in (500, 502, 503, 504)
    began = now()
    until(lambda: now() - began > 1, "a second has passed")
    assert serve.metrics()["curfew_serve_processes_started_total"] < 100
    serve.stop()
