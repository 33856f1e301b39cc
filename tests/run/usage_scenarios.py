# SPDX-License-Identifier: Apache-2.0
"""Help, version and completion; and input that makes no sense: one line, a code, nothing half started."""

import os
import re
import resource
import subprocess

from harness import *


def refused(*arguments, code=2, says=(), **more):
    """That this is refused with one line on standard error, which names what is wrong; returns the line."""
    marker = temporary("started")
    arguments = [marker if argument == "MARKER" else argument for argument in arguments]
    got, out, err = finished(curfew(*arguments), within=5, **more)
    assert (got, out) == (code, ""), f"{arguments}: {got}, {out!r}, {err!r}"
    assert len(err.splitlines()) == 1 and err.endswith("\n"), f"{arguments}: not one line: {err!r}"
    assert err.startswith("curfew"), f"{arguments}: does not say who speaks: {err!r}"
    for text in says:
        assert text in err, f"{arguments}: {text!r} is not in {err!r}"
    assert not os.path.exists(marker), f"{arguments}: it was started"
    assert_no_survivors()
    return err


COMMAND = ["--", "touch", "MARKER"]


def test_usage_an_unknown_option_suggests_the_nearest():
    for wrong, nearest in ("--gracee", "--grace"), ("--durration", "--duration"), ("--kill-mod", "--kill-mode"), ("--prestop", "--pre-stop"):
        refused("run", wrong, "10s", *COMMAND, says=[wrong, nearest])
        refused("run", f"{wrong}=10s", *COMMAND, says=[wrong, nearest])
    refused("run", "-x", *COMMAND, says=["-x"])
    refused("run", "--zzzzzzzzzzzz", *COMMAND, says=["--zzzzzzzzzzzz", "help"])


def test_usage_an_unknown_command_suggests_the_nearest():
    for wrong, nearest in ("rnu", "run"), ("runn", "run"), ("hepl", "help"), ("complete", "completion"):
        refused(wrong, "touch", "MARKER", says=[wrong, nearest])
    refused("qqqqqqqqqqqq", says=["qqqqqqqqqqqq", "help"])
    refused("help", "rnu", says=["run"])


def test_usage_a_missing_command():
    for arguments in ["run"], ["run", "--"], ["run", "--grace", "1s"], ["run", "--grace", "1s", "--"]:
        refused(*arguments, says=["command", "curfew run"])


def test_usage_an_empty_command():
    code, out, err = finished(run("", ""))
    assert code in (2, 126, 127) and out == "" and len(err.splitlines()) == 1, (code, err)


def test_usage_a_missing_value():
    for arguments in ["--grace"], ["-v", "--duration"]:
        refused("run", *arguments, says=[arguments[-1]])


def test_usage_malformed_durations():
    for value in "", "s", "soon", "-1s", "-1", "1x", "1 s", "5", "1.2.3s", "0x10s", "1e3s", "99999999999999999999s", "10s ", "in", "1s5", "١s":
        for option in "--grace", "--duration", "--eof-wait":
            refused("run", option, value, *COMMAND, says=[option])
            refused("run", f"{option}={value}", *COMMAND, says=[option])


def test_usage_durations_that_are_well():
    for value in "500ms", "10s", "2m", "1h", "inf":
        code, out, err = finished(curfew("run", "--grace", value, f"--duration={value}", "true"))
        assert (code, out, err) == (0, "", ""), (value, code, err)


def test_usage_malformed_signals_choices_and_numbers():
    for option, value in (
        ("--signal", "NOSUCH"), ("--signal", "99"), ("--signal", "-1"), ("--signal", ""), ("--stop-on", "TERM,NOSUCH"), ("--stop-on", ","),
        ("--stop-on", "KILL"), ("--map", "HUP"), ("--map", "HUP:"), ("--map", "KILL:TERM"), ("--map", "HUP:NOSUCH"), ("--dump-signal", "STOP"),
        ("--kill-mode", "all"), ("--stdin", "file"), ("--insist", "sometimes"), ("--signal-exit", "7"), ("--log-format", "xml"),
        ("--forced-exit", "256"), ("--forced-exit", "-1"), ("--forced-exit", "x"),
    ):  # fmt: skip
        refused("run", option, value, *COMMAND, says=[option])


def test_usage_a_choice_names_what_there_is():
    refused("run", "--kill-mode", "all", *COMMAND, says=["tree", "main"])
    refused("run", "--stdin", "file", *COMMAND, says=["inherit", "pipe"])


def test_usage_a_switch_takes_no_other_value():
    refused("run", "--capture=maybe", *COMMAND, says=["--capture"])


def test_usage_a_report_that_cannot_be_written_is_refused_before_the_start():
    for path in "/nonexistent/directory/report", "/tmp", "":
        refused("run", "--report", path, *COMMAND, says=["report"])


def test_usage_a_report_to_a_fifo_without_a_reader_is_refused():
    path = temporary("fifo")
    os.mkfifo(path)
    code, _, errors = finished(run(f"--report {path}", "true"))
    assert code == 2 and len(errors.splitlines()) == 1, (code, errors)


def test_usage_options_end_at_the_command():
    assert finished(curfew("run", "echo", "--grace", "x"))[:2] == (0, "--grace x\n")
    assert finished(curfew("run", "--", "echo", "--", "--help"))[:2] == (0, "-- --help\n")
    assert finished(curfew("run", "--grace=5s", "echo", "-v"))[:2] == (0, "-v\n")


def test_usage_closed_standard_streams_do_not_matter_to_refusals():
    for closed in (0,), (1,), (2,), (0, 1, 2):
        process = start(curfew("run", "--gracee", "1s", "--", "true"), preexec_fn=lambda: [os.close(fd) for fd in closed])
        assert process.wait(within=5) == 2, closed
        process = start(run("", "/nonexistent/program"), preexec_fn=lambda: [os.close(fd) for fd in closed])
        assert process.wait(within=5) == 127, closed


def outcome(command, kind, number):
    """Code and errors of `curfew run` within a limit."""
    process = start(run("--grace 2s", *command), preexec_fn=lambda: resource.setrlimit(kind, (number, number)))
    code = process.wait(within=10)
    errors = process.errors()
    assert_no_survivors()
    return code, errors


def assert_well_or_refused(code, errors, wanted, what):
    if code != wanted:
        assert code in (2, 126, 127), f"{what}: code {code}: {errors!r}"
        assert len(errors.splitlines()) == 1, f"{what}: not one line: {errors!r}"


@plain
def test_usage_too_little_memory():
    """From what suffices down to where the kernel cannot load the program at all."""
    refusals = 0
    limits = [size << 10 for size in (*range(16384, 2048, -1024), *range(2048, 64, -16))]
    for size in limits:
        code, errors = outcome(["true"], resource.RLIMIT_AS, size)
        if code in (-9, -11):
            break
        assert_well_or_refused(code, errors, 0, f"--as={size}")
        refusals += code != 0
    assert refusals, "no limit was low enough to matter"


@plain
def test_usage_too_few_descriptors():
    for number in range(32, 2, -1):
        for options in "", "--capture":
            process = start(
                run(options, "/bin/true"),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number)),
            )
            code = process.wait(within=10)
            assert_well_or_refused(code, process.errors(), 0, f"--nofile={number} {options}")
            assert_no_survivors()


@plain
def test_usage_too_few_processes():
    if os.geteuid() != 0:
        raise Skip("becoming another user needs root")

    def before_exec():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65533)

    os.chmod(adopted_path(), 0o755)
    process = start(["/bin/sh", "-c", 'exec "$@"', "sh", *run("", "/bin/true")], preexec_fn=before_exec)
    code = process.wait(within=10)
    assert_well_or_refused(code, process.errors(), 0, "--nproc=1")


def adopted_path():
    return os.path.dirname(temporary("x"))


# Help, version, completion


def test_help_without_a_word():
    code, out, err = finished(curfew())
    assert code == 2 and out == "" or code == 0 and err == "", (code, err)
    assert "run" in out + err


def test_help_lists_the_commands():
    for arguments in ["help"], ["--help"], ["-h"]:
        code, out, err = finished(curfew(*arguments))
        assert (code, err) == (0, ""), (arguments, err)
        for word in "run", "help", "completion":
            assert re.search(rf"^\s+{word}\b", out, re.M), f"{word} is not in the list of {arguments}"
        assert max(len(line) for line in out.splitlines()) <= 100


def options_in(text):
    return set(re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)", text, re.M))


def test_help_run_lists_every_option():
    code, out, err = finished(curfew("help", "run"))
    assert (code, err) == (0, "")
    wanted = {"--grace", "--duration", "--eof-wait", "--term-wait", "--stop-on", "--map", "--dump-signal", "--stdin", "--signal", "--kill-mode", "--pre-stop",
              "--signal-exit", "--forced-exit", "--insist", "--capture", "--log-format", "--report", "--verbose", "--help"}  # fmt: skip
    assert wanted <= options_in(out), wanted - options_in(out)
    for arguments in ["run", "--help"], ["run", "-h"]:
        assert finished(curfew(*arguments)) == (0, out, ""), arguments


def test_help_wins_over_what_else_is_there():
    code, out, _ = finished(curfew("run", "--grace", "1s", "--help", "--", "true"))
    assert code == 0 and "--grace" in out


def test_version():
    for arguments in ["--version"], ["version"]:
        code, out, err = finished(curfew(*arguments))
        assert (code, err) == (0, "") and re.fullmatch(r"curfew \d+\.\d+\.\d+\S*\n", out), out


def test_help_into_a_full_disk_is_a_failure():
    for arguments in ["help"], ["--version"], ["help", "run"], ["completion", "bash"]:
        with open("/dev/full", "wb", buffering=0) as full:
            process = start(curfew(*arguments), stdout=full)
            assert process.wait() == 1, arguments
            assert len(process.errors().splitlines()) == 1


def completed(*words):
    """What bash offers after these words, the last of which is being typed."""
    script = r"""
        source <(curfew completion bash) || exit 9
        spec=$(complete -p curfew) || exit 8
        [[ $spec =~ -F\ ([^ ]+) ]] || exit 7
        COMP_WORDS=(curfew "$@"); COMP_CWORD=$#; COMP_LINE="curfew $*"; COMP_POINT=${#COMP_LINE}
        "${BASH_REMATCH[1]}" curfew "${@: -1}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": os.path.dirname(curfew_path()) + ":" + os.environ["PATH"]}
    code, out, err = finished(["bash", "--norc", "-c", script, "bash", *words], env=environment)
    assert (code, err) == (0, ""), (code, err)
    return {word.strip() for word in out.splitlines() if word.strip()}


def test_completion_of_bash():
    assert {"run", "help", "completion"} <= completed("")
    assert completed("ru") == {"run"}
    assert completed("run", "--gr") == {"--grace"} or completed("run", "--gr") == {"--grace="}
    assert {"--grace", "--duration", "--capture"} <= {word.rstrip("=") for word in completed("run", "--")}
    assert "run" in completed("help", "r")
    assert {"tree", "main"} <= completed("run", "--kill-mode", "")
    assert completed("completion", "b") == {"bash"}


def test_completion_of_every_shell_is_printed_and_another_is_refused():
    for shell in "bash", "zsh", "fish":
        code, out, err = finished(curfew("completion", shell))
        assert (code, err) == (0, "") and "--grace" in out or "grace" in out, shell
    refused("completion", "cmd.exe", says=["bash"])
    refused("completion", says=["bash"])


def test_completion_of_bash_is_sound_for_the_shell():
    script = finished(curfew("completion", "bash"))[1]
    process = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert process.returncode == 0, process.stderr
