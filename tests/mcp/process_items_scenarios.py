# SPDX-License-Identifier: Apache-2.0
"""Items of the conformance list that are about children: how they end, what they have started, what they write."""

import threading

from actors import *

# The ladder


@faces(*BOTH)
def test_56_a_child_that_ends_on_eof_never_sees_term(face):
    for way in DELETED, ENDED:
        mcp = Mcp(face, "--eof-wait 10s", command=shell("""trap 'echo told >&2' TERM; "$0"; echo over >&2"""))
        report = ended(mcp, mcp.session(), way)
        assert said(mcp) == ["over"], way
        assert report["counts"]["children_eof"] == 1 and report["counts"]["children_term"] == 0, (way, report)


def test_56_a_stopped_child_is_continued_for_its_term():
    for way in DELETED, ENDED:
        mcp = Mcp(PLAIN, "--eof-wait 200ms --term-wait 10s", command=shell("""trap 'echo told >&2; exit 0' TERM; "$0" """))
        session = mcp.session()
        for pid in (tree := servers(mcp)):
            os.kill(pid, signal.SIGSTOP)
        until(lambda tree=tree: all(state(pid) == "T" for pid in tree), "they are stopped")
        report = ended(mcp, session, way)
        assert said(mcp)[-1] == "told", (way, said(mcp))
        assert report["forced"] == [] and report["counts"]["children_term"] == 1, (way, report)


@alone
def test_57_children_that_ignore_all_are_gone_at_their_bound_at_the_same_time():
    mcp = Mcp(PLAIN, "--eof-wait 300ms --term-wait 400ms", command=child("ignore-eof", "ignore-term"))
    mcp.sessions(8)
    began = mcp.signal()
    report = mcp.end()
    assert_near(mcp.took(began), 0.7, "the end of eight children", slack=0.15)
    assert report["counts"]["children_kill"] == 8 and len(report["forced"]) == 8, report


@alone
def test_57_the_ladder_stays_within_the_grace():
    """A call that hangs takes the work's part of it; the child that ignores everything the rest."""
    mcp = Mcp(PLAIN, "--grace 1500ms --eof-wait 5s --term-wait 5s", command=child("ignore-eof", "ignore-term"))
    client = held(mcp.session())
    began = mcp.signal()
    assert "error" in reply_of(client).messages[-1]
    assert_below(now() - began, 1.1, "two thirds of the grace")
    mcp.end()
    assert_below(mcp.took(began), 1.65, "the grace")


# Whole trees


def test_58_no_descendant_survives():
    parts = {
        "one that ignores the signal": STUBBORN,
        "a stopped one": "setsid ignore TERM tell 2 up stop serve",
        "a chain of sessions": "setsid orphan setsid orphan setsid ignore TERM tell 2 up serve done ignore TERM serve done serve",
        "one that forks when it is told to end": "setsid on TERM orphan setsid ignore TERM serve done exit 0 done tell 2 up serve",
        "twenty": "setsid repeat 19 orphan setsid ignore TERM serve done done tell 2 up serve",
    }
    for what, part in parts.items():
        for way in DELETED, ENDED:
            mcp = Mcp(PLAIN, "--eof-wait 100ms --term-wait 200ms", command=beside(part))
            session = mcp.session()
            until_up(mcp)
            tree = servers(mcp)
            ended(mcp, session, way)
            assert all(gone(pid) for pid in tree), (what, way)
            assert_no_survivors()


def test_58_a_fork_storm_ends_with_its_session():
    storm = shlex.quote(fixture("storm"))
    mcp = Mcp(PLAIN, "--eof-wait 100ms --term-wait 300ms", command=shell(f'{storm} 4 >&2 & exec "$0"'))
    session = mcp.session()
    until(lambda: "storming" in said(mcp), "it storms")
    ended(mcp, session, DELETED)
    assert_no_survivors()


@faces(PLAIN)
def test_59_descendants_that_clean_up_on_term_have_the_time(face):
    for part in CLEANS_UP, CLEANS_UP.removeprefix("setsid "):
        for way in DELETED, ENDED:
            mcp = Mcp(face, "--term-wait 10s --forced-exit 3", command=beside(part))
            session = mcp.session()
            until_up(mcp)
            report = ended(mcp, session, way)
            assert said(mcp) == ["up", "cleaned"] and report["forced"] == [], (part, way, report)


LOOKS = 8  # in a row, 2 s and more: as long as a busy machine may keep a keeper waiting


class Zombies(threading.Thread):
    """Looks for zombies below a process until it is asked; those that so many looks in a row have seen have stayed."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.over, self.stayed, self.looks = pid, threading.Event(), set(), 0
        self.start()

    def run(self):
        seen = {}
        while not self.over.wait(0.25):
            found = {pid for pid in descendants(self.pid) if state(pid) == "Z"}
            seen = {pid: seen.get(pid, 0) + 1 for pid in found}
            self.stayed |= {pid for pid, looks in seen.items() if looks >= LOOKS}
            self.looks += 1

    def assert_none_stayed(self):
        wanted = self.looks + LOOKS + 1
        until(lambda: self.looks >= wanted, "it has looked often enough")
        self.over.set()
        self.join()
        assert not self.stayed, f"{len(self.stayed)} stayed zombies"


def short_sessions(count):
    """Each child leaves five orphans behind, which its keeper adopts and reaps."""
    mcp = Mcp(PLAIN, "--eof-wait 10s", command=shell('"$1" repeat 5 orphan exit 0 done done exit 0; exec "$0"'))
    zombies = Zombies(mcp.process.pid)
    for _ in range(count):
        assert mcp.session().end() in (200, 204)
    until(lambda: not descendants(mcp.process.pid), "the last is reaped")
    zombies.assert_none_stayed()
    report = mcp.stop()
    assert report["forced"] == [] and report["counts"]["children_eof"] == count, report
    assert_no_survivors()


def test_60_no_zombie_during_and_after_100_short_sessions():
    short_sessions(100)


@plain
@slow
@limit(180)
def test_60_no_zombie_during_and_after_2000_short_sessions():
    short_sessions(2000)


def test_60_no_zombie_of_500_that_a_session_adopts():
    part = "on USR1 repeat 500 orphan exit 0 done done tell 2 over done tell 2 up serve"
    mcp = Mcp(PLAIN, command=shell(f'"$1" {part} & exec "$0"'))
    session = mcp.session()
    until_up(mcp)
    zombies = Zombies(mcp.process.pid)
    for pid in servers(mcp):
        if command_name(pid) == "actor":
            os.kill(pid, signal.SIGUSR1)
    until(lambda: "over" in said(mcp), "all have come and gone", within=30)
    zombies.assert_none_stayed()
    until(lambda: len(servers(mcp)) == 2, "the last is reaped")
    assert session.ask("echo").status == 200
    mcp.stop()


@alone
def test_61_the_exit_of_the_main_child_ends_its_descendants():
    for code in 0, 3:
        mcp = Mcp(PLAIN, "--term-wait 10s", command=beside(CLEANS_UP))
        session = mcp.session()
        until_up(mcp)
        began = now()
        message_ = reply_of(session.begin(f"exit {code}")).error()["message"]
        assert_near(now() - began, 0.3, "from the exit to the error", slack=0.15)
        assert f"code {code}" in message_ and said(mcp) == ["up", "cleaned"], (message_, said(mcp))
        until(lambda mcp=mcp: not mcp.keepers(), "nobody is left")
        assert mcp.stop()["forced"] == []


@alone
def test_61_the_exit_of_the_main_child_kills_stubborn_descendants_at_the_bound():
    mcp = Mcp(PLAIN, "--term-wait 400ms", command=beside(STUBBORN))
    session, other = mcp.sessions(2)
    until_up(mcp, 2)
    began = now()
    assert "code 3" in reply_of(session.begin("exit 3")).error()["message"]
    assert_near(now() - began, 0.4, "from the exit to the error", slack=0.15)
    assert len(mcp.keepers()) == 1 and other.ask("echo").status == 200
    assert len(mcp.stop()["forced"]) == 2  # this one, and the other session's at the end


# What they write


def stopped(mcp):
    """The pid of its only child, which reads nothing until SIGCONT."""
    (server,) = servers(mcp)
    os.kill(server, signal.SIGSTOP)
    until(lambda: state(server) == "T", "the child is stopped")
    return server


@faces(*BOTH)
def test_63_all_that_a_child_wrote_before_its_exit_is_passed_on(face):
    """It writes and exits while the gateway cannot read."""
    for last in "last", "exit 3":
        mcp = Mcp(face)
        session = mcp.session()
        stream = session.listen()
        server = stopped(mcp)
        clients = [session.begin(verb) for verb in ("delay 300", "flood 50 900", last)]
        until(lambda mcp=mcp: mcp.metrics()["curfew_mcp_calls_in_flight"] == 3, "the child has them all")
        mcp.process.signal(signal.SIGSTOP)
        until(lambda mcp=mcp: state(mcp.process.pid) == "T", "the gateway is stopped")
        os.kill(server, signal.SIGCONT)
        until(lambda pid=server: gone(pid), "the child has exited")
        mcp.process.signal(signal.SIGCONT)
        replies = [reply_of(client) for client in clients]
        found = [each for reply in replies for each in reply.messages]
        while each := stream.message():
            found.append(each)
        numbers = [each["params"]["number"] for each in found if each.get("method") == "notifications/message"]
        assert numbers == list(range(50)), numbers
        assert replies[0].got() and replies[1].got()
        assert ("result" in replies[2].messages[-1]) == (last == "last"), replies[2].texts
        mcp.stop()


@faces(*BOTH)
@plain
def test_63_a_client_who_is_slow_gets_all_that_was_written_before_the_exit(face):
    """The child exits while nobody reads it, since the client's buffers are full."""
    mcp = Mcp(face)
    session = mcp.session()
    slow_one = mcp.client(receive_buffer=4096)
    stream = Stream(slow_one.send(post(b"", "Content-Type: ", f"Accept: {EVENTS}", session=session.id, method="GET")))
    server = stopped(mcp)  # what it says in one call alone would come beside its answer
    clients = [session.begin(verb) for verb in ("flood 20000 1000", "exit 3")]
    until(lambda: mcp.metrics()["curfew_mcp_calls_in_flight"] == 2, "the child has both")
    os.kill(server, signal.SIGCONT)
    numbers = []
    while len(numbers) < 20000 and (found := stream.message()):
        if found["method"] == "notifications/message":
            numbers.append(found["params"]["number"])
    assert numbers == list(range(20000)), len(numbers)
    assert reply_of(clients[0]).got() and "code 3" in reply_of(clients[1]).error()["message"]
    assert stream.message() is None
    mcp.stop()


@alone
def test_63_somebody_outside_who_holds_the_pipes_delays_the_end_by_the_bound():
    for way in "exit 3", ENDED:
        mcp = Mcp(PLAIN)
        session = mcp.session()
        holding = [os.open(f"/proc/{servers(mcp)[0]}/fd/{fd}", os.O_WRONLY) for fd in (1, 2)]
        began = now()
        if way != ENDED:
            assert "code 3" in reply_of(session.begin(way)).error()["message"]
            assert_below(now() - began, 2.5, "the error, with the pipes held")
            began = now()
        mcp.stop()
        assert_below(mcp.took(began), 2.5, "the end, with the pipes held")
        for fd in holding:
            os.close(fd)


def test_64_a_last_line_without_a_newline_is_told():
    for way in DELETED, ENDED, "exit 3":
        mcp = Mcp(PLAIN, "--eof-wait 10s", command=shell('"$0"; "$1" tell 2 first fill 2 5 exit 0'))
        session = mcp.session()
        if way == "exit 3":
            assert "error" in reply_of(session.begin(way)).only()
        ended(mcp, session, way)
        assert said(mcp) == ["first", "xxxxx"], (way, said(mcp))


def test_64_bytes_that_are_no_text_are_told_escaped():
    mcp = Mcp(PLAIN, command=shell(r"""printf 'a\tb\n\n\001\042\134\n\303\244\n\377\r\n' >&2; exec "$0" """))
    mcp.session()
    until(lambda: len(said(mcp)) == 5, "its lines are told")
    mcp.stop()
    assert said(mcp)[:4] == ["a\tb", "", '\x01"\\', "ä"], said(mcp)
    assert all(line.startswith("time=") for line in mcp.log().splitlines()), mcp.log()


@alone
def test_64_lines_of_any_length_in_bounded_memory():
    size = 32 << 20
    mcp = Mcp(PLAIN, command=shell(f'"$1" fill 2 {size} exit 0; exec "$0"'))
    before = int(status(mcp.process.pid)["VmHWM"].split()[0])
    mcp.session()
    grown = int(status(mcp.process.pid)["VmHWM"].split()[0]) - before
    assert grown < 8192, f"{grown} kB more for a line of 32 MB"
    mcp.stop()
    lines = [len(line) for line in said(mcp)]
    dropped = sum(int(line["lines"]) for line in mcp.lines(event="dropped"))
    assert max(lines) <= 8192 and sum(lines) <= size <= sum(lines) + dropped * 8192, (sum(lines), dropped)


@alone
def test_64_memory_is_bounded_where_nobody_reads_the_log():
    """And the child is not held up by that, nor its client."""
    reader, writing = channel()
    command = shell('"$1" lines 2 300000 60 exit 0; exec "$0"')
    mcp = Mcp(PLAIN, "--grace 1s", command=command, wrap=with_log(writing), pass_fds=[writing])
    os.close(writing)
    before = int(status(mcp.process.pid)["VmHWM"].split()[0])
    assert mcp.session().ask("echo").status == 200
    grown = int(status(mcp.process.pid)["VmHWM"].split()[0]) - before
    assert grown < 8192, f"{grown} kB more for 18 MB of lines"
    mcp.stop()
    assert len(reader.rest()) > 4096


@faces(*BOTH)
def test_67_children_have_three_pipes_of_their_own_and_nothing_else(face):
    """Whatever we inherited and have open: clients, streams, other sessions."""
    inherited = os.pipe()
    for options in "", "--shared":
        mcp = Mcp(face, options, pass_fds=inherited)
        sessions = [mcp.session()]
        clients = [held(sessions[0]), mcp.client(), sessions[0].listen().client]
        sessions += mcp.sessions(3)
        taken = []
        for pid in servers(mcp):
            links = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            assert sorted(links) == ["0", "1", "2"] and all(link.startswith("pipe:") for link in links.values()), links
            taken += links.values()
        assert len(taken) == len(set(taken)) == (3 if options else 12), taken
        for session in sessions:
            session.ask("release")
        for client in clients:
            client.close()
        mcp.stop()
