# SPDX-License-Identifier: Apache-2.0
"""`curfew serve` with a plugin that does what its caller says: in C (tests/fixtures/serve_plugin.c), or as a program
(program.py), a process for each call or kept ones; with and without TLS. What the server itself can be asked is gate.py's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "gate"))

import hashlib
import itertools
import json
import time

import wire
from gate import *
from gate import Face as GateFace

PLUGIN = fixture("serve_plugin.so")
PROGRAM = [sys.executable, "-I", "-S", "-B", str(Path(__file__).resolve().parent / "program.py")]
JSON, LINES = "application/json", "application/x-ndjson"
STOPPED = "plugin shutdown: in-flight work aborted"
TIMED_OUT = "[timeout] the request's time is over"
MEMBERS = ["usage", "status_code", "file_data", "filedata_meta", "status_code_text", "output", "message_channels"]


class Face(GateFace):
    """Who runs the calls: nobody's process (library), one for each (program), or kept ones (workers)."""

    def __init__(self, name, runner, tls=False):
        super().__init__(name, tls)
        self.runner = runner
        self.is_program = runner != "library"


LIBRARY = Face("library", "library")
LIBRARY_TLS = Face("library_tls", "library", tls=True)
PROCESS = Face("process", "program")
PROCESS_TLS = Face("process_tls", "program", tls=True)
WORKERS = Face("workers", "workers")
WORKERS_TLS = Face("workers_tls", "workers", tls=True)
RUNNERS = [LIBRARY, PROCESS, WORKERS]
BOTH = [LIBRARY, LIBRARY_TLS]
EACH = [LIBRARY, PROCESS_TLS, WORKERS]
FIRST = [LIBRARY, *plainly(PROCESS_TLS, WORKERS)]  # where sanitizers learn no more from the others
TWO = [LIBRARY_TLS, PROCESS]


class Serve(Gate):
    """One that is ready, with an admin face. command: the whole of a plugin's own, from its -- on, or its file."""

    def __init__(self, face=LIBRARY, options="", function="act", command=None, **more):
        self.plugin = command or self.plugin_of(face, function)
        self.kept = face.runner == "workers"
        super().__init__(face, options, **more)

    def plugin_of(self, face, function):
        if not face.is_program:
            return ["--function", function, PLUGIN]
        return ["--", *PROGRAM, function, *(["kept"] if face.runner == "workers" else [])]

    def argv(self, options):
        arguments = ["--report", self.report_path] + (["--listen", self.listen] if self.listen != "activated" else [])
        arguments += ["--admin", f"127.0.0.1:{self.admin}"] if self.admin else []
        arguments += ["--tls-cert", self.certificate[0], "--tls-key", self.certificate[1]] if self.certificate else []
        arguments += ["--grace", "20s", "--eof-wait", "5s", "--term-wait", "5s"]  # what stands later wins
        arguments += ["--workers", "2"] if self.kept else []
        return [curfew_path(), "serve", *arguments, *shlex.split(options), *self.plugin]

    def drain(self):
        """The signal, and on until it shows: calls that are in flight keep the listeners open."""
        began = self.signal()
        self.until_begun()
        return began

    def until_begun(self):
        until(lambda: (answer := self.ask_admin("/readyz")) is None or answer.status == 503, "the end has begun")

    def post(self, body, *fields, path="/invoke", client=None):
        """The answer to one body, in bytes or as what it says."""
        if client:
            return client.ask(invoke(body, *fields, path=path), "POST")
        with self.client() as own:
            return own.ask(invoke(body, *fields, path=path), "POST")

    def call(self, do="", value=None, client=None, **more):
        """Begins a call, on a connection of its own unless it is given one."""
        return Call(self, do, value, client, **more)

    def does(self, do="", value=None, **more):
        """The envelope of a call that is done."""
        return self.call(do, value, **more).envelope()

    def json(self, path):
        answer = self.get(path)
        assert answer.status == 200 and answer.get("Content-Type") == JSON, answer
        return json.loads(answer.body)

    def running(self):
        """How many calls have a thread or process."""
        return int(self.metrics()["curfew_serve_calls_running"])

    def workers(self):
        """The plugin's processes below the keepers."""
        return [pid for keeper in children(self.process.pid) for pid in children(keeper)]


class Plain(dict):
    """A JSON object that was read with its members in order, none of them twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        assert len(self) == len(pairs), f"a member twice: {pairs}"


def invoke(body, *fields, path="/invoke", method="POST"):
    """The bytes of a call; fields replace what it would say."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    own = {"Content-Type": JSON}
    for field in fields:
        name, _, value = field.partition(": ")
        own[name] = value
    return wire.request(method, path, *[f"{name}: {value}" for name, value in own.items() if value], body=body, host="localhost")


def parse_envelope(text):
    """The envelope of a line: all members, in order, without white space between them, and none of a wrong type."""
    envelope = json.loads(text, object_pairs_hook=Plain)
    assert list(envelope) == MEMBERS, text
    assert list(envelope["filedata_meta"]) == ["terminate_current", "new_records"], text
    assert list(envelope["message_channels"]) == ["infos", "warnings"], text
    assert all(list(usage) == ["value", "name"] for usage in envelope["usage"]), text
    assert text.startswith('{"usage":[') and "\n" not in text, text
    assert envelope["status_code_text"] is None or isinstance(envelope["status_code_text"], str), text
    return envelope


class Envelope:
    """A whole answer to a call that does not stream."""

    def __init__(self, answer, follows=True):
        self.answer, self.status, self.text = answer, answer.status, answer.body.decode()
        assert answer.whole and answer.get("Content-Type") == JSON, answer
        for name, value in parse_envelope(self.text).items():
            setattr(self, name, value)
        assert self.status == (self.status_code if follows else 200), answer

    def __repr__(self):
        return f"Envelope({self.text[:500]})"

    def assert_stopped(self):
        """That it was stopped by the end, and its client told to come again."""
        assert (self.status, self.status_code_text) == (503, STOPPED), self
        assert int(self.answer.get("Retry-After")) > 0, self.answer
        assert self.output is None and self.file_data is None, self
        return self


calls = itertools.count()


class Call:
    """A call on its way. Its plugin tells how far it is in the file .log, and holds until go()."""

    def __init__(self, serve, do, value=None, client=None, path="/invoke", **more):
        self.serve, self.log = serve, temporary(f"call-{next(calls)}")
        self.client = client or serve.client()
        self.began = now()
        self.client.send(invoke({"do": do, "value": value, "log": self.log, **more}, path=path))

    def said(self):
        return read_file(self.log).splitlines()

    def until(self, word, within=WITHIN):
        """Waits until the plugin has said something that begins so; returns that line."""
        try:
            found = until(lambda: [line for line in self.said() if line.startswith(word)], word, within)
        except AssertionError as late:
            raise AssertionError(f"{late}; it said {self.said()}; the log:\n{self.serve.log()}") from None
        return found[0]

    def go(self):
        open(self.log + ".go", "w", encoding="utf-8").close()
        return self

    def answer(self, within=WITHIN):
        return self.client.answer("POST", within)

    def envelope(self, within=WITHIN, follows=True):
        return Envelope(self.client.whole("POST", within), follows)

    def stream(self, within=WITHIN):
        return Stream(self.client, within)


class Stream:
    """The lines of a stream, read as they come."""

    def __init__(self, client, within=WITHIN):
        self.client, self.text, self.is_over, self.chunks = client, "", False, []
        self.answer = wire.parse_head(client.upto(b"\r\n\r\n", now() + within))
        assert self.answer.get("Content-Type") == LINES, self.answer
        assert self.answer.all("Transfer-Encoding") == ["chunked"], self.answer
        self.status = self.answer.status

    def line(self, within=WITHIN):
        """The next envelope; None at the stream's end, which must be one in order."""
        deadline = now() + within
        while "\n" not in self.text:
            if not self.fill(deadline):
                return None
        line, _, self.text = self.text.partition("\n")
        return parse_envelope(line)

    def fill(self, deadline):
        size = int(self.client.upto(b"\r\n", deadline), 16) if not self.is_over else 0
        part = wire.Answer(200, 1, [])
        self.client.take(size, deadline, part)
        self.is_over = self.is_over or not size
        if self.is_over:
            assert not self.text, f"half a line at the end: {self.text[-300:]!r}"
            return False
        assert self.client.upto(b"\r\n", deadline) == b""
        self.chunks.append(bytes(part.body))
        self.text += part.body.decode()
        return True

    def rest(self):
        """All lines to the end."""
        return list(iter(self.line, None))


def assert_last_stopped(line):
    """That the last line of a stream tells that the end has stopped it."""
    assert (line["status_code"], line["status_code_text"]) == (503, STOPPED), line
    assert line["file_data"] is None and line["output"] is None, line


def assert_detail(answer, status):
    """An error that is no envelope: one sentence."""
    assert answer.status == status and answer.get("Content-Type") == JSON, answer
    detail = json.loads(answer.body)
    assert list(detail) == ["detail"] and isinstance(detail["detail"], str) and detail["detail"], answer
    return detail["detail"]


def held(serve, count=1, do="log begun hold", **more):
    """Calls that run for certain."""
    begun = [serve.call(do, number, **more) for number in range(count)]
    for call in begun:
        call.until("begun")
    return begun


def identifier(inputs, outputs):
    """What the id of a schema must be."""
    text = json.dumps({"inputs": inputs, "outputs": outputs}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def with_log(fd):
    """A start of the server with another standard error."""
    return lambda argv: ["sh", "-c", f'exec "$@" 2>/proc/self/fd/{fd}', "sh", *argv]


def names(report):
    """Of all that was cut: a call by its function's name, and not its connection, too."""
    return [each["name"] for each in report["forced"]]
