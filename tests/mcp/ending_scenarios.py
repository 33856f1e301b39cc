# SPDX-License-Identifier: Apache-2.0
"""The end: no call is lost, sessions go on until theirs are answered, children end last; and what is said of it."""

from mcp import *

PHASES = ["starting", "running", "announcing", "draining", "forcing", "reaping", "done"]




def calls(mcp):
    return int(mcp.metrics()["curfew_mcp_calls_in_flight"])


@faces(*BOTH)
def test_29_calls_of_2_s_in_flight_are_answered_20_of_20(face):
    calls_are_answered(face, 20)


@faces(*BOTH)
@slow
def test_29_calls_of_2_s_in_flight_are_answered_in_50_sessions(face):
    calls_are_answered(face, 50)


def calls_are_answered(face, count):
    mcp, began = Mcp(face, "--eof-wait 10s"), now()  # so many children at once may need a while to end
    sessions = mcp.sessions(count)
    delay = max(2000, int((now() - began) * 1000))  # the last is in flight long before the first is answered
    clients = [session.begin(f"delay {delay}", f'{{"n":{n}}}', id=1) for n, session in enumerate(sessions)]
    until(lambda: calls(mcp) == count, "all are in flight")
    mcp.signal()
    for n, client in enumerate(clients):
        reply = reply_of(client)
        assert reply.only()["id"] == 1 and reply.got()[1]["params"]["n"] == n, reply.answer
    report = mcp.end()
    assert report["counts"]["requests_drained"] >= count and report["counts"]["requests_forced"] == 0, report
    assert report["forced"] == [] and report["counts"]["children_eof"] == count, report


@faces(*BOTH)
def test_29_calls_in_one_session_are_answered_however_many(face):
    mcp = Mcp(face)
    session = mcp.session()
    clients = [held(session, n, id=1) for n in range(20)]
    mcp.drain()
    session.ask("release")
    assert [reply_of(client).got()[1]["params"]["marker"] for client in clients] == list(range(20))
    assert mcp.end()["forced"] == []


@faces(*BOTH)
def test_15_sessions_that_are_there_go_on_while_a_call_is_in_flight(face):
    """On new connections: calls, cancellations, the answer to what a child has asked; and nothing begins."""
    mcp = Mcp(face)
    session, other = mcp.sessions(2)
    client = held(session, 1)
    asked = [m for m in session.ask("ask").messages if m.get("method") == "ask"]
    stream = None if asked else session.listen()
    asked = asked or [stream.message()]
    mcp.drain()
    with mcp.client() as new:
        refused = new.ask(post(initialize(3)), "POST")
    assert refused.status == 503 and int(refused.get("Retry-After")) > 0 and json.loads(refused.body)["id"] == 3, refused
    session.tell(f'{{"jsonrpc":"2.0","id":{json.dumps(asked[0]["id"])},"result":{{"action":"accept"}}}}')
    assert other.ask("echo").got()[1]["method"] == "echo"
    released = session.ask("release")  # beside whose answer the child may be heard, too
    reply = reply_of(client)
    told = released.messages + reply.messages
    if stream:
        while (found := stream.message()) is not None:
            told.append(found)
    seen = [m["params"] for m in told if m.get("method") == "notifications/seen"]
    assert any(line.get("id") == "q" and line["result"] == {"action": "accept"} for line in seen), told
    assert reply.got()[1]["params"]["marker"] == 1
    assert mcp.end()["forced"] == []


@faces(*BOTH)
def test_13_14_17_readiness_goes_at_once_and_health_stays(face):
    mcp = Mcp(face)
    session = mcp.session()
    client = held(session)
    assert mcp.is_ready()
    began = mcp.drain()
    until(lambda: now() - began > 0.5, "more time has passed than the end of a listener takes")
    assert mcp.ask_admin("/healthz").status == 200
    assert not wire.refused(mcp.address), "the listener has closed with a call in flight"
    session.ask("release")
    reply_of(client)
    mcp.end()


@faces(*BOTH)
@alone
def test_51_an_idle_session_does_not_delay_the_end(face):
    """Nor does its stream, which ends in order and says when to come back."""
    mcp = Mcp(face)
    session = mcp.session(protocol="2025-11-25")
    stream = session.listen()
    session.tell(message("notifications/x"))
    stream.seen()
    began = mcp.signal()
    retry = None
    while event := stream.event():
        retry = event.retry or retry
    assert stream.is_over and retry, "the stream has ended without its end, or without retry"
    stream.client.close()
    report = mcp.end()
    assert_below(mcp.took(began), 0.25, "the end with an idle session")
    assert report["forced"] == [] and report["counts"]["children_eof"] == 1, report


@faces(*BOTH)
@alone
def test_50_the_end_comes_with_the_last_answer(face):
    mcp = Mcp(face)
    session = mcp.session()
    client = held(session)
    mcp.drain()
    with mcp.client() as other:
        session.ask("release", client=other)
        answered = now()
    reply_of(client)
    client.close()
    mcp.end()
    assert_below(mcp.took(answered), 0.3, "the end after the last answer")


@faces(*BOTH)
@alone
def test_22_after_the_end_of_the_last_call_connections_are_refused(face):
    mcp = Mcp(face, "--grace 8s --eof-wait 1s", command=child("ignore-eof"))
    session = mcp.session()
    client = held(session)
    mcp.drain()
    session.ask("release")
    reply_of(client)
    client.close()
    wire.until_refused(mcp.address, within=2)
    mcp.end()


@faces(*BOTH)
@alone
def test_49_what_cannot_finish_gets_an_error_and_is_counted(face):
    for options, code in ("", 0), ("--forced-exit 3", 3):
        mcp = Mcp(face, f"--grace 1200ms --eof-wait 200ms --term-wait 200ms {options}")
        session = mcp.session()
        client = held(session, id='"late"')
        began = mcp.signal()
        reply = reply_of(client)
        assert "shutting down" in reply.error()["message"] and reply.messages[-1]["id"] == "late", reply.texts
        report = mcp.end(code=code)
        assert_below(mcp.took(began), 1.35, "the grace")
        assert [forced["name"] for forced in report["forced"]] == ["hold"], report
        assert report["counts"]["requests_forced"] == 1 and report["counts"]["requests_drained"] == 0, report
        assert [line["name"] for line in mcp.lines(event="forced")] == ["hold"]


@faces(*BOTH)
@alone
def test_49_no_client_and_no_child_delays_the_end_beyond_the_grace(face):
    """Half requests, silent connections, children that hang and are deaf, all at once."""
    mcp = Mcp(face, "--grace 2s --eof-wait 300ms --term-wait 300ms", command=child("ignore-eof", "ignore-term"))
    sessions = mcp.sessions(4)
    sessions[1].begin("deaf")
    held(sessions[2])
    half = mcp.client()
    half.send(post(message("echo", id=1), session=sessions[3].id)[:-5])
    mcp.client().send(b"POST /mcp HTTP/1.1\r\nHo")
    mcp.client()
    began = mcp.signal()
    report = mcp.end()
    assert_below(mcp.took(began), 2.15, "the grace")
    assert report["exit_code"] == 0 and report["counts"]["children_kill"] == 4, report


@faces(*BOTH)
@alone
def test_4_a_second_signal_cuts_at_once(face):
    mcp = Mcp(face, "--grace 60s --eof-wait 10s --term-wait 10s", command=child("ignore-eof", "ignore-term"))
    session = mcp.session()
    client = held(session)
    mcp.drain()
    again = mcp.insist()
    assert "error" in reply_of(client).messages[-1]
    report = mcp.end(code=128 + TERM)
    assert_below(mcp.took(again), 0.5, "the end after a second signal")
    assert report["counts"]["children_kill"] == 1, report


@faces(PLAIN)
def test_3_int_and_quit_begin_the_same_end(face):
    for number in INT, QUIT:
        mcp = Mcp(face)
        session = mcp.session()
        client = held(session)
        mcp.signal(number)
        mcp.until_begun()
        session.ask("release")
        assert reply_of(client).status == 200
        report = mcp.end()
        assert report["cause"]["signal"] == signal.Signals(number).name
        assert bool(mcp.lines(event="state")) == (number == QUIT)


@faces(PLAIN)
def test_2_a_signal_before_the_listeners_are_open(face):
    """Held back by the mask that the gateway starts with: it opens nothing, starts nothing, and exits 0."""
    mcp = Mcp(face, ready=False, wrap=lambda argv: ["sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *argv])
    until(lambda: state(mcp.process.pid) == "T", "it has stopped")
    signal.pthread_sigmask(signal.SIG_BLOCK, [])
    mcp.process.signal(signal.SIGCONT)
    until(lambda: command_name(mcp.process.pid).startswith("curfew") and blocks(mcp.process.pid, TERM), "it takes signals")
    mcp.signal()
    assert mcp.process.wait() == 0, mcp.log()
    assert_no_survivors()


@faces(PLAIN)
def test_54_draining_twice_is_draining_once(face):
    mcp = Mcp(face)
    session = mcp.session()
    client = held(session)
    mcp.signals_at_once(TERM, INT, QUIT)
    mcp.until_begun()
    session.ask("release")
    assert reply_of(client).status == 200
    assert mcp.end()["forced"] == []


@faces(PLAIN)
def test_7_as_the_first_process_with_an_idle_session(face):
    mcp = Mcp(face, wrap=first_process)
    session = mcp.session()
    client = held(session)
    os.kill(inner(mcp.process, "curfew-net"), TERM)
    mcp.until_begun()
    session.ask("release")
    assert reply_of(client).status == 200
    client.close()
    assert mcp.process.wait() == 0
    assert mcp.report()["exit_code"] == 0


@faces(*BOTH)
def test_80_71_the_report_of_a_clean_end(face):
    mcp = Mcp(face, "--announce 200ms")
    session, other = mcp.sessions(2)
    other.ask("echo")
    client = held(session)
    mcp.drain()
    session.ask("release")
    reply_of(client)
    report = mcp.end()
    assert set(report) >= {"command", "version", "cause", "phases", "counts", "forced", "exit_code"}, report
    assert (report["command"], report["exit_code"], report["forced"]) == ("mcp", 0, [])
    assert report["cause"]["signal"] == "SIGTERM" and report["cause"]["sender_pid"] == os.getpid()
    names = [phase["name"] for phase in report["phases"]]
    assert names == [name for name in PHASES if name in names] and "announcing" in names, names
    assert report["counts"]["children_eof"] == 2 and report["counts"]["children_kill"] == 0, report
    last = mcp.lines()[-1]
    assert last["event"] == "ended" and last["exit_code"] == "0", last


@faces(*BOTH)
def test_cancelled_calls_do_not_hold_the_end(face):
    mcp = Mcp(face, "--grace 30s")
    session = mcp.session()
    client = held(session, id=5)
    session.tell(message("notifications/cancelled", '{"requestId":5}'))
    began = mcp.signal()
    reply = reply_of(client)
    assert "error" in reply.messages[-1], reply.texts
    mcp.end()
    assert_below(mcp.took(began), 8, "the end with a cancelled call")


@faces(PLAIN)
def test_calls_of_http_sse_are_answered_at_the_end(face):
    mcp = Mcp(face)
    stream = Stream(mcp.client().send(post(b"", "Content-Type: ", f"Accept: {EVENTS}", path="/sse", method="GET")))
    path = stream.event().data

    def tell(body):
        with mcp.client() as client:
            assert client.ask(post(body, path=path), "POST").status == 202

    tell(initialize(0))
    assert stream.message()["id"] == 0
    tell(message("hold", '{"n":1}', 1))
    tell(message("echo", None, 2))
    assert stream.message()["id"] == 2
    mcp.drain()
    tell(message("release", None, 3))
    assert stream.message()["id"] == 1 and stream.message()["id"] == 3
    assert stream.message() is None
    assert mcp.end()["forced"] == []
