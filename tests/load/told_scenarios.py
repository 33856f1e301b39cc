# SPDX-License-Identifier: Apache-2.0
"""Where a run tells what, and with which exit code: what was asked for, several targets, colours, a merged result."""

import re

from load import *

ERASED = "\x1b[J"


def good(options="", **more):
    """The file of a run that succeeded."""
    truth = Truth()
    load = Load(f"--requests 20 {options}", truth, **more)
    load.end()
    truth.stop()
    return load.json_path


def merged(*arguments):
    return finished(curfew("load", "merge", *arguments), env=environment())


def test_told_what_was_asked_for():
    truth, other = Truth(), Truth()
    load = Load("--duration 300ms --expect-restart --seed 7 --connections 3", truth, other)
    result = load.end()
    assert result.target == f"{truth.url()} {other.url()}" and result.seed == 7 and result.expects_restart, result.target
    assert result.planned_ns == 300 * MS and "absences of the target" in load.said(), load.said()
    path = temporary("profile")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"scenarios": [{"name": "a", "kind": "http"}]}, file)
    result = loaded(f"--profile {path} --requests 3", truth)
    assert result.target == path and result.planned_ns is None and not result.expects_restart, result.target
    truth.stop()
    other.stop()


def test_told_with_the_code_of_what_was_cut():
    truth = Truth("--script 'ok never'")
    result = loaded("--connections 2 --duration 1s --grace 1s --timeout 60s --forced-exit 3", truth, code=3)
    assert list(result.ended()) == ["ok"] and result.in_flight > 0, result.ended()
    truth.stop()


def test_told_to_nobody_is_a_failure():
    """Of the summary, too; what could be written is there."""
    truth = Truth()
    with open("/dev/full", "wb") as full:
        load = Load("--requests 5", truth, stdout=full)
        load.wait(1)
    assert "the summary" in load.errors() and load.result().ok() == 5, load.errors()
    truth.stop()


def test_told_in_place_of_what_was_told_before():
    """Not before there is something new: who reads meanwhile has the old result."""
    path, truth = good(), Truth()
    before = read_file(path)
    load = running(truth, f"--json {path}")
    assert read_file(path) == before
    load.signal()
    load.wait()
    assert Result(read_file(path)).ok() > 20
    truth.stop()


def test_told_in_colour_on_a_terminal_only():
    truth = Truth()
    for more in {}, {"NO_COLOR": "1"}:
        argv = [curfew_path(), "load", "--requests", "5", "--live", "never", truth.url()]
        terminal = Terminal(argv, env=environment(TERM="xterm", **more))
        said = terminal.reader.rest(30).decode()
        assert terminal.process.wait() == 0 and ("\x1b[1mcurfew load: " in said) == (not more), (more, said)
        assert more or "\x1b[32mEnded" in said, said
        assert not more or "\x1b" not in said, said
    load = Load("--requests 5", truth)
    load.end()
    assert "\x1b" not in load.said()
    truth.stop()


def test_told_below_where_the_live_view_was():
    """A line of the log takes the view away first, and so does the summary: nothing is left of it in between."""
    truth = Truth()
    argv = [curfew_path(), "load", "--rate", "100", "--duration", "inf", "--log-level", "info", truth.url()]
    terminal = Terminal(argv, env=environment(TERM="xterm", NO_COLOR="1"))
    terminal.until("lag p99", 30)
    terminal.process.signal(TERM)
    rest = terminal.reader.rest(30).decode()
    assert terminal.process.wait() == 0, rest
    for line in "event=stopping", "curfew load: ":
        before = rest[: rest.index(line)].rsplit("\n", 1)
        assert ERASED in before[-1] or ("lag p99" not in before[0].rsplit(ERASED, 1)[-1]), (line, rest)
    truth.stop()


def progress_lines(load):
    return [line for line in load.errors().splitlines(keepends=True) if line.endswith("\n")]


def test_told_as_lines_of_the_log_where_that_is_json():
    """With their fields, one with the other, and the step of a ramp."""
    truth = Truth()
    options = "--ramp-start 50/s --ramp-step 10/s --ramp-every 300ms --ramp-while 'errors<1%' --log-format json --stats-interval 50ms"
    load = Load(options, truth)
    later = r'"step":(\d+),"step_rate":(\d+),'
    until(lambda: any((found := re.search(later, line)) and int(found[1]) > 1 for line in progress_lines(load)), "a later step")
    load.stop()
    for line in progress_lines(load):
        event = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]), line
        assert (event["level"], event["cmd"], event["event"]) == ("info", "load", "progress"), line
    load = Load(f"{options} --log-format text", truth)
    until(lambda: re.search(r": step ([2-9]|\d\d) \(", "".join(progress_lines(load))), "a later step")
    load.stop()
    truth.stop()


def test_merged_results_are_judged_by_the_command():
    path, out = good("--fail-on 'errors>50%'"), temporary("out")
    with open(out, "w", encoding="utf-8") as file:
        file.write("x" * 100000)
    code, said, err = merged("--json", out, "--fail-on", "ok<100", "--fail-on", "errors>1%", path)
    result = Result(read_file(out)).check()
    assert (code, result["exit_code"], err, result.notes) == (1, 1, "", []), (code, err, result.notes)
    assert [each["broken"] for each in result.verdicts] == [True, False] and "broken" in said, said
    result["exit_code"] = 143
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(result, separators=(",", ":")) + "\n")
    assert merged("--fail-on", "ok<100", path)[0] == 143, "what the run said stays"


def test_merged_results_on_standard_output():
    """Alone, and then the summary where errors go; what cannot be written is a failure."""
    path = good()
    code, out, err = merged("--json", "-", path)
    assert code == 0 and Result(out).check().ok() == 20 and "succeeded" in err, (code, out, err)
    for option in "--json", "--html":
        code, out, err = merged(option, "/dev/full", path)
        assert code == 1 and "cannot write" in err and err.count("\n") == 1, (option, code, err)
    for options, wanted in (["--html", "-"], "--html"), (["--json", path, "--html", path], "the same file"):
        before = read_file(path)
        code, out, err = merged(*options, path)
        assert (code, out) == (2, "") and wanted in err and err.count("\n") == 1 and read_file(path) == before, (options, code, err)
