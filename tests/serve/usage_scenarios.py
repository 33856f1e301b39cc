# SPDX-License-Identifier: Apache-2.0
"""What is refused at the start: one line that says what, exit 2, and nothing opened."""

from serve import *

BAD_OPTIONS = [
    "--threads 0", "--threads x", "--workers -1", "--queue x", "--max-body x", "--max-line 0x", "--request-timeout soon", "--cancel-after -1s",
    "--envelope-statuss", "--start-timeout x", "--grace -1s", "--listen nowhere", "--tls-key x", "--insist sometimes", "--id 'a b'",
    "--function nobody", "--report /nonexistent/folder/x",
]  # fmt: skip
# {options: what the line has to name}, of a plugin in C and of a program
ALIEN = {"--workers 2": "--workers", "--env A=b": "--env", "--cwd /": "--cwd"}
UNFIT = {"--max-body 0": "--max-body", "--max-body 1025M": "--max-body", "--max-line 1023": "--max-line", "--max-line 1025M": "--max-line", "--id 'a b'": "--id"}
UNFIT_FOR_PROGRAMS = {
    **UNFIT, "--function act": "--function", "--env novalue": "novalue", "--env =x": "--env", "--cwd /nonexistent/folder": "/nonexistent/folder",
    "--cwd /etc/passwd": "/etc/passwd",
}  # fmt: skip
# {what is wrong with a plugin: what the line has to name}
MISTAKES = {
    "abi_2": "2", "bad_function_name": "", "bad_id": "", "choice_unlike": "mode", "inner_preset": "depth", "inner_token": "", "no_function": "",
    "no_list": "", "no_name": "", "no_run": "work", "no_such_type": "inputs.a", "no_symbol": "curfew_plugin", "parts_of_scalar": "",
    "precheck_takes_path": "where", "preset_no_json": "mode", "preset_unlike": "depth", "same_functions": "", "two_names": "", "undefined_symbol": "",
    "union_of_one": "", "contains_itself": "", "symbol_is_small": "curfew_plugin", "short_rows": "",
}  # fmt: skip
DESCRIPTIONS = {
    "": "", "nonsense": "", "{": "", "[]": "", "{}": "", '{"name":"f"}': "inputs", '{"inputs":{"type":"null"},"outputs":{}}': "name",
    '{"name":"f","inputs":{"type":"string"},"outputs":{}}': "inputs",
    '{"name":"f","inputs":{"type":"object","required":["depth"],"properties":{}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":{"depth":{"type":"deep"}}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":{"depth":{"type":"integer","default":"x"}}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":{"depth":{"enum":[1,"a"]}}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":{"depth":{"anyOf":[]}}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":{"depth":{"anyOf":{}}}},"outputs":{}}': "depth",
    '{"name":"f","inputs":{"type":"object","properties":[]},"outputs":{}}': "properties",
    '{"name":"f","inputs":{"type":"null"},"outputs":{"type":9}}': "outputs",
    '{"name":"f","inputs":{"type":"null"},"outputs":{},"id":"a b"}': "id",
    '{"name":5,"inputs":{"type":"null"},"outputs":{}}': "name",
}  # fmt: skip


def refused(*arguments, code=2, names="", **more):
    """What is wrong with how this is refused, or nothing."""
    got, out, err = finished(curfew("serve", *arguments), env=environment(**more))
    if (got, out) != (code, ""):
        return f"{arguments}: exit {got}, {out!r}, {err!r}"
    told = [line for line in err.splitlines() if "event=child_said" not in line and "event=forced" not in line]
    if len(told) != 1 or not told[0].startswith("curfew serve: ") or names not in told[0]:
        return f"{arguments} ({names}): {err!r}"
    left = survivors()
    return f"{arguments}: left {left}" if left else None


def assert_refused(cases):
    wrong = [mistake for mistake in cases if mistake]
    assert not wrong, "\n".join(wrong)


def test_usage_bad_options():
    assert_refused([refused(*shlex.split(options), PLUGIN, "--function", "act") if "--function" not in options else refused(*shlex.split(options), PLUGIN) for options in BAD_OPTIONS])


def test_usage_options_that_do_not_fit():
    """Nor those that are for a program only, or for a plugin in C only."""
    plugin, program = ["--function", "act", PLUGIN], ["--", *PROGRAM, "act"]
    assert_refused([refused(*shlex.split(options), *plugin, names=named) for options, named in {**UNFIT, **ALIEN}.items()])
    assert_refused([refused(*shlex.split(options), *program, names=named) for options, named in UNFIT_FOR_PROGRAMS.items()])


def test_usage_which_function():
    """One of several has to be chosen; and something has to be served."""
    assert_refused([refused(PLUGIN, names="--function"), refused(), refused("--"), refused("--function", "act", PLUGIN, "more", names="more")])


def test_usage_bad_plugin_files():
    text, folder = temporary("text.so"), temporary("folder.so")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no object\n" * 100)
    os.mkdir(folder)
    half = temporary("half.so")
    with open(PLUGIN, "rb") as whole, open(half, "wb") as file:
        file.write(whole.read(3000))
    files = [text, folder, half, "/nonexistent/plugin.so", "/dev/null/x.so", curfew_path(), "./nothing.so"]
    assert_refused([refused(path, names=os.path.basename(path)) for path in files])


def test_usage_bad_plugin_tables():
    """Told with the file, and with the parameter where it is one."""
    cases = []
    for mistake, named in MISTAKES.items():
        file = fixture(f"plugins/{mistake}.so")
        cases += [refused(file, names=named), refused(file, names=os.path.basename(file))]
    assert_refused(cases)


def test_usage_bad_descriptions():
    """Told with the place, and that of a program which failed or was silent."""
    script = 'printf %s "$0"'
    assert_refused([refused("--", "sh", "-c", script, text, names=named) for text, named in DESCRIPTIONS.items()])
    failures = {"echo broken >&2; exit 3": "exited with code 3: broken", "kill -9 $$": "SIGKILL", "true": "printed"}
    assert_refused([refused("--", "sh", "-c", script, names=named) for script, named in failures.items()])


def test_usage_a_description_that_does_not_come():
    """Within its time, which is bounded; the whole tree is ended."""
    assert_refused([refused("--start-timeout", "300ms", "--term-wait", "100ms", "--", "sh", "-c", "trap '' TERM; (trap '' TERM; sleep 1000) & sleep 1000", names="--start-timeout")])


def test_usage_a_description_without_end_is_bounded():
    assert_refused([refused("--start-timeout", "30s", "--", "sh", "-c", "yes", names="1 MB")])


@plain  # the keeper is killed while a sanitizer looks for leaks in a process of its own, which is then left
def test_usage_commands_that_are_not_there():
    text = temporary("text")
    open(text, "w", encoding="utf-8").close()
    assert_refused([refused("--", "/nonexistent/program", code=127), refused("--", "no-such-program", code=127), refused("--", text, code=126)])


def test_usage_an_address_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_refused([refused("--listen", address, "--function", "act", PLUGIN, names=address), refused("--listen", address, "--", *PROGRAM, "act", names=address)])


@faces(PROCESS, WORKERS)
def test_usage_environment_and_folder_of_the_processes(face):
    """--env and --cwd reach them, our own variables do not."""
    folder = os.path.realpath(temporary("folder"))
    os.mkdir(folder)
    serve = Serve(face, f"--env WORD=some=thing --cwd {folder}", env=environment(CURFEW_QUEUE="5", CURFEW_LOG_LEVEL="info"))
    assert serve.does("env WORD").output == "some=thing"
    assert os.path.realpath(serve.does("cwd").output) == folder
    for name in "CURFEW_QUEUE", "CURFEW_HANDOVER", "NOTIFY_SOCKET":
        assert serve.does(f"env {name}").output is None, name
    serve.stop()


def test_usage_variables_are_options():
    serve = Serve(LIBRARY, env=environment(CURFEW_MAX_BODY="40", CURFEW_PORT="tcp://x:1"))
    assert serve.post({"do": "", "value": "x" * 100}).status == 413
    serve.stop()
    assert_refused([refused("--function", "act", PLUGIN, names="CURFEW_GRACE", CURFEW_GRACE="soon")])


def test_usage_presets_in_kubernetes_and_elsewhere():
    """There is no announcement, also where other commands have one."""
    for more, grace in ({}, "30s"), ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "25s"):
        address = f"127.0.0.1:{free_port()}"
        process = start(curfew("serve", "--listen", address, "--function", "act", PLUGIN), env=environment(**more))
        line = process.err.until("event=ready").splitlines()[0]
        assert f" grace={grace} " in line and line.endswith(" announce=0s"), line
        process.signal(TERM)
        assert process.wait() == 0
