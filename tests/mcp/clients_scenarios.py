# SPDX-License-Identifier: Apache-2.0
"""Clients that do not read, leave, and never come back: what that costs the gateway, and the others."""

from mcp import *

MIB = 1024  # kilobytes


def resident_kb(pid):
    return int(status(pid)["VmRSS"].split()[0])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@faces(*BOTH)
@plain
def test_a_client_that_stops_reading_stops_its_child_and_nobody_else(face):
    """On the stream of its call and on its GET stream: the memory is bounded, other sessions are served."""
    mcp = Mcp(face, "--grace 5s")
    session, second, other = mcp.sessions(3)
    before = resident_kb(mcp.process.pid)
    mute = mcp.client(receive_buffer=4096)
    mute.send(post(message("flood 200000 1000", id=1), session=session.id))
    stream = mcp.client(receive_buffer=4096)
    stream.send(post(b"", "Content-Type: ", f"Accept: {EVENTS}", session=second.id, method="GET"))
    for number in range(2):
        second.begin("flood 200000 1000", id=number + 1)
    for _ in range(200):
        assert other.ask("echo").status == 200
    servers = [descendants(pid)[0] for pid in mcp.keepers()]
    until(lambda: all(state(pid) == "S" for pid in servers), "the children wait")
    grown = resident_kb(mcp.process.pid) - before
    assert grown < 64 * MIB, f"{grown} kB more for 600 MB that nobody reads"
    mute.reset()
    assert session.end() in (200, 204)
    mcp.stop()


@faces(*BOTH)
@plain
def test_a_child_that_does_not_read_stops_its_clients_and_nobody_else(face):
    mcp = Mcp(face, "--grace 3s")
    session, other = mcp.sessions(2)
    session.ask("deaf")
    before = resident_kb(mcp.process.pid)
    body = message("echo", json.dumps("x" * 4000000), 1)
    clients = []
    for _ in range(20):
        clients.append(mcp.client())
        clients[-1].socket.settimeout(0.2)
        clients[-1].send_while_possible(post(body, session=session.id))
        assert other.ask("echo").status == 200
    grown = resident_kb(mcp.process.pid) - before
    assert grown < 64 * MIB, f"{grown} kB more for 80 MB that nobody reads"
    assert session.end() in (200, 204)
    for client in clients:
        client.close()
    mcp.stop()


@faces(*BOTH)
def test_a_client_that_leaves_does_not_cancel_its_call(face):
    mcp = Mcp(face)
    session = mcp.session()
    for leave in "reset", "close":
        getattr(held(session), leave)()
    stream = session.listen()
    line = session.ask("release").got()[1]
    assert line["method"] == "release"
    told = session.seen(stream)
    assert not [each for each in told if each["method"] == "notifications/cancelled"], told
    assert mcp.metrics()["curfew_mcp_calls_in_flight"] == 0
    mcp.stop()


@faces(PLAIN)
def test_children_that_do_not_start_make_room(face):
    """One at a time starts; those behind it are not kept waiting for ever."""
    mcp = Mcp(face, "--start-timeout 300ms --spawn-concurrency 1 --eof-wait 100ms", command=["sleep", "1000"])
    clients = [mcp.client().send(post(initialize(id=number))) for number in range(3)]
    for number, client in enumerate(clients):
        reply = reply_of(client)
        assert "did not answer initialize" in reply.error()["message"] and reply.messages[-1]["id"] == number, reply.texts
    until(lambda: not mcp.keepers(), "the children have ended")
    mcp.stop()


@faces(PLAIN)
def test_a_session_that_nobody_asks_ends_and_one_with_a_call_does_not(face):
    mcp = Mcp(face, "--session-idle 4s")
    idle, busy = mcp.sessions(2)
    client = held(busy)
    until(lambda: len(mcp.keepers()) == 1, "the idle session has ended")
    assert not idle.is_there()
    began = now()
    until(lambda: now() - began > 5, "more than the idle time has passed")
    assert busy.ask("release").got()[1]["method"] == "release"
    assert reply_of(client).status == 200
    until(lambda: not mcp.keepers(), "the other has ended too")
    mcp.told(event="session_ended")
    mcp.stop()


@faces(PLAIN)
def test_a_session_that_is_old_ends(face):
    mcp = Mcp(face, "--session-max 5s")
    session = mcp.session()
    until(lambda: not session.is_there(), "it has ended")
    mcp.stop()


@faces(*BOTH)
@plain
@slow
@limit(60)
def test_83_sessions_that_are_opened_and_left(face):
    """1000 in batches: processes, descriptors and memory are then as they were."""
    opened_and_left(face, 1000)


@plain
@slow
@limit(420)
def test_83_10000_sessions_that_are_opened_and_left():
    opened_and_left(PLAIN, 10000)


BATCH = 200


def open_and_leave(mcp, client):
    """As a client does that comes to an end between initialize and all else."""
    assert client.ask(post(initialize()), "POST").status == 200


def opened_and_left(face, count):
    mcp = Mcp(face, f"--session-idle 200ms --max-sessions {BATCH} --eof-wait 5s", env=environment())
    pid = mcp.process.pid
    after_first = None
    for _ in range(count // BATCH):
        with mcp.client() as client:
            for _ in range(BATCH):
                open_and_leave(mcp, client)
        until(lambda: not mcp.keepers(), "the sessions have ended", within=30)
        after_first = after_first or (resident_kb(pid), descriptors(pid))
    assert mcp.metrics()["curfew_mcp_sessions"] == 0
    assert mcp.metrics()["curfew_mcp_sessions_total"] == count
    kb, fds = resident_kb(pid), descriptors(pid)
    assert fds <= after_first[1] + 2, f"{fds} descriptors, not {after_first[1]}"
    assert kb < after_first[0] + 2 * MIB, f"{kb} kB, not {after_first[0]}"
    with mcp.client() as client:
        open_and_leave(mcp, client)
    mcp.stop()
    assert_no_survivors()
