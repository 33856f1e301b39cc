# SPDX-License-Identifier: Apache-2.0
"""curfew executes curfew-net in its own place: with all signals held, and what children are to be given intact."""

import os
import shutil
import signal
import socket
import stat

from ports import free_port
from serving import *

TERM, HUP, USR2, CHLD = signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD


def installed(*programs):
    """A folder with copies of some of our programs; the path of curfew in it."""
    folder = temporary("installed")
    os.mkdir(folder)
    for program in programs:
        shutil.copy2(BUILD / program, folder)
    return os.path.join(folder, "curfew")


def refused(curfew, code, *says):
    got, out, err = finished([curfew, "gate", "--respond", "200"], env=environment())
    assert (got, out, err.count("\n")) == (code, "", 1), (got, out, err)
    assert err.startswith("curfew gate: ") and all(text in err for text in says), err


def test_handover_finds_the_program_beside_itself():
    process = serving(wrap=lambda argv: [installed("curfew", "curfew-net"), *argv[1:]])
    event(process, "ready")
    folder = os.path.dirname(os.readlink(f"/proc/{process.pid}/exe"))
    assert folder == os.path.dirname(temporary("installed/curfew")), folder
    process.signal(TERM)
    assert process.wait() == 0


def test_handover_is_found_by_a_link_and_through_path():
    """Beside the program itself, not beside the link to it, and wherever we are."""
    link = temporary("link")
    os.symlink(curfew_path(), link)
    process = serving(wrap=lambda argv: [link, *argv[1:]], cwd="/")
    event(process, "ready")
    process.signal(TERM)
    assert process.wait() == 0


def test_handover_without_the_program_says_where_it_is_missed():
    refused(installed("curfew"), 127, "curfew-net", "put it there")


def test_handover_to_what_cannot_be_executed():
    curfew = installed("curfew")
    program = os.path.join(os.path.dirname(curfew), "curfew-net")
    with open(program, "w", encoding="utf-8") as file:
        file.write("#!/nonexistent/loader\n")
    os.chmod(program, stat.S_IRUSR)
    refused(curfew, 126, "curfew-net")
    os.chmod(program, stat.S_IRWXU)
    refused(curfew, 126, "curfew-net", "loader")


def test_handover_help_and_usage_need_no_second_program():
    curfew = installed("curfew")
    code, out, err = finished([curfew, "help", "gate"])
    assert (code, err) == (0, "") and "--upstream" in out
    assert "--upstream" in finished([curfew, "completion", "bash"])[1]
    assert finished([curfew, "help", "gate"])[1] == finished([str(BUILD / "curfew-net"), "help", "gate"])[1]


def test_handover_both_programs_have_all_commands():
    """curfew-net is complete, so that it can also keep a child where curfew is not there."""
    assert finished([str(BUILD / "curfew-net"), "run", "--", "echo", "x"]) == (0, "x\n", "")
    process = serving(wrap=lambda argv: [str(BUILD / "curfew-net"), *argv[1:]])
    event(process, "ready")
    process.signal(TERM)
    assert process.wait() == 0


def pending(number):
    """To be run before the exec: the signal is there, and held back."""

    def before_exec():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)

    return before_exec


def test_02_a_signal_that_is_there_at_the_start_opens_nothing():
    """It is held through both execs; no socket is opened, and the end is in order."""
    for number in TERM, signal.SIGINT, signal.SIGQUIT:
        process = serving("--report -", preexec_fn=pending(number))
        errors = process.err.rest().decode()
        assert process.wait() == 0, errors
        lines = errors.splitlines()
        events = [parsed(line) for line in lines if line.startswith("time=")]
        assert not named(events, "started") and not named(events, "ready"), events
        assert named(events, "stopping")[0]["signal"] == number.name, events
        assert events[-1]["event"] == "ended" and events[-1]["exit_code"] == "0", events
        assert_no_survivors()


def test_02_then_an_address_that_cannot_be_had_is_not_even_tried():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = "--listen 127.0.0.1:%d" % taken.getsockname()[1]
        assert serving(options).wait() == 2
        assert serving(options, preexec_fn=pending(TERM)).wait() == 0


def test_02_other_signals_at_the_start_change_nothing():
    for number in HUP, signal.SIGUSR1, USR2, signal.SIGPIPE:
        process = serving(preexec_fn=pending(number))
        event(process, "ready")
        process.signal(TERM)
        assert process.wait() == 0, number


def time_to_serve():
    """How long a start takes, here and now, in seconds."""
    process = serving()
    event(process, "ready")
    took = now() - process.started
    process.signal(TERM)
    assert process.wait() == 0
    return took


@slow
@plain
@limit(180)
def test_01_a_signal_at_any_instant_of_the_start():
    """From the exec on: by its default before main, in order from there; curfew-net is loaded meanwhile."""
    in_order, whole = 0, 2 * time_to_serve()
    for step in range(0, 150):
        process = serving()
        deadline = process.started + whole * step / 150
        while now() < deadline:
            pass
        process.signal(TERM)
        code = process.wait()
        errors = process.errors()
        assert code in (0, -TERM), (step, code, errors)
        assert code == 0 or not errors, (step, errors)
        assert "event=ended" in errors or code == -TERM, (step, errors)
        in_order += code == 0
        assert_no_survivors()
    assert in_order, "all signals came before main"


def child_status(**more):
    """What /proc says of a command that gate has started, and the gate's process."""
    port = free_port()
    listener = ["--upstream", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0", "--"]
    process = start([curfew_path(), "gate", *listener, *actor("say up serve")], env=environment(), **more)
    process.expect("up")
    keeper = only_child(process.pid)
    return process, status_of(only_child(keeper))


def status_of(pid):
    fields = dict(line.split(":\t", 1) for line in read_file(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    return {**fields, "limit": read_file(f"/proc/{pid}/limits"), "environ": read_file(f"/proc/{pid}/environ")}


def strange_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, [HUP, USR2, signal.SIGRTMIN + 3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(CHLD, signal.SIG_IGN)


def test_08_children_get_the_mask_and_dispositions_as_they_were():
    for before, blocked, ignored in (
        (None, [], []),
        (strange_signals, [HUP, USR2, signal.SIGRTMIN + 3], [signal.SIGINT, CHLD]),
    ):
        process, child = child_status(preexec_fn=before)
        assert int(child["SigBlk"], 16) == sum(1 << (number - 1) for number in blocked), child["SigBlk"]
        for number in signal.SIGINT, CHLD, HUP, TERM:
            assert holds_signal(child, number, "SigIgn") == (number in ignored), (number, child["SigIgn"])
        assert "CURFEW_HANDOVER" not in child["environ"]
        process.signal(TERM)
        assert process.wait() == 0
        assert_no_survivors()


def test_08_a_strangers_handover_is_nobodys():
    """Left over from another process, or made up: it is taken out, and not believed."""
    for text in "1:0000000000004002:/nonexistent", "x", "", ":::", "0:ffffffffffffffff:" + "x" * 5000:
        environ = environment(CURFEW_HANDOVER=text)
        process = start([str(BUILD / "curfew-net"), "run", "--", *actor("say up serve")], env=environ)
        process.expect("up")
        child = status_of(only_child(process.pid))
        assert int(child["SigBlk"], 16) == 0, (text, child["SigBlk"])
        assert "CURFEW_HANDOVER" not in child["environ"], text
        process.signal(TERM)
        assert process.wait() == 0


def test_children_keep_the_limit_of_descriptors():
    """It is raised for connections, but not for a child that may use select(2)."""
    soft, hard = 300, 2000
    import resource

    process, child = child_status(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    limits = [re.search(r"Max open files +(\d+) +(\d+)", text).groups() for text in (child["limit"], read_file(f"/proc/{process.pid}/limits"))]
    assert limits == [(str(soft), str(hard)), (str(hard), str(hard))], limits
    process.signal(TERM)
    assert process.wait() == 0


def test_children_get_no_variables_of_options():
    environ = environment(CURFEW_GRACE="5s", CURFEW_STOP_ON="HUP", CURFEW_ACCESS_LOG="yes", CURFEW_PORT="tcp://10.0.0.1:80", OTHER="x")
    port = free_port()
    process = start(
        [curfew_path(), "gate", "--upstream", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0", "--", *actor("say up serve")], env=environ
    )
    process.expect("up")
    child = status_of(only_child(only_child(process.pid)))["environ"].split("\0")
    ours = sorted(each for each in child if each.startswith("CURFEW_"))
    assert ours == ["CURFEW_PORT=tcp://10.0.0.1:80"] and "OTHER=x" in child, ours
    process.signal(TERM)
    assert process.wait() == 0
