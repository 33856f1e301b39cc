# SPDX-License-Identifier: Apache-2.0
"""The sources as text: sizes, the licence line, and nothing that belongs to one machine."""

import re

from repository import *

FILE_LINES = 500
FUNCTION_LINES = 70
COLUMNS = 100
TAB = 8
TEXT = ["*.[ch]", "*.py", "*.md", "*.build", "*.txt", "*.[137]", "*.map", "dev", "run", "demo", "stubborn", "archive", ".clang*"]
SYSTEM = "bin boot dev etc lib media mnt opt proc run sbin srv sys tmp usr var nonexistent nowhere".split()
URLS = ["docs", "invoke", "schema", "status"]  # our own, which look like paths
POINTERS = "a files foo list options preset".split()  # into JSON, which do so too
REGISTRY = r"\b(?:deb|security|pypi|registry|proxy|crates|rubygems|repo\w*)\.(?:[\w-]+\.)*(?:org|com|net|io|dev)\b"


def functions(source):
    """(name, lines) of the functions of a file: from the line of the brace in the first column to its end."""
    lines = source.splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = next(each for each in reversed(lines[:start]) if re.match(r"\w", each))
            yield head, number - start - 1
            start = None


def test_files_are_short():
    long = [f"{name(path)}: {len(text(path).splitlines())} lines" for path in files("src/**/*.[ch]", "include/**/*.h") if len(text(path).splitlines()) >= FILE_LINES]
    assert_none(long, f"files of {FILE_LINES} lines and more")


def test_functions_are_short():
    long = []
    for path in files("src/**/*.[ch]", "examples/*.c"):
        long += [f"{name(path)}: {lines} lines: {head}" for head, lines in functions(text(path)) if lines > FUNCTION_LINES]
    assert_none(long, f"functions of more than {FUNCTION_LINES} lines")


def test_lines_fit():
    wide = []
    for path in files("*.[ch]"):
        for number, line in enumerate(text(path).splitlines(), 1):
            if len(line.expandtabs(TAB)) > COLUMNS:
                wide.append(f"{name(path)}:{number}: {len(line.expandtabs(TAB))} columns")
    assert_none(wide, f"lines of more than {COLUMNS} columns")


def test_sources_carry_the_licence():
    bare = [name(path) for path in files("*.[ch]", "*.py", "meson.build") if "SPDX-License-Identifier: Apache-2.0" not in "".join(text(path).splitlines()[:2])]
    assert_none(bare, "files without the licence line")


def test_nothing_names_a_machine():
    """No absolute path but those that every system has, and no host of a package registry."""
    found = []
    for path in files(*TEXT):
        for number, line in enumerate(text(path).splitlines(), 1):
            for folder in re.findall(r"(?:^|[\s\"'`=(:])/([a-z]+)/[\w.]", line):
                if folder not in SYSTEM + URLS + POINTERS:
                    found.append(f"{name(path)}:{number}: /{folder}/")
            found += [f"{name(path)}:{number}: {host}" for host in re.findall(REGISTRY, line)]
    assert_none(found, "paths and hosts of a machine")


def test_tests_do_not_write_beside_the_sources():
    ignored = text(ROOT / ".gitignore").split()
    assert {"/build/", "/build-*/", "__pycache__/"} <= set(ignored), ignored
