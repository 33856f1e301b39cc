#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin of curfew serve that streams: a text file in pieces of so many words, an item each.

    curfew serve -- ./split.py              # a process for each call
    curfew serve --workers 4 -- ./split.py  # four that are kept: what it takes to start Python is paid once
    curl -N -H 'Content-Type: application/json' -d '{"path": "book.txt"}' http://127.0.0.1:8080/invoke

It ends on SIGTERM between two pieces, and says so by its exit code: 128 and the number of the signal.
"""

import json
import signal
import sys
import time

DESCRIPTION = {
    "name": "split",
    "description": "Splits a text file into pieces",
    "inputs": {
        "type": "object",
        "required": ["path"],
        "properties": {
            "path": {"type": "string", "is_path": True, "description": "The file"},
            "words": {"type": "integer", "default": 100, "description": "Words in a piece"},
            "rest_s": {"type": "number", "default": 0, "description": "Seconds of rest behind each piece"},
        },
    },
    "outputs": {
        "type": "object",
        "required": ["number", "text"],
        "properties": {"number": {"type": "integer"}, "text": {"type": "string"}},
    },
    "stream": True,
    "precheck": True,
}

stopping = False


def stop(number, frame):
    global stopping
    stopping = True


def say(**members):
    print(json.dumps(members), flush=True)


def fail(status, text):
    say(status_code=status, status_code_text=text, end=True)


def pieces(file, count):
    words = []
    for line in file:
        words += line.split()
        while len(words) >= count:
            yield words[:count]
            words = words[count:]
    if words:
        yield words


def rest(seconds):
    """Sleeps, but not through a signal."""
    until = time.monotonic() + seconds
    while not stopping and time.monotonic() < until:
        time.sleep(min(0.02, max(0, until - time.monotonic())))


def split(request):
    if request["words"] < 1:
        return fail(422, "a piece has at least one word")
    try:
        file = open(request["path"], encoding="utf-8", errors="replace")
    except OSError as error:
        return fail(404 if isinstance(error, FileNotFoundError) else 403, f"{request['path']}: {error.strerror}")
    with file:
        for number, words in enumerate(pieces(file, request["words"]), 1):
            say(output={"number": number, "text": " ".join(words)}, usage=[{"name": "words", "value": len(words)}])
            rest(request["rest_s"])
            if stopping:
                sys.exit(128 + signal.SIGTERM)
    say(end=True)


def main():
    if sys.argv[1:] == ["--describe"]:
        print(json.dumps(DESCRIPTION))
        return
    if sys.argv[1:] == ["--precheck"]:
        return  # it needs nothing
    for line in sys.stdin:
        # Between two requests, where nothing is to be brought to its end, the signal may end us at once.
        signal.signal(signal.SIGTERM, stop)
        split(json.loads(line))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


main()
