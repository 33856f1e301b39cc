# SPDX-License-Identifier: Apache-2.0
"""Children that die, hang, flood and escape: what their clients are told, and that nobody is left."""

from mcp import *

def failed(client):
    """The error that a call in flight has got."""
    reply = reply_of(client)
    assert reply.status == 200 and "error" in reply.only(), reply.answer
    return reply.messages[0]


def until_nobody_below(pid, within=WITHIN):
    until(lambda: not descendants(pid), f"{pid} has no child", within)


@faces(*BOTH)
def test_69_calls_of_a_child_that_dies_get_an_error_each_that_says_why(face):
    for verb, name, value in ("exit 3", "code", "3"), ("die 9", "signal", "KILL"), ("die 11", "signal", "SEGV"), ("exit 0", "code", "0"):
        mcp = Mcp(face)
        session, other = mcp.sessions(2)
        clients = [session.begin("hold", id=json.dumps(f"h{n}")) for n in range(5)]
        session.ask("echo")
        clients.append(session.begin(verb, id='"h5"'))
        errors = [failed(client) for client in clients]
        assert [error["id"] for error in errors] == [f"h{n}" for n in range(6)], errors
        assert all(isinstance(e["error"]["code"], int) and len(e["error"]["message"]) > 10 for e in errors), errors
        reply = session.ask("echo")
        assert reply.status == 404 and reply.error()["code"] == -32001, reply.answer
        assert other.ask("echo").status == 200
        line = until(lambda: mcp.lines(event="child_ended"), "the line of its end")[0]
        assert line.get(name) == value, line
        mcp.stop()


@faces(PLAIN)
def test_69_a_child_that_dies_behind_its_answer_has_answered(face):
    mcp = Mcp(face)
    session = mcp.session()
    assert session.ask("last").got()[1]["method"] == "last"
    until(lambda: not session.is_there(), "the session has ended")
    mcp.stop()


@faces(PLAIN)
def test_66_a_command_that_is_not_there_is_refused_at_the_start(face):
    with open(plain_file := temporary("no_program"), "w", encoding="utf-8"):
        pass
    for command, code in ((["no-such-command-anywhere"], 127), ([plain_file], 126)):
        mcp = Mcp(face, command=command, ready=False)
        assert mcp.process.wait() == code
        said = mcp.log()
        assert said.startswith("curfew mcp: ") and said.count("\n") == 1 and command[0] in said, said


@faces(PLAIN)
def test_a_child_that_ends_before_its_first_answer(face):
    """The request that began the session gets an error, and no session is left."""
    mcp = Mcp(face, command=["sh", "-c", "exit 7"])
    with mcp.client() as client:
        reply = Reply(client.ask(post(initialize(5)), "POST"))
    assert reply.messages[0].get("error") and reply.messages[0]["id"] == 5, reply.answer
    until_nobody_below(mcp.process.pid)
    mcp.stop()


@faces(PLAIN)
def test_noise_is_logged_and_dropped(face):
    mcp = Mcp(face)
    session = mcp.session()
    reply = session.ask("noise")
    assert reply.got()[1]["method"] == "noise" and len(reply.messages) == 1, reply.texts
    lines = until(lambda: mcp.lines(event="noise"), "the noise is logged")
    assert any("Starting server" in line["line"] for line in lines), lines
    assert all(line.startswith("time=") for line in mcp.log().splitlines()), "noise has broken a line of the log"
    mcp.stop()


@faces(PLAIN)
def test_answers_to_nobody_are_dropped(face):
    mcp = Mcp(face)
    session = mcp.session()
    assert session.ask("stranger", id="1").only()["id"] == 1
    assert session.ask("twice", id="2").only()["id"] == 2
    assert session.ask("echo", id="3").only()["id"] == 3
    mcp.stop()


@faces(*BOTH)
def test_a_line_of_9_mb_is_an_error_of_its_request(face):
    """With the id at its head, and at its end; what comes behind it is read."""
    mcp = Mcp(face)
    session = mcp.session()
    for verb in "long", "late":
        client = session.begin(f"{verb} 9000000", id='"big"')
        error = failed(client)
        assert error["id"] == "big" and error["error"]["message"], error
        assert session.ask("echo").got()[1]["method"] == "echo"
    until(lambda: len(mcp.lines(event="too_long")) == 2, "both are logged")
    reply = session.ask("long 8000000", within=30)
    assert len(reply.only()["result"]) == 8000000
    mcp.stop()


@faces(*BOTH)
def test_a_flood_is_passed_on_whole(face):
    mcp = Mcp(face)
    session = mcp.session()
    stream = Stream(session.begin("flood 20000 1000"), within=30)
    for number in range(20000):
        assert stream.message()["params"]["number"] == number
    assert "result" in stream.message()
    mcp.stop()


@faces(PLAIN)
def test_standard_error_goes_to_the_log(face):
    mcp = Mcp(face)
    session = mcp.session()
    session.ask('tell odd "words" event=forged')
    line = until(lambda: mcp.lines(event="child_said"), "what the child has said")[0]
    assert line["line"] == 'odd "words" event=forged', line
    mcp.stop()


@faces(PLAIN)
def test_67_environment_and_directory_of_a_child(face):
    folder = temporary("folder")
    os.mkdir(folder)
    options = f"--env GIVEN='a b=c' --header-env X-Api-Key=API_KEY --cwd {folder}"
    mcp = Mcp(face, options, env=environment(INHERITED="yes", CURFEW_GRACE="15s"))
    session, other = mcp.session("X-Api-Key: s3cret"), mcp.session()

    def value(of, method):
        return of.ask(method).only()["result"]["value"]

    assert value(session, "environment GIVEN") == "a b=c"
    assert value(session, "environment API_KEY") == "s3cret"
    assert value(other, "environment API_KEY") == "none"
    assert value(session, "environment INHERITED") == "yes"
    assert value(session, "environment CURFEW_GRACE") == "none"
    assert value(session, "directory") == folder
    server = descendants(mcp.keepers()[0])[0]
    assert sorted(os.listdir(f"/proc/{server}/fd"), key=int) == ["0", "1", "2"], os.listdir(f"/proc/{server}/fd")
    mcp.stop()


# Their end


def ended_after_delete(options, words):
    """The time from DELETE to the end of the child and all that it had started."""
    mcp = Mcp(PLAIN, options, command=words)
    session = mcp.session()
    below = descendants(mcp.process.pid)
    assert below
    began = now()
    assert session.end() in (200, 204)
    assert session.ask("echo").status == 404
    until_nobody_below(mcp.process.pid)
    took = now() - began
    assert all(gone(pid) for pid in below), "an orphan is left"
    assert mcp.ask_admin("/healthz").status == 200
    mcp.stop()
    return took


@alone
def test_56_a_child_that_ends_on_eof_is_not_waited_for():
    assert_below(ended_after_delete("--eof-wait 10s", child()), 0.3, "the end of the child")


@alone
def test_57_a_child_that_ignores_eof_gets_term():
    took = ended_after_delete("--eof-wait 400ms --term-wait 10s", child("ignore-eof"))
    assert_near(took, 0.4, "the end of the child", slack=0.1)


@alone
def test_57_a_child_that_ignores_eof_and_term_is_killed_at_the_bound():
    took = ended_after_delete("--eof-wait 300ms --term-wait 400ms", child("ignore-eof", "ignore-term"))
    assert_near(took, 0.7, "the end of the child", slack=0.1)


def grandchild(session):
    """A process in a session of its own, which hears no TERM."""
    pid = int(session.ask("grandchild").only()["result"]["value"])
    assert not gone(pid)
    return pid


def behind_shells(function):
    """Makes of one test one for a command that is the server, and one where shells start it and wait, as npx does."""
    server = shlex.quote(child()[0])
    commands = {"itself": child(), "sh": ["sh", "-c", f"{server}; true"], "sh_sh": ["sh", "-c", f"sh -c '{server}; true'; true"]}
    for name, command in commands.items():

        def variant(command=command):
            return function(command)

        variant.__name__ = f"{function.__name__}_{name}"
        function.__globals__[variant.__name__] = variant


@behind_shells
def test_58_grandchildren_end_with_their_session(command):
    mcp = Mcp(PLAIN, "--eof-wait 200ms --term-wait 200ms", command=command)
    session, other = mcp.sessions(2)
    pid, kept = grandchild(session), grandchild(other)
    assert session.end() in (200, 204)
    until(lambda: gone(pid), "the grandchild is gone")
    assert not gone(kept) and other.ask("echo").status == 200
    mcp.stop()
    assert gone(kept)


@behind_shells
def test_65_if_we_are_killed_no_child_is_left(command):
    """Their keepers end them: an ordinary one, one that ignores the end of its input, stubborn grandchildren."""
    mcp = Mcp(PLAIN, "--eof-wait 200ms --term-wait 200ms", command=command)
    sessions = mcp.sessions(5)
    for session in sessions:
        grandchild(session)
    sessions[0].begin("deaf")
    known = descendants(mcp.process.pid)
    mcp.process.signal(signal.SIGKILL)
    assert mcp.process.wait() == -signal.SIGKILL
    until(lambda: all(gone(pid) for pid in known), "they are gone")
    reap()
    assert_no_survivors()


@slow
@plain
def test_59a_ending_one_of_50_sessions_leaves_49_whole():
    """Not where a keeper looks for leaks when it exits: it is traced for that, which a SIGCONT of the ladder breaks, so
    that it hangs; and the last rung comes at the same moment for all of them."""
    mcp = Mcp(PLAIN, "--eof-wait 200ms --term-wait 200ms --max-sessions 60")
    sessions = mcp.sessions(50)
    pids = [grandchild(session) for session in sessions]
    calls = [held(session) for session in sessions]
    sessions[17].end()
    assert "error" in reply_of(calls[17]).only()
    until(lambda: gone(pids[17]), "its grandchild is gone")
    for number, session in enumerate(sessions):
        if number != 17:
            session.ask("release")
            assert reply_of(calls[number]).got()[1]["method"] == "hold"
            assert not gone(pids[number])
    until(lambda: len(mcp.keepers()) == 49, "its keeper is gone, and no other")
    mcp.stop()


@faces(*BOTH)
def test_a_hanging_child_and_the_request_timeout(face):
    """The client gets an error, and the child is told."""
    mcp = Mcp(face, "--request-timeout 5s")
    session = mcp.session()
    stream = session.listen()
    client = session.begin("hold", id=9)
    error = failed(client)
    assert error["id"] == 9, error
    told = stream.seen()
    assert told["method"] == "notifications/cancelled", told
    with session.begin("release", id=10) as release:
        reply = reply_of(release)
    assert reply.got()[1]["method"] == "release", reply.answer
    mcp.stop()


@faces(PLAIN)
def test_a_dead_shared_child_is_started_again(face):
    mcp = Mcp(face, "--shared --restart")
    session = mcp.session()
    client = held(session)
    session.begin("exit 1")
    assert "error" in failed(client)
    until(lambda: mcp.lines(event="restarted"), "it is started again")
    assert mcp.session().ask("echo").got()[1]["method"] == "echo"
    mcp.stop()
