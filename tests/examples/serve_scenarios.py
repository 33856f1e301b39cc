# SPDX-License-Identifier: Apache-2.0
"""The plugins in C of examples/serve/, each as its page says it behaves, and what is refused at the start."""

import http.client
import json
import os
import re
import shutil
import signal

from harness import *


def plugin(name):
    return str(BUILD / "examples" / "serve" / f"{name}.so")


def environment(**more):
    """Ours without what would change presets."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_"))}
    return {**kept, **more}


class Host:
    """curfew serve with a plugin, once it is ready."""

    def __init__(self, path, *options, **more):
        argv = curfew("serve", "--listen", "127.0.0.1:0", *options, path)
        self.process = start(argv, env=environment(**more))
        self.port = int(re.search(r" listen=127\.0\.0\.1:(\d+)", self.process.err.until(" event=ready "))[1])

    def send(self, body, method="POST", path="/invoke"):
        """A connection on which a call was sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        return connection

    def call(self, body):
        """The status, and the envelope."""
        connection = self.send(body)
        response = connection.getresponse()
        envelope = json.loads(response.read())
        connection.close()
        return response.status, envelope

    def stream(self, body):
        """The status, and the envelopes."""
        connection = self.send(body)
        response = connection.getresponse()
        lines = [json.loads(line) for line in response.read().splitlines()]
        connection.close()
        return response.status, lines

    def stop(self, code=0):
        self.process.signal(signal.SIGTERM)
        assert self.process.wait() == code, self.process.errors()


def test_greet_answers_and_refuses():
    host = Host(plugin("greet"))
    status, envelope = host.call({"name": 'Ada "L"', "times": 3.0})
    assert (status, envelope["output"]) == (200, {"hello": 'Ada "L"', "times": 3}), envelope
    assert host.call({"name": "Bob"})[1]["output"]["times"] == 1
    assert host.call({"times": 1})[0] == 422
    status, envelope = host.call({"name": "x" * 1000})
    assert (status, envelope["status_code_text"], envelope["output"]) == (400, "the name is too long", None)
    host.stop()


def test_greet_is_thirty_lines():
    lines = read_file(ROOT / "examples/serve/greet.c").splitlines()
    assert len(lines) <= 32, len(lines)


def text_file(lines):
    path = temporary("book")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"line {number}\n" for number in range(lines))
    return path


def test_text_statistics_streams_and_adds_up():
    path = text_file(100000)
    host = Host(plugin("text_statistics"))
    status, lines = host.stream({"path": path, "every": 200000})
    outputs = [line["output"] for line in lines]
    assert status == 200 and len(outputs) > 3
    assert outputs[-1] == {"lines": 100000, "words": 200000, "bytes": os.path.getsize(path), "done": True}
    assert [output["done"] for output in outputs] == [False] * (len(outputs) - 1) + [True]
    assert [line["usage"] for line in lines[:-1]] == [[]] * (len(lines) - 1)
    assert lines[-1]["usage"] == [{"value": os.path.getsize(path), "name": "bytes"}]
    host.stop()


def test_text_statistics_says_what_it_cannot_read():
    host = Host(plugin("text_statistics"))
    for path, status, text in [
        ("/nonexistent/book", 404, "there is no file /nonexistent/book"),
        ("/tmp", 500, "[EISDIR] Is a directory"),
    ]:
        got, lines = host.stream({"path": path})
        assert got == status and len(lines) == 1, lines
        assert (lines[0]["status_code"], lines[0]["status_code_text"]) == (status, text), lines
    host.stop()


def test_text_statistics_stops_when_it_is_asked():
    """Of a file without an end: the last line is the 503, and the process ends with it."""
    host = Host(plugin("text_statistics"))
    connection = host.send({"path": "/dev/zero", "every": 100000000})
    response = connection.getresponse()
    assert json.loads(response.readline())["status_code"] == 200
    host.process.signal(signal.SIGTERM)
    last = [json.loads(line) for line in response.read().splitlines()][-1]
    assert (last["status_code"], last["status_code_text"]) == (503, "plugin shutdown: in-flight work aborted"), last
    assert host.process.wait() == 0
    connection.close()


def test_text_statistics_stops_when_its_client_goes():
    """One thread: the second call begins when the first has seen that nobody reads."""
    book = text_file(10)
    host = Host(plugin("text_statistics"), "--threads", "1")
    connection = host.send({"path": "/dev/zero", "every": 1})
    connection.getresponse().readline()
    connection.close()
    assert host.stream({"path": book})[1][-1]["output"]["done"] is True
    host.stop()


@alone
def test_57_deaf_is_left_at_the_grace():
    host = Host(plugin("deaf"), "--grace", "1s", "--threads", "1")
    connection = host.send({})
    until(lambda: connection.sock and host_is_busy(host), "the call runs")
    began = host.process.signal(signal.SIGTERM)
    response = connection.getresponse()
    envelope = json.loads(response.read())
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert envelope["status_code_text"] == "plugin shutdown: in-flight work aborted"
    assert host.process.wait() == 0
    assert_below(host.process.ended - began, 1.3, "the end with a plugin that is deaf")
    assert "event=forced kind=call name=deaf" in host.process.errors()
    connection.close()


def host_is_busy(host):
    """Whether a thread of the process sleeps in the plugin: its system call is a sleep."""
    tasks = f"/proc/{host.process.pid}/task"
    return any("nanosleep" in read_file(f"{tasks}/{task}/wchan") for task in os.listdir(tasks))


def test_deaf_answers_when_it_is_done():
    host = Host(plugin("deaf"))
    assert host.call({"seconds": 0})[1]["output"] == "at last"
    assert host.call({"seconds": -1})[1]["status_code_text"] == "[EINVAL] Invalid argument"
    host.stop()


@plain
def test_crash_takes_the_host_with_it():
    host = Host(plugin("crash"))
    assert host.call({"mode": "calm"})[1]["output"] == "still here"
    connection = host.send({})
    try:
        connection.getresponse()
        raise AssertionError("a call of a process that has crashed was answered")
    except (http.client.HTTPException, ConnectionError):
        pass
    assert host.process.wait() == -signal.SIGSEGV
    connection.close()


def refused(path, *options, **more):
    """The one line that is said."""
    code, out, err = finished(curfew("serve", *options, path), env=environment(**more))
    assert (code, out) == (2, ""), (code, out, err)
    assert err.count("\n") == 1 and err.startswith("curfew serve: "), err
    return err.strip().removeprefix("curfew serve: ")


def test_bad_files_are_refused_in_one_line():
    text = temporary("text.so")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no ELF\n")
    bad = str(BUILD / "tests" / "fixtures" / "plugins") + "/"
    for path, said in [
        (text, "is no shared object (cc -shared -fPIC makes one; a program stands behind --)"),
        ("/nonexistent/x.so", "cannot be opened: No such file or directory"),
        (bad + "no_symbol.so", "is no plugin: it has no symbol curfew_plugin (CURFEW_PLUGIN(...) of curfew/plugin.h defines it)"),
    ]:
        assert refused(path) == f"{path} {said}"
    assert refused(bad + "abi_2.so").endswith(": it is built for version 2 of the plugin ABI, and this curfew has 1")
    assert refused(bad + "preset_unlike.so").endswith(": inputs.depth: its default is no integer")
    assert refused(bad + "several.so", "--function", "play").endswith(": it has no function play (there are: work, rest)")


def test_a_name_without_a_slash_is_a_file_here():
    folder = os.path.dirname(temporary("here.so"))
    shutil.copy(plugin("greet"), os.path.join(folder, "here.so"))
    process = start(curfew("serve", "--listen", "127.0.0.1:0", "here.so"), env=environment(), cwd=folder)
    process.err.until(" event=ready ")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


@plain
def test_a_plugin_with_a_sanitizer_needs_its_runtime_first():
    built = temporary("sanitized.so")
    source = str(ROOT / "examples/serve/greet.c")
    command = ["gcc", "-fsanitize=address", "-shared", "-fPIC", f"-I{ROOT / 'include'}", source, "-o", built]
    if not shutil.which("gcc") or finished(command)[0]:
        raise Skip("there is no gcc with an address sanitizer")
    said = refused(built)
    runtime = re.search(r"LD_PRELOAD=(\S+), or build it without\)$", said)
    assert runtime and "was built with a sanitizer" in said, said
    host = Host(built, LD_PRELOAD=runtime[1], ASAN_OPTIONS="detect_leaks=0")
    assert host.call({"name": "Ada"})[1]["output"] == {"hello": "Ada", "times": 1}
    host.stop()
