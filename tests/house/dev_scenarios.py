# SPDX-License-Identifier: Apache-2.0
"""./dev: its help, its refusals, and that it installs what is missing and nothing else."""

import json
import os
import re
import shutil
import stat
from pathlib import Path

from harness import temporary
from repository import *

COMMANDS = "demo test build asan tsan fuzz mcp-conformance load-evm bench soak lint fmt install".split()


def packages():
    lines = [line.split() for line in text(ROOT / ".ci/packages").splitlines() if line and not line.startswith("#")]
    return {package for _, package in lines}


def stand_ins(present, **more):
    """A folder of programs that stand in for apt-get and the build, and the file that notes how they are called.
    More of them are scripts by their names."""
    folder, notes = temporary("bin"), temporary("notes")
    os.mkdir(folder)
    listing = "".join(f"ii  {package}\\n" for package in present)
    scripts = {
        "dpkg-query": f"printf '{listing}'",
        "apt-get": f'echo "apt-get $*" >>{notes}',
        "sudo": f'echo "sudo" >>{notes}; exec "$@"',
        "meson": f"echo meson >>{notes}",
        "ninja": f"echo ninja >>{notes}",
        **more,
    }
    for program, script in scripts.items():
        path = os.path.join(folder, program)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, stat.S_IRWXU)
    open(notes, "w", encoding="utf-8").close()
    return {**os.environ, "TMPDIR": folder, "PATH": f"{folder}:{os.environ['PATH']}"}, notes


def dev(*arguments, **options):
    return finished([str(ROOT / "dev"), *arguments], **options)


def test_lists_its_commands():
    code, out, err = dev()
    assert code == 0 and not err
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert listed == COMMANDS, listed


def test_refuses_what_it_does_not_know():
    environment, _ = stand_ins(packages())
    for arguments in [["tset"], ["--tset"], [""], ["bench", "nothing"], ["fuzz", "long"], ["install", "here"]]:
        code, out, err = dev(*arguments, env=environment)
        assert code == 2 and not out and err.count("\n") == 1, (arguments, code, out, err)


def test_installs_nothing_when_all_is_there():
    environment, notes = stand_ins(packages())
    code, _, err = dev("build", env=environment)
    assert code == 0, err
    assert "apt-get" not in open(notes, encoding="utf-8").read() and "installing" not in err


def test_installs_what_is_missing_and_says_so():
    environment, notes = stand_ins(packages() - {"meson", "mandoc"})
    code, _, err = dev("build", env=environment)
    assert code == 0, err
    calls = [line for line in open(notes, encoding="utf-8").read().splitlines() if line.startswith("apt-get")]
    assert calls[0].startswith("apt-get update") and len(calls) == 2, calls
    assert calls[1].split()[-2:] == ["meson", "mandoc"], calls
    assert "dev: installing with apt-get: meson mandoc\n" in err, err


def copied_house():
    """A folder with what ./dev mcp-conformance reads, and a program that stands in for the suites."""
    house = Path(temporary("house"))
    for path in ("dev", ".ci/packages", "tests/mcp/package.json", "tests/mcp/package-lock.json"):
        (house / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, house / path)
    (house / "tests/mcp/conformance.py").write_text("print('1 passed, 0 failed, 0 skipped')\n", encoding="utf-8")
    return house


def conformance(house, environment):
    return finished([str(house / "dev"), "mcp-conformance"], env=environment)


def test_installs_npm_packages_once():
    house = copied_house()
    environment, _ = stand_ins(packages(), npm='echo "npm $*" >>../calls; mkdir node_modules')
    for _ in range(2):
        code, out, err = conformance(house, environment)
        assert code == 0 and out == "1 passed, 0 failed, 0 skipped\n", (code, out, err)
    calls = house / "build/npm/tests/calls"
    assert text(calls).count("npm ci") == 1, text(calls)
    with open(house / "tests/mcp/package-lock.json", "a", encoding="utf-8") as lock:
        lock.write("\n")
    code, out, err = conformance(house, environment)
    assert code == 0 and text(calls).count("npm ci") == 2, (code, out, err)


def test_fails_where_npm_reaches_no_registry():
    house = copied_house()
    environment, _ = stand_ins(packages(), npm="echo no registry >&2; exit 1")
    for _ in range(2):
        code, out, err = conformance(house, environment)
        assert code == 2 and not out, (code, out)
        assert "no registry\ndev: npm could not install" in err, err


def test_fails_where_npm_leaves_the_node_out():
    """As it does, without a word, with an optional package that is for a later Node.js."""
    house, machine = copied_house(), f"tests/load/{os.uname().machine}"
    shutil.copytree(ROOT / machine, house / machine)
    environment, _ = stand_ins(packages(), npm="mkdir node_modules")
    code, out, err = finished([str(house / "dev"), "load-evm"], env=environment)
    assert code == 2 and not out and f"dev: load-evm: npm has left out what {machine}/package.json names\n" in err, (code, out, err)


def test_fails_without_npm():
    house = copied_house()
    environment, notes = stand_ins(packages() - {"npm"})
    programs = temporary("programs")
    os.mkdir(programs)
    for program in Path("/usr/bin").iterdir():
        if program.name != "npm":
            os.symlink(program, os.path.join(programs, program.name))
    environment["PATH"] = f"{environment['PATH'].split(':')[0]}:{programs}"
    code, out, err = conformance(house, environment)
    assert code == 2 and not out and "dev: npm is not installed" in err, (code, out, err)
    assert "npm\n" in open(notes, encoding="utf-8").read(), "apt-get was not asked for it"


def test_npm_packages_are_pinned_for_any_registry():
    for path in files("package-lock.json"):
        assert '"resolved"' not in text(path), f"{name(path)} names a registry"
    for path in files("package.json"):
        pinned = json.loads(text(path))
        versions = {**pinned.get("dependencies", {}), **pinned.get("optionalDependencies", {})}
        loose = [f"{name(path)}: {package} {version}" for package, version in versions.items() if not re.fullmatch(r"(npm:.*@)?\d[\w.-]*", version)]
        assert_none(loose, "versions that are not pinned")


def test_ci_calls_dev():
    script = text(ROOT / ".ci/run")
    for command in ["mcp-conformance", "load-evm", "test --only together", "test --only alone", "asan", "tsan"]:
        assert f"\nrun {command}" in script, command
    for command in ["lint", "fuzz"]:
        assert re.search(rf"aside \d+ {command}\b", script), command


def failures(*lines):
    log = Path(temporary("log"))
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return finished([str(ROOT / ".ci/failures"), str(log)])[1].splitlines()


def test_ci_tells_once_more_what_has_failed():
    long = [f"     | line {number}" for number in range(1000)]
    told = failures(
        *["compiled", "ok     0.10 s  one", "FAIL   0.10 s  two (1 passed, 1 failed)", "     | ok 1 - a", "     | not ok 2 - b"],
        *["skip   0.00 s  three: no IPv6", "FAIL   0.20 s  four", *long, "9 passed, 2 failed, 1 skipped", "exit 1"],
        *["ok   clang-format", "file.c:1: what is wrong there", "FAIL clang-tidy", "exit 1"],
        *["== ./dev load-evm", "npm cannot be reached", "exit 1", "== ./dev test", "5 passed, 0 failed, 0 skipped", "exit 0"],
    )
    assert told[:3] == ["FAIL   0.10 s  two (1 passed, 1 failed)", "     | not ok 2 - b", "FAIL   0.20 s  four"], told
    assert told[3] == long[0] and told[-6] == long[-1] and len(told) < 100, told
    assert told[-5:-3] == ["FAIL clang-tidy", "file.c:1: what is wrong there"], told
    assert told[-3:] == ["FAIL without a word (exit 1)", "== ./dev load-evm", "npm cannot be reached"], told
    assert failures("ok   one", "1 passed, 0 failed, 0 skipped", "exit 0") == []
