#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin that does what its caller says, as a program: what tests/fixtures/serve_plugin.c is in C.

    program.py FUNCTION [kept] [--describe | --precheck]

The words of `do` that are here besides those:

    ignore              TERM, from here on
    on-term N           at TERM: logs "term", and exits with N
    late-term           at TERM: goes on, and answers
    say TEXT            writes a line of its own to standard output; ~ is a space
    raw TEXT            the same without its newline
    err TEXT            a line to standard error
    exit N, die N       ends with this code, of this signal
    mute                closes its standard output
    child WORD          starts a process beside its group that ignores TERM, and logs WORD and its pid
    end                 says that this was the last line (of a kept process)
    pid                 the output is its pid
    env NAME            the output is that variable, or null
    cwd                 the output is its folder
"""

import json
import os
import signal
import sys
import time

STRING, INTEGER, ANY = {"type": "string"}, {"type": "integer"}, {}
PATH = {"type": "string", "is_path": True}
POINT = {"type": "object", "required": ["x"], "properties": {"x": INTEGER, "y": {**INTEGER, "default": -1}}}

ACT = {
    "type": "object",
    "required": ["do"],
    "properties": {
        "do": {**STRING, "description": "Words, one after the other"},
        "value": {"default": None},
        "log": {"anyOf": [PATH, {"type": "null"}], "default": None},
    },
}
KINDS = {
    "text": {**STRING, "description": 'A "text", ä'},
    "count": INTEGER,
    "ratio": {"type": "number"},
    "flag": {"type": "boolean"},
    "nothing": {"type": "null"},
    "path": PATH,
    "anything": ANY,
    "list": {"type": "array", "items": INTEGER},
    "points": {"type": "array", "items": POINT},
    "map": {"type": "object", "items": {"key": STRING, "value": INTEGER}},
    "point": POINT,
    "either": {"anyOf": [STRING, {"type": "number"}]},
    "perhaps": {"anyOf": [INTEGER, {"type": "null"}]},
    "colour": {**STRING, "enum": ["red", "green", "blue"]},
    "size": {**INTEGER, "enum": [1, 2], "default": 2},
    "late": {**STRING, "default": "some"},
}
REQUIRED = [name for name in KINDS if name not in ("size", "late")]
OPTIONAL = {"count": {**INTEGER, "default": 3}, "text": {"anyOf": [STRING, {"type": "null"}], "default": None}}
FILE_DATA = {"type": "object", "items": {"key": STRING, "value": ANY}}
FILE = {"type": "object", "required": ["do", "file_data"], "properties": {**ACT["properties"], "file_data": FILE_DATA}}

# inputs and outputs of each function
SCHEMAS = {
    "act": (ACT, ANY),
    "stream": (ACT, ANY),
    "file": (FILE, ANY),
    "files": (FILE, ANY),
    "kinds": ({"type": "object", "required": REQUIRED, "properties": KINDS}, POINT),
    "optional": ({"type": "object", "properties": OPTIONAL}, ANY),
    "nothing": ({"type": "null"}, {"type": "null"}),
}
STREAMS = "stream", "files"


class Over(Exception):
    """An answer before the words are over."""


class Act:
    def __init__(self, request):
        self.words = iter(request.get("do", "").split())
        self.log = request.get("log")
        self.line = {"output": request.get("value")}
        self.late = False

    def next(self):
        return next(self.words)

    def number(self):
        return int(self.next())

    def perform(self):
        for word in self.words:
            getattr(self, "do_" + word.replace("-", "_"))()

    def say(self, text):
        if self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(text + "\n")

    def answer(self, line):
        print(json.dumps(line), flush=True)

    def do_log(self):
        self.say(self.next())

    def do_sleep(self):
        until = time.monotonic() + self.number() / 1000
        while time.monotonic() < until and not self.late:
            time.sleep(0.01)

    def do_hold(self):
        while not os.path.exists(self.log + ".go") and not self.late:
            time.sleep(0.01)

    def do_finish(self):
        self.do_ignore()
        self.do_hold()

    def do_wait(self):
        while not self.late:
            time.sleep(100)

    do_poll = do_wait

    def do_size(self):
        self.line["output"] = "x" * self.number()

    def do_output(self):
        self.line["output"] = json.loads(self.next())

    def do_file(self):
        self.line["file_data"] = json.loads(self.next())

    def do_usage(self):
        name = self.next()
        self.line.setdefault("usage", []).append({"value": self.number(), "name": name})

    def message(self, channel, word):
        self.line.setdefault("message_channels", {}).setdefault(channel, []).append(word)

    def do_info(self):
        self.message("infos", self.next())

    def do_warning(self):
        self.message("warnings", self.next())

    def do_terminate(self):
        self.line.setdefault("filedata_meta", {})["terminate_current"] = True

    def do_record(self):
        self.line.setdefault("filedata_meta", {}).setdefault("new_records", []).append(json.loads(self.next()))

    def item(self, output):
        self.answer({**self.line, "output": output})
        self.line = {}

    def do_yield(self):
        for number in range(self.number()):
            self.item(number)

    def do_flood(self):
        text = "x" * self.number()
        while not self.late:
            self.item(text)
            self.say("item")

    def do_fail(self):
        self.line["status_code"] = self.number()
        self.line["status_code_text"] = self.next()
        raise Over

    def do_ignore(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def do_on_term(self):
        code = self.number()

        def stop(*_):
            self.say("term")
            os._exit(code)

        signal.signal(signal.SIGTERM, stop)

    def do_late_term(self):
        def stop(*_):
            self.late = True

        signal.signal(signal.SIGTERM, stop)

    def do_say(self):
        print(self.next().replace("~", " "), flush=True)

    def do_raw(self):
        print(self.next().replace("~", " "), end="", flush=True)

    def do_err(self):
        print(self.next().replace("~", " "), file=sys.stderr, flush=True)

    def do_mute(self):
        os.close(1)

    def do_exit(self):
        os._exit(self.number())

    def do_die(self):
        os.kill(os.getpid(), self.number())
        time.sleep(100)

    def do_child(self):
        word = self.next()
        said, says = os.pipe()
        if os.fork():
            os.close(says)
            os.read(said, 1)  # else our own end may be its end before it has ignored TERM
            os.close(said)
            return
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.say(f"{word} {os.getpid()}")
        os.write(says, b".")
        time.sleep(1000)

    def do_pid(self):
        self.line["output"] = os.getpid()

    def do_env(self):
        self.line["output"] = os.environ.get(self.next())

    def do_cwd(self):
        self.line["output"] = os.getcwd()


def whole(request):
    """What a function does that answers with its request."""
    act = Act({})
    act.line = {"output": request}
    return act


def act_of(function, request):
    if function in ("act", "file", *STREAMS):
        return Act(request)
    return whole(request if function != "nothing" else None)


def perform(function, text, kept):
    """Answers one request."""
    act = act_of(function, json.loads(text))
    try:
        act.perform()
    except Over:
        pass
    if function in STREAMS and not kept and list(act.line) in ([], ["output"]):
        return
    if function in STREAMS:
        act.line.pop("output", None)
    act.answer({**act.line, "end": True} if kept else act.line)


def describe(function):
    inputs, outputs = SCHEMAS[function]
    extra = {"stream": True} if function in STREAMS else {"precheck": True, "description": "Does what it is told"} if function == "act" else {}
    print(json.dumps({"name": function, "inputs": inputs, "outputs": outputs, **extra}))


def precheck():
    act = Act({"do": os.environ.get("PRECHECK", ""), "log": os.environ.get("PRECHECK_LOG")})
    try:
        act.perform()
    except Over:
        pass
    act.line.pop("output")
    act.answer(act.line)


def main():
    function, *rest = sys.argv[1:]
    if "--describe" in rest:
        describe(function)
    elif "--precheck" in rest:
        precheck()
    elif "kept" in rest:
        for line in sys.stdin:
            perform(function, line, kept=True)
    else:
        perform(function, sys.stdin.read(), kept=False)


if __name__ == "__main__":
    main()
