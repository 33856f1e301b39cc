# SPDX-License-Identifier: Apache-2.0
"""The rooms of src: each includes itself and what is below it, as ARCHITECTURE.md draws the line."""

import functools
import re

from repository import *

ROOMS = sorted(path.name for path in (ROOT / "src").iterdir() if path.is_dir())


@functools.cache
def layers():
    """The rooms from the lowest up, as a list of sets, from the one line of ARCHITECTURE.md."""
    line = re.search(r"(?m)^ *(base < .*)$", text(ROOT / "ARCHITECTURE.md"))
    assert line, "ARCHITECTURE.md has no line base < ..."
    return [set(re.findall(r"\w+", layer)) for layer in line[1].split("<")]


@functools.cache
def exceptions():
    """Rooms that stay further down than their layer: {room: the highest room below it}."""
    return dict(re.findall(r"(\w+) uses (\w+) and below only", text(ROOT / "ARCHITECTURE.md")))


def level(room):
    for number, layer in enumerate(layers()):
        if room in layer:
            return number
    raise AssertionError(f"the line in ARCHITECTURE.md has no room {room}")


def may_include(room, other):
    ceiling = exceptions().get(room)
    if room == other:
        return True
    return level(other) <= level(ceiling) if ceiling else level(other) < level(room)


def includes(path, form):
    return re.findall(rf"(?m)^\s*#\s*include {form}", text(path))


def room_of_header(header):
    """The lowest room that defines one of a public header's functions; None for one without functions."""
    functions = exported(header)
    for layer in layers():
        for room in layer & set(ROOMS):
            for source in (ROOT / "src" / room).glob("*.c"):
                if any(re.search(rf"(?m)^[^\s#].*\b{function}\(", text(source)) for function in functions):
                    return room
    return None


def test_rooms_are_those_of_the_line():
    for room in ROOMS:
        level(room)


def test_includes_go_downward():
    wrong = []
    for path in files("src/*/*.[ch]"):
        room = path.parent.name
        for included in includes(path, '"([^"]+)"'):
            other = included.split("/")[0]
            if "/" not in included:
                wrong.append(f'{name(path)}: "{included}" without its room\'s name')
            elif other == "tests" and path.stem.endswith(("_test", "_script")):
                continue  # what unit tests share
            elif not may_include(room, other):
                wrong.append(f'{name(path)}: "{included}" is not below {room}')
            elif not (ROOT / "src" / included).exists():
                wrong.append(f'{name(path)}: there is no "{included}"')
    assert_none(wrong, "includes that do not go downward")


def test_public_headers_are_included_from_their_room_up():
    wrong = []
    rooms = {name(header).removeprefix("include/"): room_of_header(header) for header in PUBLIC_HEADERS}
    for path in files("src/*/*.[ch]"):
        for included in includes(path, r"<(curfew(?:/\w+)?\.h)>"):
            room = rooms[included]
            if room and level(room) > level(path.parent.name):
                wrong.append(f"{name(path)}: <{included}> belongs to {room}")
    assert_none(wrong, "public headers of a higher room")


def test_public_headers_include_public_headers_only():
    wrong = [f'{name(path)}: "{quoted}"' for path in PUBLIC_HEADERS for quoted in includes(path, '"([^"]+)"')]
    assert_none(wrong, "private headers in public ones")


def test_sources_and_tests_are_in_their_rooms_lists():
    wrong = []
    for room in ROOMS:
        lists = text(ROOT / "src" / room / "meson.build")
        sources, tests = lists.split("room_tests")
        for path in files(f"src/{room}/*.c"):
            if f"'{path.name}'" not in (tests if path.name.endswith("_test.c") else sources):
                wrong.append(f"{name(path)} is not in src/{room}/meson.build")
    assert_none(wrong, "files that are not built")


def test_fuzz_targets_are_listed_and_have_a_corpus():
    listed = re.findall(r"'(\w+)'", re.search(r"(?s)targets = \[(.*?)\]", text(ROOT / "tests/fuzz/meson.build"))[1])
    assert_same([path.name.removesuffix("_fuzz.c") for path in files("tests/fuzz/*_fuzz.c")], listed, "targets", "tests/fuzz/meson.build")
    assert_same(listed, [path.name for path in (ROOT / "tests/fuzz/corpus").iterdir()], "targets", "tests/fuzz/corpus")
