# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/serve, as plugins of `curfew serve`: what their clients get, and how they end."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "serve"))

import hashlib
import re

from harness import ROOT, assert_no_survivors, gone
from serve import *

EXAMPLES = ROOT / "examples" / "serve"
TEXT = "one two three\nfour five six seven\n"


def example(name, options="", kept=0):
    """The interpreter is ours: `env python3` need not be one that starts fast."""
    own = [sys.executable, "-I", "-S", "-B"] if name.endswith(".py") else []
    return Serve(WORKERS if kept else PROCESS, options, command=["--", *own, str(EXAMPLES / name)])


def written(name, text):
    path = temporary(name)
    Path(path).write_text(text, encoding="utf-8")
    return path


def stream(serve, body):
    client = serve.client()
    client.send(invoke(body))
    return Stream(client)


# In Python


@faces(PROCESS, WORKERS)
def test_split_streams_a_file_in_pieces(face):
    serve = example("split.py", kept=face is WORKERS)
    path = written("text", TEXT)
    for _ in range(3):
        lines = stream(serve, {"path": path, "words": 3}).rest()
        assert [line["output"]["text"] for line in lines] == ["one two three", "four five six", "seven"], lines
        assert [line["usage"] for line in lines] == [[{"value": n, "name": "words"}] for n in (3, 3, 1)], lines
    lines = stream(serve, {"path": path}).rest()
    assert [line["output"] for line in lines] == [{"number": 1, "text": TEXT.replace("\n", " ").strip()}], lines
    assert serve.get("/precheck").status == 200
    serve.stop()


@faces(PROCESS, WORKERS)
def test_split_tells_what_is_wrong(face):
    serve = example("split.py", kept=face is WORKERS)
    for body, status in ({"path": "/nonexistent"}, 404), ({"path": "/proc/self/mem", "words": 0}, 422), ({}, 422), ({"path": 1}, 422):
        assert serve.post(body).status == status, body
    serve.stop()


@faces(PROCESS, WORKERS)
def test_split_ends_between_two_pieces(face):
    serve = example("split.py", kept=face is WORKERS)
    lines = stream(serve, {"path": written("text", TEXT), "words": 1, "rest_s": 0.2})
    assert lines.line()["output"]["text"] == "one"
    began = serve.signal()
    rest = lines.rest()
    assert_last_stopped(rest[-1])
    assert len(rest) < 7, rest
    assert serve.process.wait() == 0
    assert serve.process.ended - began < 5, serve.log()
    assert_no_survivors()


# In shell


def test_fingerprint_of_a_file():
    serve = example("fingerprint.sh")
    envelope = Envelope(serve.post({"path": written("text", TEXT)}))
    assert envelope.output == {"bytes": len(TEXT), "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}, envelope
    assert envelope.usage == [{"value": len(TEXT), "name": "bytes"}], envelope
    assert Envelope(serve.post({"path": "/nonexistent"})).status == 404
    assert Envelope(serve.post({"path": 'with "quotes"'})).status == 422
    assert serve.get("/precheck").status == 200
    assert serve.json("/schema")["inputs"]["properties"]["path"]["is_path"] is True
    serve.stop()


# Bad ones


def test_crash_is_told_and_nothing_else_happens():
    serve = example("crash.sh")
    told = {"signal": (502, r"\[signal SEGV\]"), "exit": (500, r"\[exit 3\] the disk is on fire"), "garbage": (500, r"\[output\] .+"), "silence": (500, r"\[output\] .+")}
    for how, (status, text) in told.items():
        envelope = Envelope(serve.post({"how": how}))
        assert envelope.status == status and re.fullmatch(text, envelope.status_code_text), envelope
    assert Envelope(serve.post({"how": "not at all"})).output == "nothing went wrong"
    assert serve.post({"how": "else"}).status == 422
    serve.stop()


def begin_stubborn(serve):
    pids = temporary("pids")
    client = serve.client()
    client.send(invoke({"pids": pids}))
    both = until(lambda: len(read_file(pids).split()) == 2 and read_file(pids).split(), "both are there")
    return client, [int(pid) for pid in both]


def test_stubborn_is_killed_when_its_client_leaves():
    serve = example("stubborn.sh", "--term-wait 200ms")
    client, pids = begin_stubborn(serve)
    client.reset()
    until(lambda: all(gone(pid) for pid in pids), "both are gone")
    serve.stop()


def test_57_stubborn_is_killed_at_the_end():
    serve = example("stubborn.sh", "--term-wait 200ms")
    client, pids = begin_stubborn(serve)
    serve.signal()
    Envelope(client.whole("POST")).assert_stopped()
    assert serve.process.wait() == 0
    assert all(gone(pid) for pid in pids)
    assert_no_survivors()
