# SPDX-License-Identifier: Apache-2.0
"""Messages on their way to a child and back: whose they are, and that not a byte of them changes."""

from mcp import *

# Texts of params, each of which comes to the child and back as it is.
ODD = [
    '{"n":9007199254740993}',
    '{"n":123456789012345678901234567890,"m":-0,"e":1E400,"f":1.0,"g":1e-07}',
    '{"b":1,"a":2,"b":3}',
    '{ "spaces" : [ 1 , 2 ],"tab":\t0}',
    r'{"escapes":"\u0041\/\u00e9\ud83d\ude00\b\f\n\r\t\"\\"}',
    r'{"lone":"\ud83d"}',
    '{"raw":"é😀\x7f"}',
    '{"id":1,"method":"x","jsonrpc":"1.0","result":{"id":2},"params":{"id":3}}',
    r'{"\u0069d":7,"":null}',
    "[[[[[[[[[[]]]]]]]]]]",
]
IDS = ["1", '"1"', '"a\\"b"', r'"\u0031"', "9007199254740993", "-5", "0", '""', '"' + "x" * 200 + '"', "1.5", "1E2"]


@faces(*BOTH)
def test_what_is_not_an_id_is_passed_on_byte_for_byte(face):
    mcp = Mcp(face)
    session = mcp.session()
    for params in ODD:
        text, _ = session.ask("echo", params).got()
        assert f'"params":{params}}}' in text, f"{params} has become {text}"
    mcp.stop()


@faces(*BOTH)
def test_ids_come_back_as_they_were(face):
    mcp = Mcp(face)
    session = mcp.session()
    for id in IDS:
        reply = session.ask("echo", id=id)
        assert f'"id":{id},"result"' in reply.texts[0].replace(" ", ""), f"{id}: {reply.texts}"
    mcp.stop()


@faces(*BOTH)
def test_duplicate_ids_in_flight_do_not_collide(face):
    """Of one session, and of several: each request gets its own answer, and the child sees as many ids."""
    mcp = Mcp(face)
    sessions = mcp.sessions(2)
    clients = [(session, n, held(session, n, id=1)) for session in sessions for n in range(10)]
    for session in sessions:
        session.ask("release", id=1)
    seen = {session.id: set() for session in sessions}
    for session, n, client in clients:
        reply = reply_of(client)
        assert reply.only()["id"] == 1, reply.texts
        line = reply.got()[1]
        assert line["params"]["marker"] == n, f"the answer of {line['params']} came to {n}"
        seen[session.id].add(line["id"])
    assert all(len(ids) == 10 for ids in seen.values()), seen
    mcp.stop()


@faces(*BOTH)
def test_a_cancellation_reaches_the_child_with_the_childs_id(face):
    mcp = Mcp(face)
    session = mcp.session()
    stream = session.listen()
    other, client = held(session, 1, id='"x"'), held(session, 2, id='"y"')
    session.tell(message("notifications/cancelled", '{"requestId":"y","reason":"n\\u006f"}'))
    released = session.ask("release")
    reply, others = reply_of(client), reply_of(other)
    line = reply.got()[1]
    told = next(told for told in session.seen(stream, released, reply, others) if told["method"] == "notifications/cancelled")
    assert told["method"] == "notifications/cancelled" and told["params"]["reason"] == "no", told
    assert told["params"]["requestId"] == line["id"], f"{told} is not about {line}"
    assert others.got()[1]["params"]["marker"] == 1
    mcp.stop()


@faces(PLAIN)
def test_a_cancellation_of_nothing_does_not_hit_another(face):
    """An id that is not in flight, and one of another session."""
    mcp = Mcp(face)
    session, other = mcp.sessions(2)
    stream = session.listen()
    client = held(session, 1, id=5)
    other.tell(message("notifications/cancelled", '{"requestId":5}'))
    for id in '"5"', "6", "0", "1", "2":
        session.tell(message("notifications/cancelled", f'{{"requestId":{id}}}'))
    released = session.ask("release")
    reply = reply_of(client)
    mine = reply.got()[1]["id"]
    told = [told["params"]["requestId"] for told in session.seen(stream, released, reply) if "params" in told]
    assert mine not in told, told
    mcp.stop()


@faces(*BOTH)
def test_progress_comes_with_the_clients_own_token(face):
    """Two requests with the same token, and one with a number that no double holds."""
    mcp = Mcp(face)
    session = mcp.session()
    for token in '"t"', "9007199254740993", r'"\u0074"':
        replies = [session.ask("progress 3", f'{{"_meta":{{"progressToken":{token}}}}}') for _ in range(2)]
        tokens = set()
        for reply in replies:
            assert reply.is_stream and len(reply.messages) == 4, reply.texts
            for text, count in zip(reply.texts, (1, 2, 3)):
                compact = text.replace(" ", "")
                assert f'"progressToken":{token},"progress":{count}' in compact, text
            tokens.add(reply.got()[1]["params"]["_meta"]["progressToken"])
        assert len(tokens) == 2, f"the child has seen {tokens} for two requests"
    mcp.stop()


@faces(*BOTH)
def test_an_answer_alone_is_json_and_one_behind_others_a_stream(face):
    mcp = Mcp(face)
    session = mcp.session()
    assert not session.ask("echo").is_stream
    reply = session.ask("flood 3 10")
    assert reply.is_stream and [m.get("method") for m in reply.messages] == ["notifications/message"] * 3 + [None]
    mcp.stop()


@faces(*BOTH)
@slow
def test_a_stream_begins_after_5_s_without_a_message(face):
    """So that no proxy's limit of a head's time cuts a long call."""
    mcp = Mcp(face)
    session = mcp.session(protocol="2025-11-25")
    began = now()
    client = held(session)
    stream = Stream(client)
    assert 4.5 < now() - began < 10, now() - began
    first = stream.event()
    assert first.id and not first.data, first
    session.ask("release")
    assert stream.message()["result"]["got"]["method"] == "hold"
    assert stream.message() is None
    mcp.stop()


@faces(*BOTH)
def test_what_belongs_to_no_call_goes_to_the_get_stream_and_is_kept_without_one(face):
    mcp = Mcp(face)
    session = mcp.session()
    for number in range(5):
        session.tell(message("notifications/odd", f'{{"n":{number}}}'))
    stream = session.listen()
    said = [stream.seen() for _ in range(5)]
    assert [line["params"]["n"] for line in said] == [0, 1, 2, 3, 4], said
    session.tell(message("notifications/now"))
    assert stream.seen()["method"] == "notifications/now"
    mcp.stop()


@faces(PLAIN)
def test_each_message_goes_to_one_stream_only(face):
    mcp = Mcp(face)
    session = mcp.session()
    stream = session.listen()
    replies = [session.ask("flood 20 10") for _ in range(3)]
    in_posts = [m["params"]["number"] for reply in replies for m in reply.messages if "method" in m]
    session.tell(message("notifications/end"))
    in_stream = []
    while "number" in (found := stream.message())["params"] or found["params"]["method"] != "notifications/end":
        in_stream += [found["params"]["number"]] if "number" in found["params"] else []
    assert sorted(in_posts + in_stream) == sorted(list(range(20)) * 3), (in_posts, in_stream)
    mcp.stop()


@faces(*BOTH)
def test_a_request_of_the_childs_is_answered_by_a_post(face):
    mcp = Mcp(face)
    session = mcp.session()
    reply = session.ask("ask")
    asked = [m for m in reply.messages if m.get("method") == "ask"]
    assert len(asked) == 1 and reply.is_stream, reply.texts
    stream = session.listen()
    session.tell(f'{{"jsonrpc":"2.0","id":{json.dumps(asked[0]["id"])},"result":{{"n":9007199254740993}}}}')
    while "result" not in (line := stream.seen()):
        pass
    assert line["id"] == "q" and line["result"]["n"] == 9007199254740993, line
    mcp.stop()


@faces(*BOTH)
def test_a_second_get_replaces_the_first(face):
    mcp = Mcp(face)
    session = mcp.session()
    first = session.listen()
    session.tell(message("notifications/x"))
    first.seen()
    second = session.listen()
    assert first.message() is None
    session.tell(message("notifications/x"))
    assert second.seen()["method"] == "notifications/x"
    mcp.stop()


@faces(*BOTH)
def test_a_client_that_lost_its_stream_goes_on_where_it_was(face):
    mcp = Mcp(face)
    session = mcp.session()
    stream = session.listen()
    session.tell(message("notifications/x"))
    stream.seen()
    at = stream.id
    for number in range(3):
        session.tell(message("notifications/x", f'{{"n":{number}}}'))
    assert [stream.seen()["params"]["n"] for _ in range(3)] == [0, 1, 2]
    stream.client.reset()
    missed = 3
    session.tell(message("notifications/x", f'{{"n":{missed}}}'))
    while "notifications/seen" in [each.get("method") for each in session.ask("echo").messages]:
        missed += 1  # a child that is slow says it beside the answer: then nothing was missed
        session.tell(message("notifications/x", f'{{"n":{missed}}}'))
    again = session.listen(f"Last-Event-ID: {at}")
    assert [again.seen()["params"]["n"] for _ in range(4)] == [0, 1, 2, missed]
    mcp.stop()


@faces(*BOTH)
def test_a_client_that_left_in_a_call_gets_the_answer_by_last_event_id(face):
    """And leaving does not cancel it."""
    mcp = Mcp(face)
    session = mcp.session()
    client = session.begin("progress 2", '{"_meta":{"progressToken":1}}', id=7)
    stream = Stream(client)
    assert stream.message()["method"] == "notifications/progress"
    at = stream.id
    client.reset()
    again = session.listen(f"Last-Event-ID: {at}")
    assert again.message()["params"]["progress"] == 2
    assert again.message()["id"] == 7
    mcp.stop()


@faces(PLAIN)
def test_batches_only_where_the_protocol_has_them(face):
    mcp = Mcp(face)
    session = mcp.session()
    text = f"[{message('echo', '[1]', 1)},{message('notifications/x')},{message('echo', '[2]', 1)}]"
    reply = session.post(text, "MCP-Protocol-Version: 2025-03-26")
    answers = reply.messages[0] if not reply.is_stream else reply.messages
    flat = [one for each in answers for one in (each if isinstance(each, list) else [each])]
    flat = [one for one in flat if "method" not in one]
    assert [one["result"]["got"]["params"] for one in flat] == [[1], [2]], reply.texts
    assert {one["id"] for one in flat} == {1}
    assert session.post(text, "MCP-Protocol-Version: 2025-06-18").status == 400
    mcp.stop()


@faces(*BOTH)
def test_keep_alive_connections_carry_many_sessions(face):
    mcp = Mcp(face)
    sessions = mcp.sessions(5)
    with mcp.client() as client:
        for n in range(50):
            assert sessions[n % 5].ask("echo", f"[{n}]", client=client).got()[1]["params"] == [n]
    mcp.stop()
