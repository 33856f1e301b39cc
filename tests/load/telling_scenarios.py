# SPDX-License-Identifier: Apache-2.0
"""What a run tells beside its result: metrics with its identity, plain lines, the live view, the page, merged results."""

import re

from load import *


def metrics(text):
    """{name{labels}: value}"""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line and line[0] != "#"}


def scraped(admin):
    status, text = admin_of(admin, "/metrics")
    assert status == 200, status
    return metrics(text)


def test_metrics_are_those_of_the_result():
    truth = Truth("--script 'ok*4 500'")
    load, admin = flushing(truth)
    told = scraped(admin)
    load.signal()
    result = load.end()
    for outcome, count in result.ended().items():
        found = [value for name, value in told.items() if name.startswith("curfew_load_requests_total") and f'"{outcome}"' in name]
        assert found == [count], (outcome, told)
    truth.stop()


def test_metrics_while_it_runs():
    """They rise, and readiness is there."""
    truth, admin = Truth(), free_port()
    load = Load(f"--rate 200 --duration inf --stats-interval 600s --admin 127.0.0.1:{admin}", truth)
    until(lambda: (answer := admin_of(admin)) and answer[0] == 200, "it is ready")
    name = 'curfew_load_requests_total{outcome="ok"}'
    first = until(lambda: scraped(admin).get(name), "some requests")
    until(lambda: scraped(admin)[name] > first + 50, "more requests")
    assert load.errors() == "", "a line for each look of a scraper"
    load.stop()
    truth.stop()


def target_info(told):
    found = [name for name in told if name.startswith("target_info")]
    assert len(found) == 1 and told[found[0]] == 1, told
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[0]))


def test_identity_of_the_run():
    """From the options, and from the variable; the same in the result."""
    truth = Truth()
    for options, more in ("--run-id night-7", {}), ("", {"env": environment(CURFEW_RUN_ID="night-7")}):
        admin = free_port()
        load = Load(f"--requests 10 --flush-delay 600s --admin 127.0.0.1:{admin} --label team=edge --label 'note=a \"b\"' {options}", truth, **more)
        until(lambda: read_file(load.json_path), "the result")
        labels = target_info(scraped(admin))
        assert labels["run_id"] == "night-7" and labels["team"] == "edge" and labels["note"] == 'a \\"b\\"', labels
        load.signal()
        result = load.end()
        assert result.run_id == "night-7" and "night-7" in load.said(), load.said()
    truth.stop()


def test_plain_lines_come_where_there_is_no_terminal():
    truth = Truth()
    load = Load("--rate 100 --duration inf --stats-interval 100ms", truth)
    until(lambda: load.errors().count("\n") >= 3, "three lines")
    load.stop()
    lines = load.errors().splitlines()
    assert all("\x1b" not in line for line in lines), lines
    truth.stop()


def test_plain_lines_may_be_left_out():
    truth = Truth()
    load = Load("--requests 200 --live never --stats-interval inf", truth)
    load.end()
    assert load.errors() == "", load.errors()
    truth.stop()


def test_live_view_on_a_terminal():
    """It moves, its traces are wiped away, and the summary is there."""
    truth = Truth()
    argv = [curfew_path(), "load", "--rate", "100", "--duration", "inf", truth.url()]
    terminal = Terminal(argv, env=environment(TERM="xterm"))
    truth.until_read(100)
    terminal.until("\x1b[", 30)
    terminal.process.signal(INT)
    rest = terminal.reader.rest(30).decode(errors="replace")
    assert terminal.process.wait() == 0, rest
    assert "\r\n" in rest and rest.rstrip().splitlines()[-1], rest[-500:]
    assert rest.rfind("\x1b[?25l") <= rest.rfind("\x1b[?25h"), "the cursor stays hidden"
    truth.stop()


def test_page_is_one_file_that_loads_nothing():
    truth = Truth("--script 'ok*4 500'")
    path = temporary("page.html")
    loaded(f"--rate 200 --duration 1s --html {path} --run-id '<b>&'", truth)
    page = read_file(path)
    assert page.lstrip().lower().startswith("<!doctype html") and page.rstrip().endswith("</html>") and "<svg" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page) and "<b>&" not in page and "&lt;b&gt;&amp;" in page
    truth.stop()


def test_merged_results_are_the_sum():
    truth = Truth("--script 'ok*4 delay=50 500'")
    loads = [Load("--requests 120 --connections 4", truth) for _ in range(3)]
    results = [load.end() for load in loads]
    path = temporary("merged")
    code, out, err = finished(curfew("load", "merge", "--json", path, *[load.json_path for load in loads]), env=environment())
    assert code == 0 and out.endswith("\n"), (code, out, err)
    merged = Result(read_file(path)).check()
    assert merged.ended() == {"ok": 300, "5xx": 60} and merged.admitted == sum(result.admitted for result in results), merged.ended()
    every = [value for result in results for value, count in result.actual["buckets"] for _ in range(count)]
    for percent in 50, 90, 99:
        assert abs(merged.percentile("actual", percent) * 1e6 - percentile(every, percent)) <= 0.001 * percentile(every, percent) + 1, percent
    truth.stop()


def test_merged_results_are_a_page_and_judged_anew():
    """What a run said of its own thresholds is a note; those of the command are verdicts."""
    truth = Truth("--script 500")
    load = Load("--requests 10 --connections 2 --fail-on 'errors>0' --fail-on 'p99>1s'", truth)
    assert len(load.end(code=1).verdicts) == 2
    page, path = temporary("merged.html"), temporary("merged")
    code, out, err = finished(curfew("load", "merge", "--json", path, "--html", page, load.json_path), env=environment())
    merged = Result(read_file(path)).check()
    assert code == 1 and not err and merged.verdicts == [] and "errors>0" in "".join(merged.notes), (code, err, merged.verdicts, merged.notes)
    assert "errors>0" in out and "<svg" in read_file(page), out
    code, out, err = finished(curfew("load", "merge", "--json", path, "--fail-on", "errors>99%", load.json_path), env=environment())
    assert code == 1 and [each["text"] for each in Result(read_file(path)).verdicts] == ["errors>99%"], (code, out, err)
    for place in "-", "/nonexistent/folder/x":
        code, out, err = finished(curfew("load", "merge", "--html", place, load.json_path), env=environment())
        assert code == 2 and not out and err.count("\n") == 1 and "--html" in err, (code, out, err)
    truth.stop()


def test_dry_run_sends_nothing():
    truth = Truth()
    code, out, err = finished(curfew("load", "--dry-run", "--header", "X-One: 1", "--body", "text", truth.url("/path")), env=environment())
    assert code == 0 and truth.accepted == 0, (code, out, err)
    assert "/path" in out and "X-One: 1" in out and "POST" in out, out
    assert "plan: 50 connections for 10 s\ntimeout: 30 s\nseed: 1\n" in out, out
    truth.stop()
