# SPDX-License-Identifier: Apache-2.0
"""Profiles of curfew load: what the program reads is what its page and the manual have; each option is a member, or is said to be none."""

import json
import re

from harness import ROOT, curfew_path, finished, temporary
from repository import text

PAGE = text(ROOT / "docs" / "load-profile.md")
NOBODY = "nobody_calls_it_that"
KINDS = ["http", "websocket", "jsonrpc", "evm-transfer"]
# Those of a ramp are options of their own; of other objects the page has them in words.
RAMP = ["start", "step", "every", "while"]


def members(where):
    """The members that there are, as a profile is told that has another one."""
    path = temporary("profile.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(where, file)
    code, _, err = finished([curfew_path(), "load", "--profile", path])
    found = re.search(rf'has no member "{NOBODY}"; there are (.*)$', err, re.M)
    assert code == 2 and found, err
    return found[1].split(", ")


def rows(heading, level="##"):
    """The rows of the first table below a heading, each with its cells."""
    part = re.search(rf"(?ms)^{level} {heading}$(.*?)(?=^## |\Z)", PAGE)[1]
    table = re.findall(r"(?m)^\|(.*)\|$", re.search(r"(?m)(^\|.*\|\n)+", part)[0])
    return [[cell.strip() for cell in row.split("|")] for row in table[2:]]


def words(cell):
    return re.findall(r"`([\w-]+)`", cell)


def tables():
    """All cells of the page's tables, by their rows."""
    return [[cell.strip() for cell in row.split("|")] for row in re.findall(r"(?m)^\|(.*)\|$", PAGE)]


def test_members_of_a_run_are_in_the_page():
    listed = [word for row in rows("The run") for word in words(row[0])]
    assert sorted(listed) == sorted(members({NOBODY: 1})), listed
    assert members({"ramp": {NOBODY: 1}, "scenarios": []}) == RAMP


def test_members_of_scenarios_are_in_the_page():
    common = [word for row in rows("Scenarios") for word in words(row[0])]
    by_kind = {kind: list(common) for kind in KINDS}
    for row in tables():
        if row[0] == "member" or len(row) != 3 or not re.fullmatch(r"all|[a-z]+(, [a-z]+)*", row[1]):
            continue
        for kind in KINDS[:3] if row[1] == "all" else row[1].split(", "):
            by_kind[kind] += words(row[0])
    by_kind["evm-transfer"] += [word for row in rows("Transfers on an Ethereum node") for word in words(row[0])]
    for kind, listed in by_kind.items():
        there = members({"endpoints": "http://h", "scenarios": [{"name": "a", "kind": kind, NOBODY: 1}]})
        assert sorted(listed) == sorted(there), (kind, set(listed) ^ set(there))


def test_members_are_in_the_manual():
    manual = re.search(r"(?ms)^\.Sh PROFILES$(.*?)^\.Sh ", text(ROOT / "man" / "curfew-load.1"))[1]
    there = set(members({NOBODY: 1})) | set(RAMP)
    for kind in KINDS:
        there |= set(members({"endpoints": "http://h", "scenarios": [{"name": "a", "kind": kind, NOBODY: 1}]}))
    missing = [member for member in there if not re.search(rf"^\.Va .*\b{member}\b", manual, re.M)]
    assert not missing, missing


def test_each_option_is_a_member_or_is_said_to_be_none():
    code, out, _ = finished([curfew_path(), "help", "--list"])
    options = [row[1] for row in (line.split("\t") for line in out.splitlines()) if row[0] == "load" and row[3] != "-"]
    cells = [row[2] for row in rows("The run")] + [row[0] for row in tables() if row[0].startswith("`--")]
    listed = [word for cell in cells for word in words(cell)]
    assert code == 0 and sorted(options) == sorted(listed), set(options) ^ set(listed)
