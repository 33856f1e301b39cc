# SPDX-License-Identifier: Apache-2.0
"""The manual and the program say the same: functions, commands, options, exit codes, tables, snippets."""

import json
import re
import subprocess

from harness import ROOT, curfew_path, finished, temporary
from repository import without_attributes

HEADERS = sorted((ROOT / "include" / "curfew").glob("*.h"))
PAGES = sorted((ROOT / "man").glob("*.[137]"))
LIBRARY = [page for page in PAGES if page.suffix == ".3"]
PROTOTYPE = re.compile(r"^(?:CURFEW_API|static inline)\s[^;{]*?\b(curfew_\w+)\(", re.M)


def page(name):
    return (ROOT / "man" / name).read_text()


def section(text, name):
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def plain(text):
    """The text of a page without the escapes and most of the macros, one space between words."""
    return re.sub(r"\s+", " ", re.sub(r"^\.[A-Z][a-z]|\bTa\b|\\&|\\", " ", text, flags=re.M))


def functions():
    return [name for header in HEADERS for name in PROTOTYPE.findall(header.read_text())]


def table(name):
    """The words and texts of a table of the headers: X(NAME, "word", "text")."""
    text = "".join(header.read_text() for header in HEADERS)
    rows = re.search(rf"#define CURFEW_{name}\(X\)(.*?[^\\])\n", text, re.S)[1]
    return re.findall(r'X\((\w+),\s*"([^"]+)",\s*\\?\s*"([^"]+)"\)', rows)


def help_list():
    code, out, _ = finished([curfew_path(), "help", "--list"])
    assert code == 0
    return [line.split("\t") for line in out.splitlines()]


def test_every_public_function_has_one_page_and_the_reverse():
    named = [name for path in LIBRARY for name in re.findall(r"^\.Nm (curfew_\w+)", section(path.read_text(), "NAME"), re.M)]
    assert sorted(named) == sorted(functions())


def test_synopsis_names_the_functions_of_its_page():
    for path in LIBRARY:
        text = path.read_text()
        named = set(re.findall(r"^\.Nm (curfew_\w+)", section(text, "NAME"), re.M))
        shown = set(re.findall(r"^\.F[no] (curfew_\w+)", section(text, "SYNOPSIS"), re.M))
        assert named == {name for name in shown if not name.endswith("_fn")}, path.name


def parameters_shown(text):
    """{function: parameters}, from a page's SYNOPSIS."""
    source = section(text, "SYNOPSIS").replace("\\", "")
    shown = {}
    for function, arguments in re.findall(r"^\.Fn (curfew_\w+)(.*)$", source, re.M):
        shown[function] = [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', arguments)]
    for function, body in re.findall(r"^\.Fo (\w+)\n(.*?)^\.Fc", source, re.M | re.S):
        shown[function] = re.findall(r'^\.Fa "(.*)"$', body, re.M)
    return shown


def test_synopsis_has_the_parameters_of_the_header():
    shown = {}
    for path in LIBRARY:
        shown |= parameters_shown(path.read_text())
    for header in HEADERS:
        code = without_attributes(re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S))
        for declaration in re.findall(r"^CURFEW_API ([^;]*);", code, re.M):
            function, parameters = re.search(r"(\w+)\s*\((.*)\)$", declaration, re.S).groups()
            assert ", ".join(shown[function]) == re.sub(r"\s+", " ", parameters).strip(), function


def test_references_lead_to_our_pages():
    pages = {path.name for path in PAGES}
    for path in PAGES:
        for title, number in re.findall(r"^\.Xr (\S*curfew\S*) (\d)", path.read_text(), re.M):
            assert f"{title}.{number}" in pages, f"{path.name}: {title}({number})"


def commands_with_pages():
    return [path.stem.removeprefix("curfew-") for path in PAGES if path.name.startswith("curfew-") and path.suffix == ".1"]


def test_every_command_that_has_options_has_a_page():
    with_options = {row[0] for row in help_list() if row[3] != "-"}
    assert with_options <= set(commands_with_pages()), with_options


def test_every_option_of_a_command_is_in_its_page_and_the_reverse():
    for command in commands_with_pages():
        options = {row[1] for row in help_list() if row[0] == command and (row[3] != "-" or row[1] == "--help")}
        entries = re.findall(r"^\.It (Fl .*)$", section(page(f"curfew-{command}.1"), "DESCRIPTION"), re.M)
        listed = {"--" + name for entry in entries for name in re.findall(r"\\-([a-z][a-z-]+)", entry)}
        assert options == listed, (command, options ^ listed)


def test_values_of_options_have_the_names_that_help_gives_them():
    for command, option, metavar, variable in help_list():
        assert option != "--port", "Kubernetes injects CURFEW_PORT"
        assert variable in ("-", "CURFEW_" + option[2:].upper().replace("-", "_")), option
        if command in commands_with_pages() and variable != "-" and metavar != "-":
            text = section(page(f"curfew-{command}.1"), "DESCRIPTION")
            shown = re.search(rf"^\.It .*Fl \\-{option[2:]} Ar (.*)$", text, re.M)
            assert shown and shown[1].upper() == metavar, (command, option)


def serving():
    """The commands that have a log and an admin face."""
    return [command for command in commands_with_pages() if command == "load" or (ROOT / "src" / command / "event.h").exists()]


def events(room):
    """The events of a room: (word, fields, text), from the table in its event.h, if it has one."""
    if not (ROOT / "src" / room / "event.h").exists():
        return []
    text = re.sub(r"\s*\\\n\s*", " ", (ROOT / "src" / room / "event.h").read_text()).replace('" "', "")
    rows = re.findall(r'X\(\w+, "(\w+)", \w+, \w+, "([^"]+)", "([^"]+)"\)', text)
    assert len(rows) == len(re.findall(r'X\([A-Z_]+, "', text)), room
    return rows


def test_events_and_their_fields_are_in_the_pages_of_serving_commands():
    for command in serving():
        text = section(page(f"curfew-{command}.1"), "DESCRIPTION")
        listed = [row[:2] for row in re.findall(r"^\.It Cm (\w+) Va ((?:\w+ ?)+)$", text, re.M)]
        wanted = events("admin") + events(command)
        assert sorted(listed) == sorted(row[:2] for row in wanted), (command, set(listed) ^ {row[:2] for row in wanted})
        for word, fields, what in wanted:
            assert f".It Cm {word} Va {fields}\n{what}" in text.replace("\\-", "-"), (command, word)


def metrics(room):
    """The names of a room's metrics and what they are, from its tables."""
    text = "".join(re.sub(r'"\s*\\?\n\s*"', "", path.read_text()) for path in (ROOT / "src" / room).glob("*.c") if not path.stem.endswith("_test"))
    return re.findall(r'"(curfew_\w+)",[\s\\]*(?:METRIC_\w+,)?[\s\\]*"([^"]+)"', text)


def test_metrics_are_in_the_pages_of_serving_commands():
    for command in serving():
        text = section(page(f"curfew-{command}.1"), "DESCRIPTION")
        wanted = metrics("admin") + metrics(command)
        assert len(wanted) > 8, wanted
        listed = re.findall(r"^\.It Va (curfew_\w+)\n(.*)$", text, re.M)
        assert sorted(listed) == sorted(wanted), (command, set(listed) ^ set(wanted))


def test_outcomes_and_endings_of_load_are_in_its_page():
    """From the tables in its headers, and nothing else."""
    page_text = page("curfew-load.1").replace("\\-", "-")
    source = re.sub(r"\s*\\\n\s*", " ", (ROOT / "src" / "load" / "outcome.h").read_text())
    wanted = [(word, text) for word, text in re.findall(r'X\(\w+, "(\w+)", \w+, "([^"]+)"\)', source)]
    listed = re.findall(r"^\.It Cm (\w+)\n(.*)$", re.search(r"(?ms)^\.Ss Outcomes\n(.*?)^\.El$", page_text)[1], re.M)
    assert len(wanted) >= 16 and wanted == listed, set(wanted) ^ set(listed)
    endings = re.findall(r'X\(\w+, "(\w+)", "[^"]+"\)', (ROOT / "src" / "load" / "result.h").read_text())
    missing = [word for word in endings if word != "running" and not re.search(rf"\b{word}\b", section(page_text, "RESULT"))]
    assert len(endings) >= 6 and not missing, missing


def fields_of(value):
    return [name for name in value if name != "tally"] + list(value.get("tally", {}))


def test_fields_of_a_result_are_in_the_page_of_load():
    """Those of a real one."""
    path = temporary("result")
    code, _, err = finished([curfew_path(), "load", "--requests", "1", "--json", path, f"http://unix:{temporary('nobody')}"])
    assert code == 1, err
    text = section(page("curfew-load.1"), "RESULT")
    with open(path, encoding="utf-8") as file:
        missing = [name for name in fields_of(json.load(file)) if not re.search(rf"\b{name}\b", text)]
    assert not missing, missing


def test_help_explains_every_option():
    for command in {row[0] for row in help_list()}:
        _, out, _ = finished([curfew_path(), command, "--help"])
        for option in [row[1] for row in help_list() if row[0] == command]:
            assert re.search(rf"^  .*{option}\b", out, re.M), (command, option)


def test_every_command_is_in_the_page_of_the_program_and_the_reverse():
    commands = {row[0] for row in help_list()}
    listed = re.findall(r"^\.It Cm (\w+)", section(page("curfew.1"), "DESCRIPTION"), re.M)
    assert commands == set(listed)


def test_exit_codes_are_in_the_pages():
    code, out, _ = finished([curfew_path(), "help", "exit-codes"])
    codes = re.findall(r"^  (\d\S*)", out, re.M)
    assert code == 0 and "0" in codes and "128+n" in codes
    for name in "curfew.1", "curfew-run.1", "curfew-gate.1", "curfew-load.1", "curfew-mcp.1", "curfew-relay.1", "curfew.7":
        listed = re.findall(r"^\.It (\d\S*)$", section(page(name), "EXIT STATUS"), re.M)
        missing = set(codes) - set(listed)
        assert not missing, (name, missing)


def test_tables_of_the_headers_are_in_the_pages():
    concepts = plain(page("curfew.7"))
    for name in "REASONS", "COUNTS":
        assert table(name), name
        for _, word, text in table(name):
            assert f"{word} {text}" in concepts, (name, word, text)
    for phase, _, _ in table("PHASES"):
        assert f" {phase} " in concepts, phase


def test_pages_have_no_warnings():
    for path in PAGES:
        code, out, errors = finished(["mandoc", "-T", "lint", "-W", "warning", str(path)])
        assert (code, out, errors) == (0, "", ""), path.name


def snippets(text):
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section(text, "EXAMPLES"), re.M | re.S)
    return [snippet.replace("\\en", "\\n") for snippet in found]


def compile_snippets(path):
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/include"]
    assert snippets(path.read_text()), path.name
    for snippet in snippets(path.read_text()):
        done = subprocess.run(["cc", *flags, "-xc", "-"], input=snippet, text=True, capture_output=True, check=False)
        assert done.returncode == 0, (path.name, done.stderr)


def test_snippets_of_the_library_compile():
    for path in LIBRARY:
        if path.name != "curfew_uv.3":
            compile_snippets(path)


def test_snippet_for_libuv_compiles():
    compile_snippets(ROOT / "man" / "curfew_uv.3")


def test_metrics_and_paths_of_the_admin_face_are_in_the_page_of_the_concepts():
    concepts = plain(page("curfew.7"))
    metrics = (ROOT / "src" / "admin" / "metrics.c").read_text()
    rows = re.findall(r'X\(\w+, (\w+), "(curfew_\w+)",\s*\\?\s*"([^"]+)"\)', metrics)
    routes = re.findall(r'^\t\{"(/[^"]+)", \w+\},$', (ROOT / "src" / "admin" / "face.c").read_text(), re.M)
    assert len(rows) >= 8 and len(routes) >= 6
    for form, name, text in rows:
        assert re.search(rf"\b{name}\b.* A {form.lower()}\. {re.escape(text)}", concepts), name
    for route in routes:
        assert re.search(rf"^\.It Pa {route}$", page("curfew.7"), re.M), route
