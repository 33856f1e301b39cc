# SPDX-License-Identifier: Apache-2.0
"""./dev: its help, its refusals, and that it installs what is missing and nothing else."""

import os
import stat

from harness import temporary
from repository import *

COMMANDS = "demo test build asan tsan fuzz mcp-conformance bench soak lint fmt install".split()


def packages():
    lines = [line.split() for line in text(ROOT / ".ci/packages").splitlines() if line and not line.startswith("#")]
    return {package for _, package in lines}


def stand_ins(present):
    """A folder of programs that stand in for apt-get and the build, and the file that notes how they are called."""
    folder, notes = temporary("bin"), temporary("notes")
    os.mkdir(folder)
    listing = "".join(f"ii  {package}\\n" for package in present)
    scripts = {
        "dpkg-query": f"printf '{listing}'",
        "apt-get": f'echo "apt-get $*" >>{notes}',
        "sudo": f'echo "sudo" >>{notes}; exec "$@"',
        "meson": f"echo meson >>{notes}",
        "ninja": f"echo ninja >>{notes}",
    }
    for program, script in scripts.items():
        path = os.path.join(folder, program)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, stat.S_IRWXU)
    open(notes, "w", encoding="utf-8").close()
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}, notes


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


def test_ci_calls_dev():
    script = text(ROOT / ".ci/run")
    for command in ["lint", "mcp-conformance", "test", "asan", "tsan"]:
        assert f"\nrun {command}" in script, command
