# SPDX-License-Identifier: Apache-2.0
"""A terminal: who has its foreground, Ctrl-C and Ctrl-Z, in a shell, in a pipeline, without a shell."""

import os
import shlex

from harness import *

CTRL_C, CTRL_Z = "\x03", "\x1a"


class Shell:
    """An interactive bash in a terminal of its own, with job control."""

    def __init__(self):
        environment = {**os.environ, "PS1": "", "PS2": "", "PROMPT_COMMAND": "", "TERM": "dumb", "HISTFILE": ""}
        self.terminal = Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], env=environment)
        self.count = 0
        self.do("stty -echo; set +o histexpand")

    def type(self, text):
        self.terminal.type(text)

    def until(self, text, within=WITHIN):
        return self.terminal.until(text, within)

    def do(self, line, within=WITHIN):
        """Runs a line to its end; returns what came out."""
        self.count += 1
        self.type(f"{line}; echo end=$?=$((7000 + {self.count}))\n")
        return self.until(f"={7000 + self.count}\r\n", within)

    def pid(self):
        return self.terminal.process.pid

    def alive(self):
        """That the shell is in the foreground again, and obeys."""
        assert "sound" in self.do("echo so''und")


def find(shell, name):
    """The pids of the shell's descendants with this name."""
    return [pid for pid in descendants(shell.pid()) if command_name(pid) == name]


def words(*command):
    return shlex.join(command)


def states(pids):
    return "".join(sorted(state(pid) for pid in pids))


def test_terminal_the_child_has_the_foreground():
    shell = Shell()
    shell.type(words(*run("", *actor("foreground say up serve"))) + "\n")
    shell.until("foreground yes\r\nup\r\n")
    child = find(shell, "actor")[0]
    assert shell.terminal.foreground() == os.getpgid(child) == child
    shell.type(CTRL_C)
    shell.alive()
    assert not find(shell, "curfew") and not find(shell, "actor")


def test_terminal_the_child_can_read_it():
    shell = Shell()
    shell.type(words(*run("", "sh", "-c", "read line; echo got=$line; exit 4")) + "; echo code=$?\n")
    until(lambda: find(shell, "sh"), "the child runs")
    shell.type("typed\n")
    shell.until("got=typed\r\n")
    shell.until("code=4\r\n")
    shell.alive()


def test_terminal_ctrl_c_ends_the_tree_once():
    """The terminal tells the child itself; what it left behind is then ended by us."""
    shell = Shell()
    part = "orphan setsid on TERM say orphan exit 0 done say up serve done on INT say told sleep 100 exit 0 done say up serve"
    shell.type(words(*run("", *actor(part))) + "; echo code=$?\n")
    shell.until("up\r\n"), shell.until("up\r\n")
    shell.type(CTRL_C)
    text = shell.until("code=")
    assert text.count("told") == 1 and text.count("orphan") == 1, text
    assert shell.until("\r\n") == "0\r\n"
    shell.alive()
    assert not find(shell, "actor")


def test_terminal_ctrl_z_stops_both_and_fg_resumes_both():
    shell = Shell()
    shell.type(words(*run("", *actor("on CONT say continued done on INT exit 0 done say up serve"))) + "\n")
    shell.until("up\r\n")
    pids = find(shell, "curfew") + find(shell, "actor")
    for _ in range(3):
        shell.type(CTRL_Z)
        shell.until("Stopped")
        until(lambda: states(pids) == "TT", "both are stopped")
        shell.alive()
        shell.type("fg\n")
        shell.until("continued\r\n")
        until(lambda: "T" not in states(pids), "both run again")
        settled(pids[0])
        assert shell.terminal.foreground() == os.getpgid(pids[1])
    shell.type(CTRL_C)
    shell.alive()
    assert all(gone(pid) for pid in pids)


def test_terminal_bg_resumes_in_the_background():
    shell = Shell()
    shell.type(words(*run("", *actor("on CONT say continued done say up serve"))) + "\n")
    shell.until("up\r\n")
    pids = find(shell, "curfew") + find(shell, "actor")
    shell.type(CTRL_Z)
    shell.until("Stopped")
    until(lambda: states(pids) == "TT", "both are stopped")
    shell.type("bg\n")
    shell.until("continued\r\n")
    assert shell.terminal.foreground() == shell.pid(), "the foreground was taken from the shell"
    shell.do("kill %1; wait %1")
    until(lambda: all(gone(pid) for pid in pids), "the job has ended")
    shell.alive()


def test_terminal_a_stopped_job_can_be_ended():
    shell = Shell()
    shell.type(words(*run("", *actor("on TERM exit 0 done say up serve"))) + "\n")
    shell.until("up\r\n")
    pids = find(shell, "curfew") + find(shell, "actor")
    shell.type(CTRL_Z)
    shell.until("Stopped")
    until(lambda: states(pids) == "TT", "both are stopped")
    shell.do("kill %1; kill -CONT %1; wait %1")
    until(lambda: all(gone(pid) for pid in pids), "the job has ended")
    shell.alive()


PAGER = words("sh", "-c", "read line </dev/tty; echo pager=$line; cat")
BEFORE = words("sh", "-c", "read line </dev/tty; echo before=$line >/dev/tty; cat /dev/tty")


def test_terminal_in_a_pipeline_the_other_program_keeps_it():
    """As in `curfew run -- x | less`: the terminal is not handed over, or less would be stopped."""
    command = words(*run("", *actor("on INT exit 0 done serve")))
    for pipeline, says in (f"{command} | {PAGER}", "pager"), (f"{BEFORE} | {command}", "before"):
        shell = Shell()
        shell.type(pipeline + "\n")
        until(lambda: find(shell, "sh") and find(shell, "actor"), "both run")
        shell.type("key\n")
        shell.until(f"{says}=key\r\n")
        other = until(lambda: find(shell, "cat"), "the other program goes on")
        assert "T" not in states(other), "the other program was stopped"
        shell.type(CTRL_C)
        until(lambda: not descendants(shell.pid()), "the pipeline is ended by Ctrl-C")
        shell.alive()


def test_terminal_ctrl_z_stops_a_whole_pipeline():
    shell = Shell()
    shell.type(words(*run("", *actor("on INT exit 0 done say up serve"))) + " | cat\n")
    shell.until("up\r\n")
    pids = find(shell, "curfew") + find(shell, "actor") + find(shell, "cat")
    assert len(pids) == 3
    shell.type(CTRL_Z)
    shell.until("Stopped")
    shell.alive()
    until(lambda: states([pids[0], pids[2]]) == "TT", "the job is stopped")
    shell.type("fg\n")
    until(lambda: "T" not in states(pids), "the job runs again")
    shell.type(CTRL_C)
    shell.alive()
    until(lambda: all(gone(pid) for pid in pids), "the job is ended by Ctrl-C")


def test_terminal_in_a_script_the_next_command_can_read_it():
    """A shell without job control shares its group with us, and reads from the terminal after us."""
    shell = Shell()
    command = words(*run("", *actor("say up exit 0")))
    shell.type("sh -c " + shlex.quote(f"{command}; {command}; read line; echo got=$line; exit 5") + "; echo code=$?\n")
    shell.until("up\r\n"), shell.until("up\r\n")
    shell.type("typed\n")
    shell.until("got=typed\r\n")
    shell.until("code=5\r\n")
    shell.alive()


def test_terminal_in_the_background_it_is_left_alone():
    shell = Shell()
    shell.type(words(*run("", *actor("foreground say up serve"))) + " &\n")
    shell.until("foreground no\r\n")
    shell.until("up\r\n")
    assert shell.terminal.foreground() == shell.pid()
    assert state(find(shell, "curfew")[0]) != "T"
    shell.do("kill %1; wait %1")
    shell.alive()


def test_terminal_elsewhere_than_on_stdin_it_is_left_alone():
    shell = Shell()
    shell.type(words(*run("", *actor("say up serve"))) + " </dev/null\n")
    shell.until("up\r\n")
    assert shell.terminal.foreground() != find(shell, "actor")[0], "it was taken although stdin is something else"
    shell.type(CTRL_C)
    shell.alive()
    assert not find(shell, "actor")


def test_terminal_as_a_session_leader_without_a_shell():
    """As with `docker run -t`: we lead the session; the child has the foreground and can read."""
    for wrap in (lambda argv: argv), first_process:
        terminal = Terminal(wrap(run("", "sh", "-c", "echo up; read line; echo got=$line; exit 4")))
        terminal.until("up\r\n")
        terminal.type("typed\n")
        terminal.until("got=typed\r\n")
        assert terminal.process.wait() == 4


def test_terminal_ctrl_c_without_a_shell():
    terminal = Terminal(run("", *actor("on INT say told exit 0 done say up serve")))
    terminal.until("up\r\n")
    terminal.type(CTRL_C)
    terminal.until("told\r\n")
    assert terminal.process.wait() == 0


def test_terminal_that_hangs_up_ends_the_tree():
    """The session leader gets HUP, and the foreground too: whoever dies of it, nothing stays."""
    terminal = Terminal(run("--grace 2s", *actor("orphan setsid say up serve done say up serve")))
    terminal.until("up\r\n"), terminal.until("up\r\n")
    os.close(terminal.master)
    terminal.process.wait()
    assert_no_survivors()


def test_terminal_foreground_is_given_back_at_the_end():
    shell = Shell()
    shell.type(words("/usr/bin/python3", "-c", KEEPS_JOB_CONTROL, *run("", *actor("say up exit 0"))) + "\n")
    shell.until("up\r\n")
    shell.until("foreground given back\r\n")
    shell.alive()


# A program that runs curfew in its own group and looks at who has the terminal afterwards.
KEEPS_JOB_CONTROL = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def lead():
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
child = subprocess.Popen(sys.argv[1:], preexec_fn=lead)
child.wait()
print("foreground given back" if os.tcgetpgrp(0) == child.pid else f"foreground has {os.tcgetpgrp(0)}", flush=True)
os.tcsetpgrp(0, os.getpgrp())
"""
