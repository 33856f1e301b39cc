# SPDX-License-Identifier: Apache-2.0
"""The keeper, `curfew run --keeper FD`: it ends one tree for its owner, or when the owner dies."""

import os
import signal
import socket
import subprocess

from harness import *

TERM = signal.SIGTERM


class Keeper:
    """A keeper and our end of its control socket."""

    def __init__(self, command, options="", **more):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = run(f"--keeper {theirs.fileno()} {options}", *command)
        self.process = start(argv, pass_fds=[theirs.fileno()], **more)
        theirs.close()
        self.socket.settimeout(WITHIN)
        self.ended = None

    def receive(self):
        """One message, or "" at the end."""
        try:
            message = self.socket.recv(4096).decode()
        except ConnectionResetError:
            return ""
        return message.strip()

    def pid(self):
        message = self.receive()
        assert message.startswith("pid "), message
        return int(message.split()[1])

    def send(self, text):
        self.socket.send(text.encode())
        return now()

    def close(self):
        self.socket.close()

    def exit(self):
        """The fields of the last message; those of the one before it, where something outlived the child, in ended."""
        message = self.receive()
        if message.startswith("ended "):
            self.ended = fields_of(message)
            message = self.receive()
        assert message.startswith("exit "), message
        assert self.receive() == "", "something came after the exit"
        return fields_of(message)


def fields_of(message):
    fields = dict(word.split("=") for word in message.split()[1:])
    assert set(fields) == {"code", "signal", "by_us", "rung", "forced"}, message
    return fields


def kept(part, options="", **more):
    """A keeper whose actors are up, and the pid of the first."""
    keeper = Keeper(actor(part), options, **more)
    pid = keeper.pid()
    keeper.process.expect(*["up"] * part.count("say up"))
    return keeper, pid


def assert_exit(keeper, **wanted):
    fields = keeper.exit()
    wrong = {name: fields[name] for name, value in wanted.items() if fields[name] != str(value)}
    assert not wrong, f"{fields}, wanted {wanted}"
    keeper.process.wait()
    assert_no_survivors()


SESSION = "orphan setsid on TERM say cleaned exit 0 done say up serve done on TERM exit 0 done say up serve"


def test_keeper_tells_pid_and_exit():
    keeper = Keeper(actor("say up sleep 50 exit 7"))
    assert keeper.pid() > 0
    assert_exit(keeper, code=7, signal=0, by_us=0, rung="running", forced=0)
    assert not keeper.ended, "nothing has outlived the child"
    keeper = Keeper(actor("die USR1"))
    keeper.pid()
    assert_exit(keeper, code=0, signal=int(signal.SIGUSR1), by_us=0, rung="running", forced=0)


def test_keeper_pid_is_the_childs():
    keeper, pid = kept("say up serve")
    assert children(keeper.process.pid) == [pid]
    keeper.send("stop\n")
    assert_exit(keeper, code=0, signal=int(TERM), by_us=1, rung="term", forced=0)


def test_keeper_stop_ends_the_tree():
    keeper, _ = kept(SESSION)
    keeper.send("stop\n")
    assert_exit(keeper, code=0, signal=0, by_us=0, rung="term", forced=0)
    keeper.process.expect("cleaned")


def test_keeper_stop_several_times_is_once():
    keeper, _ = kept("on TERM say told done on USR1 exit 0 done say up serve")
    for _ in range(5):
        keeper.send("stop\n")
    keeper.process.expect("told")
    keeper.send(f"signal {int(signal.SIGUSR1)}\n")
    assert_exit(keeper, code=0, rung="term", forced=0)
    keeper.process.expect_end()


@alone
def test_keeper_stop_takes_its_grace():
    keeper, _ = kept("ignore TERM orphan setsid ignore TERM say up serve done say up serve")
    sent = keeper.send("stop 400\n")
    assert_exit(keeper, code=0, signal=9, by_us=1, rung="kill", forced=1)
    assert_near(keeper.process.ended - sent, 0.4, "the kill")


def test_keeper_kill_is_at_once():
    for before in "", "stop 20000\n":
        keeper, _ = kept("ignore TERM orphan setsid ignore TERM say up serve done say up serve")
        if before:
            keeper.send(before)
        sent = keeper.send("kill\n")
        assert_exit(keeper, signal=9, by_us=1, rung="kill", forced=1)
        assert_below(keeper.process.ended - sent, 2, "the kill")


def test_keeper_passes_a_signal_to_the_child():
    keeper, _ = kept("on USR1 say one done on RTMIN say no done say up serve".replace("RTMIN", str(int(signal.SIGRTMIN + 2))))
    keeper.send(f"signal {int(signal.SIGUSR1)}\n")
    keeper.process.expect("one")
    keeper.send(f"signal {int(signal.SIGRTMIN + 2)}\n")
    keeper.process.expect("no")
    keeper.send("stop\n")
    assert_exit(keeper, signal=int(TERM), by_us=1, rung="term")


def test_keeper_reports_an_exec_failure():
    for command, number in (["/nonexistent/program"], 2), (["/tmp"], 13):
        keeper = Keeper(command)
        assert keeper.receive() == f"error {number}"
        assert keeper.receive() == ""
        assert keeper.process.wait() in (126, 127)
        assert_no_survivors()


def test_keeper_leaves_signals_to_its_owner():
    """A Ctrl-C or a kill of the whole group must not end the children before the work that needs them."""
    keeper, _ = kept("say up serve")
    for number in TERM, signal.SIGINT:
        keeper.process.signal(number)
    settled(keeper.process.pid)
    assert keeper.process.alive(), "it ended on a signal that is its owner's"
    keeper.send("stop\n")
    assert_exit(keeper, signal=int(TERM), by_us=1, rung="term", forced=0)


def test_keeper_ends_the_tree_when_its_socket_is_closed():
    keeper, _ = kept(SESSION, "--eof-wait 100ms")
    keeper.close()
    keeper.process.wait()
    keeper.process.expect("cleaned")
    assert_no_survivors()


def test_keeper_kills_what_does_not_end_when_its_socket_is_closed():
    keeper, _ = kept("ignore TERM orphan setsid ignore TERM say up serve done say up serve", "--term-wait 300ms --eof-wait 100ms")
    keeper.close()
    keeper.process.wait()
    assert_no_survivors()


def test_keeper_does_not_give_the_socket_to_the_child():
    keeper = Keeper(actor("descriptors 1 say up serve"))
    keeper.pid()
    said = []
    while (line := keeper.process.line()) != "up":
        said.append(line)
    assert not [line for line in said if "socket" in line], said
    keeper.send("kill\n")
    assert_exit(keeper, rung="kill")


def test_keeper_main_childs_exit_ends_the_rest():
    keeper, _ = kept("orphan setsid on TERM sleep 200 say cleaned exit 0 done say up serve done on USR1 exit 3 done say up serve")
    keeper.send(f"signal {int(signal.SIGUSR1)}\n")
    assert_exit(keeper, code=3, signal=0, by_us=0, rung="running", forced=0)
    keeper.process.expect("cleaned")


def test_72_keeper_tells_of_the_main_childs_exit_before_it_ends_the_rest():
    keeper, _ = kept("orphan setsid ignore TERM say up serve done on USR1 exit 3 done say up serve", "--term-wait 20s")
    tree = set(descendants(keeper.process.pid))
    keeper.send(f"signal {int(signal.SIGUSR1)}\n")
    message = keeper.receive()
    assert message.startswith("ended ") and fields_of(message)["code"] == "3", message
    assert any(not gone(pid) for pid in tree), "it was told when all had ended"
    keeper.send("kill\n")
    assert_exit(keeper, code=3, signal=0, by_us=0, rung="running", forced=1)


def test_keeper_ladder_begins_with_the_end_of_input():
    """The owner has the child's input: it closes it and says how long to wait, or says stop."""
    keeper, _ = kept("on EOF say eof exit 0 done on TERM say term exit 0 done say up serve", stdin=subprocess.PIPE)
    keeper.process.popen.stdin.close()
    assert_exit(keeper, code=0, signal=0, by_us=0, forced=0)
    keeper.process.expect("eof")
    keeper.process.expect_end()


def test_keeper_bears_messages_that_make_no_sense():
    keeper, pid = kept("on USR1 say passed done say up serve")
    for text in "\n", "nonsense\n", "signal\n", "signal 9999\n", "signal x\n", "stop x\n", "x" * 3000:
        keeper.send(text)
    keeper.send(f"signal {int(signal.SIGUSR1)}\n")
    keeper.process.expect("passed")
    keeper.send("kill\n")
    assert_exit(keeper, rung="kill")


def test_keeper_needs_a_descriptor_that_is_open():
    for number in "77", "-1", "x", "":
        process = start(curfew("run", "--keeper", number, "--", *actor("say up serve")))
        assert process.wait(within=5) == 2, number
        assert len(process.errors().splitlines()) == 1
        assert_no_survivors()


@limit(90)
def test_59a_ending_one_of_50_keepers_leaves_the_other_49_whole():
    sessions = []
    for _ in range(50):
        keeper, pid = kept("orphan setsid say up serve done say up serve")
        sessions.append((keeper, set(descendants(keeper.process.pid))))
    assert all(len(tree) == 2 for _, tree in sessions)
    for index in 17, 0, 49:
        keeper, tree = sessions[index]
        keeper.send("stop\n")
        assert keeper.exit()["forced"] == "0"
        keeper.process.wait()
        assert all(gone(pid) for pid in tree)
        sessions[index] = None
    rest = [session for session in sessions if session]
    for keeper, tree in rest:
        assert keeper.process.alive() and set(descendants(keeper.process.pid)) == tree
        assert not [pid for pid in tree if gone(pid)]
    for keeper, _ in rest:
        keeper.close()
    for keeper, tree in rest:
        keeper.process.wait()
        assert all(gone(pid) for pid in tree)
    assert_no_survivors()


OWNER = """
import os, socket, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
argv = [word.replace("FD", str(theirs.fileno())) for word in sys.argv[1:]]
subprocess.Popen(argv, pass_fds=[theirs.fileno()])
theirs.close()
print(ours.recv(4096).decode().strip(), flush=True)
sys.stdin.read()
"""


def test_65_a_keeper_ends_its_whole_tree_when_its_owner_is_killed():
    ran = temporary("ran")
    part = f"orphan setsid on TERM sleep 200 put {ran} cleaned exit 0 done say up serve done orphan setsid ignore TERM say up serve done say up serve"
    command = run("--keeper FD --term-wait 3s --eof-wait 100ms", *actor(part))
    owner = start(["/usr/bin/python3", "-c", OWNER, *command], stdin=subprocess.PIPE)
    assert sorted(owner.line().split()[0] for _ in range(4)) == ["pid", "up", "up", "up"]
    tree = descendants(owner.pid)
    assert len(tree) == 4
    owner.signal(signal.SIGKILL)
    owner.wait()
    until(lambda: all(gone(pid) for pid in tree), "the tree of a killed owner is gone")
    assert read_file(ran) == "cleaned\n", "it was killed, not ended"


def test_65_the_direct_child_of_run_is_killed_with_us():
    process = start(run("", *actor("ignore TERM ignore HUP say up serve")))
    process.expect("up")
    child = only_child(process.pid)
    process.signal(signal.SIGKILL)
    process.wait()
    until(lambda: gone(child), "the child gets the parent-death signal")


def test_65_the_parent_death_signal_lasts_as_long_as_we_do():
    """It is tied to the thread that forked: one that ends early would kill the child."""
    process = start(run("--capture --duration 30s", *actor("on TERM exit 0 done say up serve")))
    process.out.until("up")
    settled(process.pid)
    assert process.alive() and not gone(only_child(process.pid))
    process.signal(TERM)
    assert process.wait() == 0
