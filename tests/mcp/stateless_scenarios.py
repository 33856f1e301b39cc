# SPDX-License-Identifier: Apache-2.0
"""The stateless era, 2026-07-28: each request on its own, before children of either era."""

import concurrent.futures
import contextlib

from actors import servers
from mcp import *

VERSION = "2026-07-28"
META = "io.modelcontextprotocol/"
ELICITS = {"elicitation": {}}


def server(kind="session"):
    return [sys.executable, str(ROOT / "tests" / "mcp" / "stateless_child.py"), kind]


def request(method, params=None, id=1, capabilities=None, fields=(), **meta):
    """The bytes of a request of this era; meta: more of it, by names without their prefix."""
    params = dict(params or {})
    own = {"protocolVersion": VERSION, "clientCapabilities": capabilities or {}, **meta}
    params["_meta"] = {name if name == "progressToken" else META + name: value for name, value in own.items()}
    named = params.get("name") or params.get("uri")
    heads = [f"MCP-Protocol-Version: {VERSION}", f"Mcp-Method: {method}", *([f"Mcp-Name: {named}"] if named else []), *fields]
    return post(message(method, json.dumps(params), json.dumps(id)), *heads)


class Era(Mcp):
    def ask(self, *arguments, **options):
        with self.client() as client:
            return Reply(client.ask(request(*arguments, **options), "POST"))

    def tool(self, name, arguments=None, **options):
        """What a call of a tool results in."""
        reply = self.ask("tools/call", {"name": name, "arguments": arguments or {}}, **options)
        assert reply.status == 200, reply.answer
        return reply.messages[-1]["result"]

    def begin(self, name, **options):
        return self.client().send(request("tools/call", {"name": name}, **options))

    def hold(self, **options):
        """A call that is in flight at its child for certain: it has said something."""
        stream = Stream(self.begin("hold", logLevel="debug", **options))
        assert stream.message()["method"] == "notifications/message"
        return stream

    def calls_begun(self):
        found = self.metrics()
        return found["curfew_mcp_calls_in_flight"] + sum(count for name, count in found.items() if name.startswith("curfew_mcp_calls_total"))

    def idle(self):
        """Waits until no child is left."""
        until(lambda: not self.keepers(), "no child is left")


@faces(*BOTH)
def test_each_request_has_a_child_of_its_own(face):
    mcp = Era(face, command=server())
    first, second = mcp.tool("a"), mcp.tool("a")
    assert first["pid"] != second["pid"] and first["resultType"] == "complete", (first, second)
    mcp.idle()
    mcp.stop()


@faces(PLAIN)
def test_the_child_is_told_of_the_client(face):
    mcp = Era(face, "--header-env X-Key=KEY", command=server())
    info = {"name": "me", "version": "7"}
    told = mcp.tool("a", capabilities=ELICITS, clientInfo=info)["told"]["initialize"]
    assert told["capabilities"] == ELICITS and told["clientInfo"] == info, told
    assert mcp.tool("environment", {"name": "KEY"}, fields=["X-Key: k"])["value"] == "k"
    mcp.stop()


@faces(PLAIN)
def test_children_of_a_pool_are_initialized_once_and_serve_one_at_a_time(face):
    mcp = Era(face, "--stateless-pool 2", command=server())
    told = mcp.tool("a", capabilities=ELICITS)["told"]["initialize"]
    assert told["capabilities"] == {} and told["clientInfo"]["name"] == "curfew", told
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pids = {result["pid"] for result in pool.map(lambda n: mcp.tool("a"), range(32))}
    assert len(pids) <= 2 and len(mcp.keepers()) <= 2, pids
    mcp.stop()


@faces(PLAIN)
@slow
def test_a_pool_that_is_busy_is_waited_for(face):
    mcp = Era(face, "--stateless-pool 1", command=server())
    stream = mcp.hold()
    later = mcp.begin("a")
    assert later.silent()
    stream.client.close()  # cancels; a child that does not answer that is ended, and another one started
    assert reply_of(later).only()["result"]["resultType"] == "complete"
    mcp.stop()


@faces(PLAIN)
@slow
def test_what_waits_for_a_child_has_a_bound(face):
    """64 MiB of it; and what is refused is logged."""
    mcp = Era(face, "--stateless-pool 1", command=server())
    stream = mcp.hold()
    clients, long = [], request("tools/call", {"name": "a", "arguments": {"x": "y" * 8000000}})
    for _ in range(9):
        clients.append(mcp.client())
        clients[-1].send_while_possible(long)
    until(lambda: not all(client.silent() for client in clients), "one is refused: which one, the scheduler decides")
    (refused,) = (client for client in clients if not client.silent())
    assert reply_of(refused).status == 503
    assert "too many long messages" in mcp.told(event="refused")[0]["reason"]
    for client in [stream.client, *clients]:
        client.close()
    mcp.idle()
    mcp.stop()


@faces(PLAIN)
def test_discovery_is_answered_for_children_of_sessions(face):
    mcp = Era(face, command=server())
    for id in (1, "two"):  # by a child that is started for it, and by what that one has said
        answered = mcp.ask("server/discover", id=id).only()
        result = answered["result"]
        assert answered["id"] == id and result["supportedVersions"] == [VERSION], answered
        assert result["capabilities"] == {"tools": {"listChanged": False}, "resources": {"subscribe": False}, "logging": {}}
        assert result["_meta"][META + "serverInfo"]["name"] == "child", answered
    mcp.stop()


@faces(PLAIN)
@slow
def test_children_that_do_not_take_the_question_of_their_era(face):
    for kind in ("fragile", "silent"):
        mcp = Era(face, command=server(kind))
        assert mcp.tool("a")["told"]["initialize"], kind
        assert mcp.tool("a")["told"]["initialize"], kind
        mcp.stop()


@faces(PLAIN)
def test_children_of_the_era_get_and_give_everything_as_it_is(face):
    mcp = Era(face, command=server("era"))
    result = mcp.tool("a")
    assert "resultType" not in result and not result["told"]["initialize"], result
    assert result["params"]["_meta"] == {META + "protocolVersion": VERSION, META + "clientCapabilities": {}}
    assert mcp.ask("server/discover").only()["result"]["capabilities"] == {}
    assert mcp.ask("nothing").status == 404
    mcp.stop()


@faces(PLAIN)
def test_statuses(face):
    mcp = Era(face, command=server())
    for code, status, reply in [
        (-32602, 400, mcp.ask("tools/list", clientCapabilities=None)),
        (-32020, 400, mcp.ask("tools/list", fields=["Mcp-Method: tools/call"])),
        (-32020, 400, mcp.ask("tools/list", fields=["MCP-Protocol-Version: 2025-11-25"])),
        (-32020, 400, mcp.ask("tools/call", {"name": "a"}, fields=["Mcp-Name: b"])),
        (-32022, 400, mcp.ask("tools/list", protocolVersion="v9", fields=["MCP-Protocol-Version: v9"])),
        (-32601, 404, mcp.ask("ping")),
        (-32601, 404, mcp.ask("nothing")),
        (-32602, 200, mcp.ask("resources/read", {"uri": "a:b"})),
    ]:
        assert reply.status == status and reply.error()["code"] == code and reply.messages[0]["id"] == 1, reply.answer
    with mcp.client() as client:
        note = client.ask(post(message("notifications/x"), f"MCP-Protocol-Version: {VERSION}"), "POST")
        assert note.status == 202 and not note.body, note
        bare = Reply(client.ask(post(message("tools/list", id=1), f"MCP-Protocol-Version: {VERSION}"), "POST"))
        assert bare.status == 400 and bare.error()["code"] == -32602, bare.answer
        other = Reply(client.ask(post('{"jsonrpc":"2.0","id":1,"result":{}}', f"MCP-Protocol-Version: {VERSION}"), "POST"))
        assert other.status == 400 and other.error()["code"] == -32600 and "id" not in other.messages[0], other.answer
    refused = until(lambda: len(lines := mcp.lines(event="refused")) >= 8 and lines, "each is logged")
    assert [line["status"] for line in refused] == ["400"] * 5 + ["404"] + ["400"] * 2, refused
    assert refused[4]["reason"] == "this protocol version is not supported", refused
    mcp.stop()


@faces(*BOTH)
def test_what_belongs_to_a_request_is_on_its_stream(face):
    mcp = Era(face, command=server())
    reply = mcp.ask("tools/call", {"name": "tell"}, logLevel="info", progressToken="T")
    methods = [m.get("method", "").removeprefix("notifications/") for m in reply.messages]
    assert reply.is_stream and methods == ["message", "progress", "own", ""], reply.texts
    assert reply.messages[1]["params"]["progressToken"] == "T" and reply.messages[-1]["result"]["told"]["level"] == "info"
    assert b"\nid:" not in reply.answer.body, reply.answer.body
    methods = [m.get("method") for m in mcp.ask("tools/call", {"name": "tell"}).messages]
    assert "notifications/message" not in methods, methods
    mcp.stop()


@faces(PLAIN)
def test_lists_say_that_they_are_stale_at_once(face):
    mcp = Era(face, command=server())
    result = mcp.ask("tools/list").only()["result"]
    assert result["ttlMs"] == 0 and result["cacheScope"] == "private", result
    mcp.stop()


@faces(*BOTH)
def test_a_client_that_leaves_cancels(face):
    mcp = Era(face, command=server())
    streams = [mcp.hold(), mcp.hold()]
    streams[0].client.close()
    streams[1].client.reset()
    mcp.idle()
    mcp.begin("hold").close()  # without an answer that has begun
    mcp.idle()
    mcp.stop()


@faces(PLAIN)
def test_a_child_that_dies_is_told(face):
    mcp = Era(face, command=server())
    error = mcp.ask("tools/call", {"name": "exit"}, id="x").only()
    assert error["id"] == "x" and error["error"]["code"] == -32603 and "code 3" in error["error"]["message"], error
    mcp.stop()
    mcp = Era(face, command=["false"])
    assert mcp.ask("tools/list").error()["code"] == -32603
    mcp.stop()


@faces(PLAIN)
def test_the_request_timeout_ends_call_and_child(face):
    mcp = Era(face, "--request-timeout 300ms", command=server())
    assert mcp.ask("tools/call", {"name": "hold"}).error()["code"] == -32603
    mcp.idle()
    mcp.stop()


@faces(PLAIN)
def test_as_many_children_as_sessions(face):
    mcp = Era(face, "--max-sessions 2", command=server())
    streams = [mcp.hold(), mcp.hold()]
    later = mcp.begin("a")
    assert later.silent()
    streams[0].client.close()
    assert reply_of(later).status == 200
    streams[1].client.close()
    mcp.stop()


# What a child asks for


def come_back(mcp, name, result, responses, id=2, **options):
    return mcp.ask("tools/call", {"name": name, "requestState": result["requestState"], "inputResponses": responses}, id=id, capabilities=ELICITS, **options)


@faces(*BOTH)
def test_what_a_child_asks_for_is_a_result_with_which_its_client_comes_back(face):
    mcp = Era(face, command=server())
    first = mcp.tool("ask", capabilities=ELICITS)
    assert first["resultType"] == "input_required", first
    assert first["inputRequests"] == {"1": {"method": "elicitation/create", "params": {"message": "name?"}}}
    again = come_back(mcp, "ask", first, {}).only()["result"]
    assert again["inputRequests"] == first["inputRequests"] and again["requestState"] != first["requestState"]
    assert come_back(mcp, "ask", first, {}).status == 400, "a state is good for once"
    assert come_back(mcp, "other", again, {}).status == 400, "and for its request"
    second = come_back(mcp, "ask", again, {"1": {"action": "accept", "content": {"a": 1}}, "9": {}}).only()["result"]
    assert list(second["inputRequests"]) == ["2"], second
    last = come_back(mcp, "ask", second, {"2": {"action": "decline"}}, id="end").only()
    assert last["id"] == "end" and last["result"]["resultType"] == "complete", last
    replies = last["result"]["replies"]
    assert [reply["id"] for reply in replies] == ["q1", "q2"] and replies[0]["result"]["content"] == {"a": 1}, replies
    mcp.idle()
    mcp.stop()


@faces(PLAIN)
def test_only_what_the_client_can_is_asked_of_it(face):
    mcp = Era(face, command=server())
    for options in ({}, {"capabilities": {"roots": {}}}):
        assert [reply["error"]["code"] for reply in mcp.tool("ask", **options)["replies"]] == [-32601, -32601]
    result = mcp.tool("ask both", capabilities=ELICITS)  # roots are refused meanwhile
    last = come_back(mcp, "ask both", result, {"1": {"action": "accept"}}).only()["result"]
    assert {reply["id"]: "error" in reply for reply in last["replies"]} == {2: True, 1: False}, last
    mcp.stop()


@faces(PLAIN)
def test_states_that_are_not_ours_are_refused(face):
    mcp = Era(face, command=server())
    result = mcp.tool("ask", capabilities=ELICITS)
    forged = result["requestState"][:-1] + ("A" if result["requestState"][-1] != "A" else "B")
    for state in (forged, "", "x", "y" * 500):
        reply = come_back(mcp, "ask", {"requestState": state}, {})
        assert reply.status == 400 and reply.error()["code"] == -32602, reply.answer
    for key in "1", "2":
        result = come_back(mcp, "ask", result, {key: {"action": "accept"}}).only()["result"]
    assert result["resultType"] == "complete", result
    mcp.stop()


@contextlib.contextmanager
def stopped(child):
    """It does nothing, for longer than the end of a listener takes."""
    os.kill(child, signal.SIGSTOP)
    yield
    began = now()
    until(lambda: now() - began > 0.3, "a listener would have closed")
    os.kill(child, signal.SIGCONT)


@faces(*BOTH)
def test_the_listeners_stay_open_for_those_who_have_to_come_back(face):
    """As often as they are asked, however long the child takes to ask."""
    mcp = Era(face, command=server())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reply = pool.submit(mcp.ask, "tools/call", {"name": "ask", "arguments": {}}, capabilities=ELICITS)
        (child,) = until(lambda: servers(mcp), "its child is there")
        with stopped(child):
            mcp.signal()
        result = reply.result().only()["result"]
        with stopped(child):
            reply = pool.submit(come_back, mcp, "ask", result, {"1": {"action": "accept"}})
            until(lambda: mcp.metrics()["curfew_mcp_calls_in_flight"] == 1, "it has come back")
        result = reply.result().only()["result"]
    result = come_back(mcp, "ask", result, {"2": {"action": "accept"}}, id=3).only()["result"]
    assert result["resultType"] == "complete", result
    wire.until_refused(mcp.address)
    mcp.end()


# The end


@faces(*BOTH)
def test_calls_in_flight_are_finished(face):
    for options in ("", "--stateless-pool 3"):
        mcp = Era(face, options, command=server())
        clients = [mcp.begin("a", id=n) for n in range(3)]
        until(lambda: mcp.calls_begun() == 3, "they have come")
        mcp.signal()
        for n, client in enumerate(clients):
            assert reply_of(client).only()["id"] == n
        assert not mcp.end()["forced"]


@faces(PLAIN)
def test_what_does_not_finish_is_told_and_counted(face):
    mcp = Era(face, "--grace 6s", command=server())
    stream, quiet = mcp.hold(id="s"), mcp.begin("hold", id="q")
    until(lambda: len(mcp.keepers()) == 2, "both have a child")
    mcp.signal()
    last = stream.message()
    assert last["id"] == "s" and "shutting down" in last["error"]["message"] and stream.message() is None, last
    reply = reply_of(quiet)
    assert reply.status == 503 and reply.messages[0]["id"] == "q", reply.answer
    report = mcp.end()
    assert [forced["name"] for forced in report["forced"]] == ["tools/call"] * 2, report
    assert report["counts"]["requests_forced"] == 2 and report["counts"]["requests_drained"] == 0, report


@faces(PLAIN)
def test_subscriptions_leave_the_pool_to_others(face):
    mcp = Era(face, "--stateless-pool 1", command=server("era"))
    streams = [Stream(mcp.client().send(request("subscriptions/listen", {"notifications": {}}, id="sub"))) for _ in range(3)]
    assert all("subscriptions/acknowledged" in stream.message()["method"] for stream in streams)
    assert "result" in reply_of(mcp.client().send(request("tools/list", {}, id=1))).messages[-1]
    mcp.signal()
    mcp.end()


@faces(PLAIN)
def test_subscriptions_end_with_the_server(face):
    mcp = Era(face, command=server("era"))
    stream = Stream(mcp.client().send(request("subscriptions/listen", {"notifications": {}}, id="sub")))
    acknowledged = stream.message()
    assert acknowledged["params"]["_meta"][META + "subscriptionId"] == "sub", acknowledged
    mcp.signal()
    last = stream.message()
    assert last["id"] == "sub" and last["result"]["_meta"][META + "subscriptionId"] == "sub", last
    assert stream.message() is None
    mcp.end()
