# SPDX-License-Identifier: Apache-2.0
"""The JSON reader beside Python's, over texts that are made here: good ones in every form, and bad ones near them."""

import json
import random
import subprocess

from harness import fixture

PATHS = ["id"], ["a"], ["a", "id"], ["a", "b", "id"], ["a", "b", "ä/.", "id"]
NAMES = ["id", "a", "b", "ä/.", "A", "", "idx", "i", "id\0"]
KINDS = ["absent", "null", "false", "true", "number", "string", "array", "object"]
NUMBERS = "0 -0 1 -12 3.25 1e5 1E+05 -1.5e-3 9007199254740993 1e999 0.1000".split() + ["1" * 400]
PIECES = ["a", "é", "€", "😀", '\\"', "\\\\", "\\/", "\\n", "\\u0041", "\\uD83D\\ude00", "\\ud800", "\\udc00", "\\u0000", "12345678"]
SPACE = ["", "", "", " ", "\n", "\t \r"]
BYTES = b'"\\{}[]:,0-+.eEu /tfn\x00\x0b\x1f\x7f\x80\xa0\xbf\xc0\xc3\xe2\xed\xef\xf0\xf4\xff'


class Number(str):
    """A number as it is written; not equal to a string of the same characters."""

    def __eq__(self, other):
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__


def refuse(word):
    raise ValueError(word)


def parse(text):
    """Python's verdict, with the two things switched off that it takes beyond the grammar."""
    decoded = text.decode("utf-8", "strict")
    return json.loads(decoded, parse_int=Number, parse_float=Number, parse_constant=refuse)


def written_name(random_, name):
    if random_.random() < 0.7:
        return json.dumps(name, ensure_ascii=random_.random() < 0.5)
    return '"' + "".join(f"\\u{ord(c):04{random_.choice('xX')}}" if random_.random() < 0.5 or c < " " else c for c in name) + '"'


def make(random_, depth):
    """A good text, and no white space around it."""
    space = lambda: random_.choice(SPACE)
    kind = random_.randrange(10 if depth else 4)
    if kind == 0:
        return random_.choice(["true", "false", "null"])
    if kind == 1:
        return random_.choice(NUMBERS)
    if kind in (2, 3):
        return '"' + "".join(random_.choices(PIECES, k=random_.randrange(6))) + '"'
    if kind in (4, 5):
        return "[" + ",".join(space() + make(random_, depth - 1) + space() for _ in range(random_.randrange(4))) + space() + "]"
    names = random_.choices(NAMES, weights=[4, 4, 4, 4, 1, 1, 1, 1, 1], k=random_.randrange(6))
    members = (space() + written_name(random_, name) + space() + ":" + space() + make(random_, depth - 1) + space() for name in names)
    return "{" + ",".join(members) + space() + "}"


def damage(random_, text):
    """One to three bytes dropped, doubled, replaced or added."""
    text = bytearray(text)
    for _ in range(random_.randrange(1, 4)):
        at, way = random_.randrange(len(text) + 1), random_.randrange(4)
        if way == 0:
            del text[at : at + 1]
        elif way == 1:
            text[at:at] = text[at : at + 1]
        else:
            text[at : at + (way == 2)] = bytes([random_.choice(BYTES)])
    return bytes(text)


def texts(count):
    random_ = random.Random(20260101)
    for number in range(count):
        good = (random_.choice(SPACE) + make(random_, 6) + random_.choice(SPACE)).encode()
        yield good
        if number % 3:
            yield damage(random_, good)


def verdicts(all_texts):
    feed = b"".join(b"%d\n%b" % (len(text), text) for text in all_texts)
    done = subprocess.run([fixture("json_verdict")], input=feed, stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(all_texts), (len(lines), len(all_texts))
    return lines


def value_at(value, path):
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None, False
        value = value[name]
    return value, True


def kind_of(value):
    named = {Number: "number", str: "string", list: "array", dict: "object", type(None): "null"}
    return str(value).lower() if isinstance(value, bool) else named[type(value)]


def compare(text, expected, words):
    """What we found is what Python finds there, and parses to the same by itself."""
    for path, word in zip([[], *PATHS], words):
        kind, start, length = map(int, word.split(":"))
        value, present = value_at(expected, path)
        assert (kind_of(value) if present else "absent") == KINDS[kind], (text, path, word)
        if present:
            piece = text[start : start + length]
            assert piece == piece.strip() and parse(piece) == value, (text, path, piece)


def test_agrees_with_python():
    all_texts = list(texts(9000))
    accepted = 0
    for text, line in zip(all_texts, verdicts(all_texts)):
        word, *words = line.split(" ")
        try:
            expected = parse(text)
        except ValueError as error:
            assert word == "no", (text, line, error)
            continue
        assert word == "ok", (text, line)
        compare(text, expected, words)
        accepted += 1
    assert accepted > 9000 and len(all_texts) - accepted > 3000, (accepted, len(all_texts))


def test_a_deep_text_and_a_long_one():
    deep, long = b"[" * 512 + b"]" * 512, b'{"x":"' + b"\xc3\xa4" * (4 << 20) + b'","id":7}'
    lines = verdicts([deep, b"[" + deep + b"]", b"[" * 1000000, long])
    assert lines[0].startswith("ok 6:0:1024 "), lines[0]
    assert lines[1] == lines[2] == "no 512 it is nested too deeply", lines[1:3]
    assert lines[3].startswith(f"ok 7:0:{len(long)} 4:{len(long) - 2}:1 "), lines[3]
