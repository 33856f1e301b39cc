# SPDX-License-Identifier: Apache-2.0
"""The library and the program as files: what they export, what they need, and what gets installed."""

import os
import re

from harness import limit, temporary
from repository import *

PROGRAM = """
#include <curfew.h>

int main(void)
{
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);

	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	return curfew_lifecycle_wait(life);
}
"""


def symbols(path, *options):
    lines = lines_of("nm", *options, "--defined-only", str(path))
    found = {line.split()[2].split("@")[0] for line in lines if len(line.split()) == 3 and line.split()[1] != "A"}
    return {symbol for symbol in found if not symbol.startswith("DW.ref")}


def library_functions():
    """The public functions but for those that only the program has, for plugins of curfew serve."""
    return set().union(*(exported(header) for header in PUBLIC_HEADERS if header.name != "plugin.h"))


def test_exports_of_the_shared_library_are_the_public_functions():
    assert_same(library_functions(), symbols(BUILD / "src/libcurfew.so", "-D"), "public functions", "libcurfew.so")


def test_exports_of_the_program_are_the_public_functions():
    """The library's, and those of curfew/plugin.h: plugins find both in the program that loads them."""
    assert_same(all_exported(), symbols(BUILD / "curfew-net", "-D"), "public functions", "curfew-net")


def test_globals_of_the_static_library_are_the_public_functions():
    assert_same(library_functions(), symbols(BUILD / "src/libcurfew.a", "-g"), "public functions", "libcurfew.a")


def test_public_functions_begin_with_the_name():
    assert_none([each for each in all_exported() if not each.startswith("curfew_")], "names without curfew_")


def test_library_needs_libc_only():
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", "\n".join(lines_of("readelf", "-d", str(BUILD / "src/libcurfew.so"))))
    assert set(needed) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, needed


def test_curfew_is_static():
    headers = "\n".join(lines_of("readelf", "-lW", str(BUILD / "curfew")))
    assert "LOAD" in headers
    assert "INTERP" not in headers and "DYNAMIC" not in headers, headers


def test_versions_agree():
    version = re.search(r"version: '(.*?)'", text(ROOT / "meson.build"))[1]
    assert lines_of(str(BUILD / "curfew"), "--version") == [f"curfew {version}"]
    assert f"## [{version}]" in text(ROOT / "CHANGELOG.md") or "## [Unreleased]" in text(ROOT / "CHANGELOG.md")


def test_headers_and_manual_pages_are_all_installed():
    for folder, pattern, listed in [("include", "include/**/*.h", "include"), ("man", "man/*.[0-9]", "man")]:
        lists = re.findall(r"'([\w/.-]+\.\w+)'", text(ROOT / listed / "meson.build"))
        assert_same([name(path).removeprefix(f"{folder}/") for path in files(pattern)], lists, "files", f"{listed}/meson.build")


@limit(120)
def test_installed_library_builds_and_runs_a_program():
    """Shared and static, found through pkg-config, as a user does it."""
    destination = temporary("installed")
    lines_of("meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", destination)
    tree = {os.path.join(folder, each) for folder, _, names in os.walk(destination) for each in names}
    for ending in ["bin/curfew", "include/curfew.h", "man1/curfew-run.1", "completions/curfew", "_curfew", "curfew.fish"]:
        assert any(path.endswith("/" + ending) for path in tree), f"{ending} was not installed"
    config = next(os.path.dirname(path) for path in tree if path.endswith("libcurfew.pc"))
    library = os.path.dirname(config)
    environment = {**os.environ, "PKG_CONFIG_PATH": config, "PKG_CONFIG_SYSROOT_DIR": destination, "LD_LIBRARY_PATH": library}
    source = temporary("program.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    for form, flags in [("shared", ""), ("static", "--static")]:
        program = temporary(form)
        command = f"cc -Wall -Wextra -Werror -o {program} {source} -{form} $(pkg-config {flags} --cflags --libs libcurfew)"
        code, out, err = finished(["sh", "-c", command.replace(" -shared ", " ")], env=environment)
        assert code == 0, f"{command}:\n{out}{err}"
        assert finished([program], env=environment)[0] == 0, f"the {form} program"
