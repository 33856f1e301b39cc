# SPDX-License-Identifier: Apache-2.0
"""The end while clients go on asking: what was sent is answered, also where it waits in the kernel; and idleness."""

import threading

from mcp import *

CLIENTS = 16


@faces(PLAIN)
def test_21_a_frozen_backlog_is_answered_to_the_last(face):
    for queued in 50, 300:
        mcp = Mcp(face)
        session = mcp.session()
        mcp.process.signal(signal.SIGSTOP)
        until(lambda: state(mcp.process.pid) == "T", "it is stopped")
        clients = [session.begin("echo", id=n) for n in range(queued)]
        mcp.signal()
        mcp.process.signal(signal.SIGCONT)
        for n, client in enumerate(clients):
            assert reply_of(client).only()["id"] == n
            client.close()
        assert mcp.end()["forced"] == []


class Asking(threading.Thread):
    """Calls, one after the other, until nobody listens any more."""

    def __init__(self, session, kept):
        super().__init__(daemon=True)
        self.session, self.kept = session, kept
        self.answered, self.lost, self.pace = 0, [], Pace()
        self.start()

    def run(self):
        client = None
        while True:
            try:
                with self.pace.sending():
                    client = client or self.session.gateway.client()
                    self.session.begin("echo", client=client)
                reply = Reply(client.whole("POST"))
                self.pace.idle()
                assert reply.only()["id"] == self.session.last, reply.answer
                self.answered += 1
            except ConnectionRefusedError:
                return
            except Exception as wrong:
                self.lost.append(repr(wrong))
                return
            if not self.kept or reply.answer.get("Connection") == "close":
                client.close()
                client = None


def lose_nothing(face, kept):
    mcp = Mcp(face)
    sessions = mcp.sessions(CLIENTS)
    clients = [Asking(session, kept) for session in sessions]
    until(lambda: all(client.answered > 10 for client in clients), "all are answered")
    mcp.signal()
    for client in clients:
        client.join(WITHIN)
        assert not client.is_alive(), "it is still answered"
        client.pace.assert_lost_nothing(client.lost)
    assert mcp.end()["forced"] == []


@faces(*BOTH)
def test_40_fresh_connections_lose_nothing_under_load(face):
    for _ in range(3):
        lose_nothing(face, False)


@faces(*BOTH)
def test_40_kept_connections_lose_nothing_under_load(face):
    for _ in range(3):
        lose_nothing(face, True)


@faces(PLAIN)
def test_10_the_cause_names_the_signal_and_its_sender(face):
    """And so does the word with which sessions end."""
    mcp = Mcp(face)
    mcp.session()
    cause = mcp.stop()["cause"]
    assert cause["signal"] == "SIGTERM" and cause["sender_pid"] == os.getpid(), cause
    assert [line["reason"] for line in mcp.lines(event="session_ended")] == ["the server is shutting down"]


@faces(PLAIN)
@plain
@slow
@limit(60)
def test_12_idle_sessions_wake_nobody_in_10_s(face):
    """Neither the gateway nor the keepers, with an idle connection, and a stream whose next comment is not due."""
    mcp = Mcp(face)
    session, other = mcp.sessions(2)
    client = mcp.client()
    assert other.ask("echo", client=client).status == 200
    stream = session.listen()
    watched = [mcp.process.pid, *mcp.keepers()]
    began = now()
    until(lambda: now() - began > 6, "deadlines of heads have passed, which are looked at once more")
    before = {pid: context_switches(pid) for pid in watched}
    began = now()
    until(lambda: now() - began > 10, "10 s have passed", within=20)
    woken = {pid: context_switches(pid) - count for pid, count in before.items()}
    assert not any(woken.values()), f"wake-ups: {woken}"
    stream.client.close()
    client.close()
    mcp.stop()
