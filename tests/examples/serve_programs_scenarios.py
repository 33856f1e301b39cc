# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/serve, as plugins of `curfew serve`: what their clients get, and how they end."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "gate"))

import hashlib
import re

import wire
from gate import *

TEXT = "one two three\nfour five six seven\n"
EACH, KEPT = Face("each"), Face("kept")  # a process for each call, and kept ones
STOPPED = "plugin shutdown: in-flight work aborted"


class Example(Gate):
    """One that is ready; kept: so many processes that are kept."""

    def __init__(self, name, options="", kept=0):
        # The interpreter is ours: that of `env python3` may be one that takes long to start.
        own = [sys.executable, "-I", "-S", "-B"] if name.endswith(".py") else []
        self.plugin = [*own, str(ROOT / "examples" / "serve" / name)]
        super().__init__(options=f"{options} --workers {kept}" if kept else options, origin=None)

    def argv(self, options):
        faces = ["--listen", self.listen, "--admin", f"127.0.0.1:{self.admin}", "--report", self.report_path]
        return [curfew_path(), "serve", *faces, "--grace", "10s", *shlex.split(options), "--", *self.plugin]

    def begin(self, body):
        client = self.client()
        client.send(wire.request("POST", "/invoke", "Content-Type: application/json", body=json.dumps(body).encode(), host="localhost"))
        return client

    def lines(self, body):
        """The status of a call's answer, and its envelopes."""
        answer = self.begin(body).whole("POST")
        return answer.status, [json.loads(line) for line in answer.body.decode().splitlines()]

    def ask(self, body):
        status, (envelope,) = self.lines(body)
        return status, envelope


def written(text):
    path = temporary("text")
    Path(path).write_text(text, encoding="utf-8")
    return path


# In Python


@faces(EACH, KEPT)
def test_split_streams_a_file_in_pieces(face):
    serve = Example("split.py", kept=2 if face is KEPT else 0)
    path = written(TEXT)
    for _ in range(3):
        status, lines = serve.lines({"path": path, "words": 3})
        assert status == 200 and [line["output"]["text"] for line in lines] == ["one two three", "four five six", "seven"], lines
        assert [line["usage"] for line in lines] == [[{"value": n, "name": "words"}] for n in (3, 3, 1)], lines
    _, lines = serve.lines({"path": path})
    assert [line["output"] for line in lines] == [{"number": 1, "text": " ".join(TEXT.split())}], lines
    assert serve.get("/precheck").status == 200
    serve.stop()


@faces(EACH, KEPT)
def test_split_tells_what_is_wrong(face):
    serve = Example("split.py", kept=2 if face is KEPT else 0)
    for body, status in ({"path": "/nonexistent"}, 404), ({"path": "/dev/null", "words": 0}, 422), ({}, 422), ({"path": 1}, 422):
        assert serve.begin(body).whole("POST").status == status, body
    serve.stop()


@faces(EACH, KEPT)
def test_split_ends_between_two_pieces(face):
    serve = Example("split.py", kept=2 if face is KEPT else 0)
    client = serve.begin({"path": written(TEXT), "words": 1, "rest_s": 0.5})
    client.upto(b'"text": "one"', now() + WITHIN)
    began = serve.signal()
    last = json.loads(client.rest().split(b"\r\n")[-4].splitlines()[-1])
    assert (last["status_code"], last["status_code_text"], last["output"]) == (503, STOPPED, None), last
    assert serve.process.wait() == 0
    assert serve.process.ended - began < 10, serve.log()
    assert_no_survivors()


# In shell


def test_fingerprint_of_a_file():
    serve = Example("fingerprint.sh")
    status, envelope = serve.ask({"path": written(TEXT)})
    assert status == 200, envelope
    assert envelope["output"] == {"bytes": len(TEXT), "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}, envelope
    assert envelope["usage"] == [{"value": len(TEXT), "name": "bytes"}], envelope
    assert serve.ask({"path": "/nonexistent"})[0] == 404
    assert serve.ask({"path": 'with "quotes"'})[0] == 422
    assert serve.get("/precheck").status == 200
    serve.stop()


# Bad ones


def test_crash_is_told_and_nothing_else_happens():
    serve = Example("crash.sh")
    told = {
        "signal": (502, r"\[signal SEGV\]"),
        "exit": (500, r"\[exit 3\] the disk is on fire"),
        "garbage": (500, r"\[output\] .+"),
        "silence": (500, r"\[output\] .+"),
    }
    for how, (expected, text) in told.items():
        status, envelope = serve.ask({"how": how})
        assert status == expected and re.fullmatch(text, envelope["status_code_text"]), envelope
    assert serve.ask({"how": "not at all"})[1]["output"] == "nothing went wrong"
    assert serve.begin({"how": "else"}).whole("POST").status == 422
    serve.stop()


def begin_stubborn(serve):
    pids = temporary("pids")
    client = serve.begin({"pids": pids})
    both = until(lambda: len(read_file(pids).split()) == 2 and read_file(pids).split(), "both are there")
    return client, [int(pid) for pid in both]


def test_stubborn_is_killed_when_its_client_leaves():
    serve = Example("stubborn.sh", "--term-wait 200ms")
    client, pids = begin_stubborn(serve)
    client.reset()
    until(lambda: all(gone(pid) for pid in pids), "both are gone")
    serve.stop()


def test_57_stubborn_is_killed_at_the_end():
    serve = Example("stubborn.sh", "--term-wait 200ms")
    client, pids = begin_stubborn(serve)
    serve.signal()
    answer = client.whole("POST")
    assert answer.status == 503 and json.loads(answer.body)["status_code_text"] == STOPPED, answer
    assert int(answer.get("Retry-After")) > 0, answer
    assert serve.process.wait() == 0
    assert all(gone(pid) for pid in pids)
    assert_no_survivors()
