# SPDX-License-Identifier: Apache-2.0
"""Ids beside Python's, for schemas that are made here: the one that is described, and the one that is published."""

import hashlib
import json
import random
import subprocess

from harness import fixture

NAMES = ["path", "a", "A", "b c", "ä", "é", "€", "\uffff", "😀", "\U00010000", 'q"\\', "/", "type", "x" * 100, "\x7f", "a\tb"]
TEXTS = NAMES + ["", "\n", "\x00", "\ud800", "</script>", "\u2028"]
NUMBERS = [0, 1, -7, 10**30, 0.5, 5.46, -1e-07, 1e16, 1.5e300, 0.1, 100.0, 2**63]


def value_of(random_, depth=3):
    """Any JSON value."""
    kind = random_.randrange(6 if depth else 4)
    if kind == 4:
        return [value_of(random_, depth - 1) for _ in range(random_.randrange(3))]
    if kind == 5:
        return {name: value_of(random_, depth - 1) for name in random_.sample(TEXTS, k=random_.randrange(4))}
    return random_.choice([None, random_.random() < 0.5, random_.choice(NUMBERS), random_.choice(TEXTS)])


def plain(random_):
    """A type of single values, with a value that it takes."""
    whole = random_.choice([number for number in NUMBERS if isinstance(number, int)])
    fits = {"null": None, "boolean": True, "integer": whole, "number": random_.choice(NUMBERS), "string": random_.choice(TEXTS)}
    kind = random_.choice(list(fits))
    schema = {"type": kind}
    if kind in ("integer", "string") and fits[kind] != "\ud800" and random_.random() < 0.3:  # half of a character equals nothing
        schema["enum"] = [fits[kind], fits[kind]]
    if kind == "string" and random_.random() < 0.3:
        schema["is_path"] = True
    return schema, fits[kind]


def object_of(random_, depth):
    if random_.random() < 0.3:
        key = {"type": "string"}
        return {"type": "object", "items": {"key": key, "value": make(random_, depth - 1)}}, {}
    names = random_.sample(NAMES, k=random_.randrange(5))
    schema = {"type": "object", "properties": {name: make(random_, depth - 1) for name in names}}
    required = [name for name in names if random_.random() < 0.5]
    if required or random_.random() < 0.5:
        random_.shuffle(required)
        schema["required"] = required
    return schema, ({} if not required else None)


def make(random_, depth=4):
    kind = random_.randrange(8 if depth else 3)
    if kind < 3:
        schema, fits = plain(random_)
    elif kind == 3:
        schema, fits = {}, value_of(random_)
    elif kind == 4:
        schema, fits = {"type": "array", "items": make(random_, depth - 1)}, []
    elif kind == 5:
        schema, fits = {"anyOf": [make(random_, depth - 1), {"type": "null"}]}, None
    else:
        schema, fits = object_of(random_, depth)
    may_be = fits is not None or schema.get("type") == "null" or "anyOf" in schema
    if may_be and random_.random() < 0.3:
        schema["default"] = fits
    if random_.random() < 0.2:
        schema["description"] = random_.choice(TEXTS)
    items = list(schema.items())
    random_.shuffle(items)
    return dict(items)


def python_id(schema):
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:32]


def written(random_, schema):
    """The same in one of several forms, on one line."""
    ascii_only = random_.random() < 0.5 or "\\ud800" in json.dumps(schema)
    return json.dumps(schema, ensure_ascii=ascii_only, separators=random_.choice([(",", ":"), (" ,\t", " : ")]))


def test_ids_are_pythons():
    random_ = random.Random(20260101)
    schemas = [{"inputs": make(random_), "outputs": make(random_)} for _ in range(3000)]
    feed = "".join(written(random_, schema) + "\n" for schema in schemas).encode()
    done = subprocess.run([fixture("serve_identifier")], input=feed, stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(schemas), (len(lines), len(schemas))
    for schema, line in zip(schemas, lines):
        identifier, published = line.split(" ", 1)
        assert identifier == python_id(schema), (schema, line)
        assert json.loads(published) == schema, (schema, published)
        assert python_id(json.loads(published)) == identifier, (schema, published)
