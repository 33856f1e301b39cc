# SPDX-License-Identifier: Apache-2.0
"""Servers that people use, as they are, through `curfew mcp`: with the SDK's own client over both transports, and
with the inspector's command line. What the clients do and expect is in clients/."""

import json
import os

from gateway import *

SERVERS = "@modelcontextprotocol"
INSPECTOR = f"{SERVERS}/inspector"
SECONDS = 40  # of one client's program


def both(function):
    """Makes of one test one for each transport, with its name at the end of the test's. Not for the sanitizers: most
    of what runs is Node."""
    for transport in ("http", "sse"):

        def variant(transport=transport):
            return function(transport)

        variant.__name__ = f"{function.__name__}_{transport}"
        variant.__dict__.update(function.__dict__, slow=True, plain=True)
        function.__globals__[variant.__name__] = variant


def everything():
    return package_program(f"{SERVERS}/server-everything", "dist/index.js", "stdio")


def filesystem(folder):
    return package_program(f"{SERVERS}/server-filesystem", "dist/index.js", folder)


def memory():
    return package_program(f"{SERVERS}/server-memory", "dist/index.js")


def use(gateway, program, scenario, *arguments):
    """Runs a scenario of clients/PROGRAM.js against the gateway, and ends the gateway."""
    argv = [node(), str(HERE / "clients" / f"{program}.js"), scenario, gateway.endpoint(), *arguments]
    code, out, err = finished(argv, within=SECONDS, env=environment())
    assert code == 0, f"{out}{err}\nthe gateway said:\n{gateway.log()}"
    gateway.stop()


def use_everything(transport, scenario):
    use(Gateway(everything(), transport=transport), "everything", scenario)


def served_folder():
    path = os.path.realpath(temporary("served"))
    os.makedirs(os.path.join(path, "inner"))
    return path


def use_filesystem(transport, scenario):
    folder = served_folder()
    use(Gateway(filesystem(folder), transport=transport), "filesystem", scenario, folder)


@both
def test_everything_is_initialized(transport):
    use_everything(transport, "initialize")


@both
def test_everything_lists_and_calls_tools(transport):
    use_everything(transport, "tools")


@both
def test_everything_echoes_any_text(transport):
    use_everything(transport, "texts")


@both
def test_everything_answers_many_at_once(transport):
    use_everything(transport, "concurrent")


@both
def test_everything_tells_of_progress(transport):
    use_everything(transport, "progress")


@both
def test_everything_goes_on_after_a_cancelled_call(transport):
    use_everything(transport, "cancel")


@both
def test_everything_samples(transport):
    use_everything(transport, "sampling")


@both
def test_everything_elicits(transport):
    use_everything(transport, "elicitation")


@both
def test_everything_asks_for_roots(transport):
    use_everything(transport, "roots")


@both
def test_everything_reads_resources(transport):
    use_everything(transport, "resources")


@both
def test_everything_tells_subscribers(transport):
    use_everything(transport, "subscriptions")


@both
def test_everything_logs(transport):
    use_everything(transport, "logging")


@both
def test_everything_gives_prompts_and_completions(transport):
    use_everything(transport, "prompts")


@both
def test_everything_keeps_sessions_apart(transport):
    use_everything(transport, "apart")


@both
def test_filesystem_reads_and_writes_files(transport):
    use_filesystem(transport, "files")


@both
def test_filesystem_arranges_folders(transport):
    use_filesystem(transport, "folders")


@both
def test_filesystem_refuses(transport):
    use_filesystem(transport, "refusals")


@both
def test_filesystem_takes_the_roots_of_its_client(transport):
    use_filesystem(transport, "roots")


@both
def test_memory_outlives_a_session(transport):
    file = temporary("memory.jsonl")
    options, more = ("", {"MEMORY_FILE_PATH": file}) if STANDIN else (f"--env MEMORY_FILE_PATH={file}", {})
    use(Gateway(memory(), options, transport, **more), "memory", "graph")


def inspect(gateway, era, *arguments):
    """What the inspector prints of an answer."""
    program = package_program(INSPECTOR, "clients/launcher/build/index.js", "--cli", gateway.endpoint())
    options = ["--transport", gateway.transport, "--protocol-era", era, "--quiet"]
    code, out, err = finished([*program, *options, *arguments], within=SECONDS, env=environment(HOME=temporary("")))
    assert code == 0, f"{out}{err}\nthe gateway said:\n{gateway.log()}"
    return json.loads(out)


def inspect_everything(transport, era):
    gateway = Gateway(everything(), transport=transport)
    tools = inspect(gateway, era, "--method", "tools/list")["tools"]
    assert "echo" in {tool["name"] for tool in tools}
    echoed = inspect(gateway, era, "--method", "tools/call", "--tool-name", "echo", "--tool-arg", "message=Grüße")
    assert echoed["content"] == [{"type": "text", "text": "Echo: Grüße"}]
    read = inspect(gateway, era, "--method", "resources/read", "--uri", "demo://resource/dynamic/text/3")
    assert "Resource 3" in read["contents"][0]["text"]
    prompt = inspect(gateway, era, "--method", "prompts/get", "--prompt-name", "simple-prompt")
    assert prompt["messages"]
    gateway.stop()


@both
def test_inspector_asks_everything(transport):
    inspect_everything(transport, "legacy")


@slow
@plain
def test_inspector_asks_everything_without_a_session():
    inspect_everything("http", "modern")


@slow
@plain
def test_inspector_asks_everything_in_the_era_that_it_finds():
    inspect_everything("http", "auto")
