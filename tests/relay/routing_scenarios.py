# SPDX-License-Identifier: Apache-2.0
"""What goes from whom to whom: the bytes of each frame as they were, in order, to nobody else."""

from relay import *

VALUES = ["{}", "[]", '""', "0", "-1.50e+3", "null", "true", '"\\ud83d\\ude00 \\u0000"', '{"a":1,"a":2}', "123456789012345678901234567890", ' [ 1 ,\n2 ] ', '"\u65e5\u672c"']
NO_JSON = ["", " ", "{", "{}{}", "nul", "01", '"\\x"', "'a'", '{"a":}', "[1,]", "\ufeff{}", "{} x"]
NO_ENVELOPES = [
    "{", "[]", "1", '""', "{}", '{"conn_id":"nobody","frame":1}', '{"frame":1}', '{"conn_id":1,"frame":1}', '{"conn_id":null,"frame":1}',
    '{"conn_id":NAME}', '{"conn_id":NAME,"close_code":"x"}', '{"conn_id":NAME,"close_code":1.5}', '{"conn_id":NAME,"close_code":99}',
    '{"conn_id":NAME,"close_code":1005}', '{"conn_id":NAME,"close_code":5000}', '{"conn_id":NAME,"frame":1}x', '{"conn_id":NAME,"frame":}',
]  # fmt: skip


@faces(PLAIN, TLS_THREADS)
def test_routing_bytes_stay_as_they_are_in_both_directions(face):
    relay = Relay(face)
    server, phone = relay.pair()
    for value in VALUES:
        phone.say(value)
        server.got(phone.name, value)
        server.tell(phone.name, value)
        assert phone.text() == value.strip(), value
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_routing_messages_of_all_sizes_and_in_pieces(face):
    relay = Relay(face)
    server, phone = relay.pair()
    for size in 0, 1, 100, 125, 126, 4096, 65533, 65536, 262142:
        value = json.dumps("x" * size)
        phone.say(value)
        server.got(phone.name, value)
        if size < 262000:  # the envelope counts too
            server.tell(phone.name, value)
            assert phone.text() == value
    text = '{"text":"\u65e5\u672c\u8a9e"}'.encode()
    for at in range(1, len(text)):
        phone.send(frames.TEXT, text[:at], fin=False).send(frames.PING, b"?").send(frames.CONTINUATION, text[at:])
        server.got(phone.name, text.decode())
        assert phone.frame().opcode == frames.PONG
    phone.send(frames.BINARY, text)
    server.got(phone.name, text.decode())
    for byte in frames.frame(frames.TEXT, text, masked=True):
        phone.client.send(bytes([byte]))
    server.got(phone.name, text.decode())
    relay.stop()


@faces(PLAIN)
def test_routing_a_client_that_says_no_json_is_closed(face):
    relay = Relay(face)
    server = relay.server().held()
    for text in NO_JSON:
        phone = relay.connect().known(server)
        phone.say("1").say(text).say("2")
        server.got(phone.name, "1")
        phone.assert_closed(1000)
        assert server.notice() == (phone.name, 1000), text
    relay.connect().known(server)
    relay.stop()


@faces(PLAIN)
def test_routing_envelopes_that_are_none_are_dropped(face):
    relay = Relay(face)
    server, phone = relay.pair()
    for text in NO_ENVELOPES:
        server.say(text.replace("NAME", json.dumps(phone.name)))
    server.send(frames.BINARY, b"\xff\xfe")
    server.tell(phone.name, '"still here"')
    assert phone.text() == '"still here"'
    assert relay.metrics()["curfew_relay_messages_dropped_total"] == len(NO_ENVELOPES) + 1
    lines = relay.lines(event="not_routed")
    assert not any("nobody" in line["reason"] for line in lines), lines
    relay.stop()


@faces(PLAIN)
def test_routing_envelopes_may_say_more_and_say_it_otherwise(face):
    relay = Relay(face)
    server, phone = relay.pair()
    name = json.dumps(phone.name)
    escaped = '"' + "".join(f"\\u{ord(char):04x}" for char in phone.name) + '"'
    for text in (
        f'{{"frame":7,"conn_id":{name}}}',
        f' {{ "x" : {{"conn_id":"y","frame":1}} , "conn_id" : {name} , "frame" : 7 , "z":[] }} ',
        f'{{"conn_id":{escaped},"frame":7}}',
        f'{{"conn_id":"other","conn_id":{name},"frame":6,"frame":7}}',
        f'{{"conn\\u005fid":{name},"fr\\u0061me":7}}',
    ):
        server.say(text)
        assert phone.text() == "7", text
    relay.stop()


@faces(PLAIN, THREADS)
def test_routing_a_server_reaches_its_own_clients_only(face):
    relay = Relay(face)
    one, phone = relay.pair("one")
    two, other = relay.pair("two")
    two.tell(phone.name, '"not yours"').tell(other.name, "1")
    assert other.text() == "1"
    one.tell(phone.name, "2")
    assert phone.text() == "2"
    until(lambda: relay.lines(event="not_routed"), "it is logged")
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_routing_a_server_closes_a_client(face):
    """The frame first, then the close; the server is not told what it asked for."""
    relay = Relay(face)
    server, phone = relay.pair()
    server.say({"conn_id": phone.name, "frame": "bye", "close_code": 4000})
    assert phone.text() == '"bye"'
    phone.say('"too late"').assert_closed(4000)
    other = relay.connect().known(server)
    server.say({"conn_id": other.name, "close_code": 1000})
    other.assert_closed(1000)
    server.tell(phone.name, "1").tell(other.name, "1")
    relay.connect().known(server)
    assert server.client.silent(), "a notice that nobody asked for"
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_routing_a_client_that_goes_is_told_of_behind_its_last_frame(face):
    relay = Relay(face)
    server = relay.server().held()
    for code in 1000, 1001, 3000, 4999:
        phone = relay.connect().known(server)
        phone.say("1").say("2").leave(code)
        server.got(phone.name, "1").got(phone.name, "2")
        assert server.notice() == (phone.name, code)
    for end in "reset", "close":
        phone = relay.connect().known(server)
        getattr(phone.client, end)()
        assert server.notice() == (phone.name, 1001), end
    phone = relay.connect().known(server)
    phone.client.send(frames.frame(frames.CLOSE, b"", masked=True))
    assert server.notice() == (phone.name, 1001), "no code"
    relay.until_counts(1, 0)
    relay.stop()


@faces(PLAIN)
def test_routing_sixteen_clients_of_one_server_and_no_more(face):
    relay = Relay(face)
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(16)]
    assert len({phone.name for phone in phones}) == 16
    relay.connect().assert_closed(TOO_MANY)
    for phone in phones:
        server.tell(phone.name, json.dumps(phone.name))
    for phone in phones:
        assert phone.text() == json.dumps(phone.name)
    phones[3].leave()
    assert server.notice() == (phones[3].name, 1000)
    relay.connect().known(server)
    assert relay.metrics()['curfew_relay_register_failures_total{kind="too_many_clients"}'] == 1
    relay.stop()


@faces(PLAIN)
def test_routing_max_clients_can_be_set(face):
    relay = Relay(face, "--max-clients 1")
    server, _ = relay.pair()
    relay.connect().assert_closed(TOO_MANY)
    assert server.client.silent()
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_routing_bytes_behind_the_handshake_are_not_lost(face):
    """What a client sends in one segment with its request, before the 101."""
    relay = Relay(face)
    server = relay.server().held()
    for number in range(8):
        phone = Phone.__new__(Phone)
        phone.relay, phone.id, phone.client = relay, "desk", relay.client()
        relay.peers.append(phone)
        early = frames.frame(frames.TEXT, b'"early"', masked=True) + frames.frame(frames.TEXT, b"2", masked=True)
        phone.client.send(handshake("/v1/client", *fields_of("client", "desk")) + early)
        phone.opened()
        first = server.envelope()
        assert first["frame"] == "early", first
        server.got(first["conn_id"], "2")
        server.tell(first["conn_id"], str(number))
        assert phone.text() == str(number)
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_routing_keeps_the_order_of_each_connection(face):
    """Sequence numbers in both directions, of eight clients at once."""
    relay = Relay(face)
    server = relay.server().held()
    phones = [relay.connect().known(server) for _ in range(8)]
    count = 300
    for number in range(count):
        for phone in phones:
            phone.say(str(number))
    came = {phone.name: 0 for phone in phones}
    for _ in range(count * len(phones)):
        envelope = server.envelope()
        assert envelope["frame"] == came[envelope["conn_id"]], envelope
        came[envelope["conn_id"]] += 1
        server.tell(envelope["conn_id"], str(envelope["frame"]))
    for phone in phones:
        assert [int(phone.text()) for _ in range(count)] == list(range(count))
    metrics = relay.metrics()
    assert metrics['curfew_relay_frames_forwarded_total{direction="to_server"}'] == (count + 1) * len(phones), metrics
    assert metrics['curfew_relay_frames_forwarded_total{direction="to_client"}'] == count * len(phones)
    relay.stop()
