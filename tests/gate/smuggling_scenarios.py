# SPDX-License-Identifier: Apache-2.0
"""The table of ambiguous messages: what the client gets, and what the origin sees of it."""

from gate import *
from smuggling_table import BROKEN, NONSENSE, READ, REFUSED, REFUSED_BODIES, SMUGGLED
from wire import Ended, get, request, unchunked


def refusal(gate, text, statuses):
    """Sends this; returns what is wrong with how it was refused, or nothing."""
    with gate.client() as client:
        try:
            client.send(text + SMUGGLED)
            answer = client.answer()
        except (Ended, ConnectionError) as end:
            return f"no answer, but {end}"
        except AssertionError as mistake:
            return str(mistake)
        if answer.status not in statuses or not answer.whole:
            return f"{answer}, not {statuses}"
        if not answer.says_close():
            return f"does not say close: {answer}"
        rest = client.rest()
        return f"then {client.ended} {rest[:200]!r}" if rest or client.ended != "closed" else None


def refuse_all(face, rows):
    """Returns the gate and the origin's view: the requests that it got of these rows."""
    gate = Gate(face)
    wrong = [f"{name}: {mistake}" for name, text, *status in rows if (mistake := refusal(gate, text, status or [400]))]
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)
    assert gate.get("/body").status == 200, "the gate goes on"
    assert not gate.origin.requests("/smuggled")
    return gate


@faces(PLAIN, TLS)
def test_smuggling_what_is_ambiguous_is_refused_and_nobody_sees_it(face):
    gate = refuse_all(face, [row for row in REFUSED if not (face.tls and "TLS" in row[0])])
    seen = [event for event in gate.origin.requests() if event["path"] != "/body"]
    assert not seen, seen
    gate.stop()


@faces(PLAIN, TLS)
def test_smuggling_a_body_that_is_none_is_never_whole_at_the_origin(face):
    gate = refuse_all(face, REFUSED_BODIES)
    assert not gate.origin.events("body", path="/bad") and not gate.origin.events("answered", path="/bad")
    paths = {event["path"] for event in gate.origin.requests()}
    assert paths <= {"/bad", "/body"}, paths
    left = [event["left"] for event in gate.origin.events("closed") if "HTTP/1.1" in event["left"]]
    assert not left, left
    gate.stop()


def reading(gate, text, begins, framing, content):
    """Sends a request and one behind it; returns what is wrong with the origin's copy, or nothing."""
    with gate.client() as client:
        answer = client.ask(text + get("/body?next"))
        head, _, body = answer.body.partition(b"\r\n\r\n")
        fields = [line.lower().split(": ") for line in head.decode("latin-1").split("\r\n")[1:]]
        framed = [tuple(field) for field in fields if field[0] in ("content-length", "transfer-encoding")]
        if not answer.body.startswith(begins) or answer.status != 200:
            return f"begins with {answer}"
        if framed not in ([framing] if framing else [], [framing or ("content-length", "0")]):
            return f"is framed by {framed}"
        if framing and framing[0] == "transfer-encoding":
            body = unchunked(body)[0]
        if body != content:
            return f"has the body {body!r}"
        return None if client.whole().status == 200 else "the next request was lost"


@faces(PLAIN)
def test_smuggling_the_rest_has_one_reading(face):
    gate = Gate(face)
    wrong = [f"{row[0]}: {mistake}" for row in READ if (mistake := reading(gate, *row[1:]))]
    assert not wrong, "\n".join(wrong)
    assert not [event for event in gate.origin.requests() if event["path"] == "/smuggled"]
    gate.stop()


def test_smuggling_the_table_is_long():
    names = [row[0] for row in REFUSED]
    assert len(names) == len(set(names))
    assert len(REFUSED) + len(REFUSED_BODIES) + len(READ) >= 60


@faces(PLAIN)
def test_smuggling_bytes_in_any_cut_are_refused_the_same(face):
    """A few rows, cut at every place into two segments."""
    gate = Gate(face)
    for row in [row for row in REFUSED if row[0] in ("length, then coding", "folded by a space", "CR CR LF", "two Hosts")]:
        for cut in range(1, len(row[1])):
            with gate.client() as client:
                client.send(row[1][:cut])
                try:
                    client.send(row[1][cut:] + SMUGGLED)
                    answer = client.answer()
                    assert answer.status == row[2] and client.rest() == b"", (row[0], cut, answer)
                except (BrokenPipeError, ConnectionResetError):  # refused at the first part, and closed
                    assert cut > 0
    assert not gate.origin.requests()
    gate.stop()


@faces(PLAIN, TLS)
def test_smuggling_a_client_that_ends_within_a_request(face):
    """It gets 400 or a close; the origin sees nothing of a head, and no whole body."""
    gate = Gate(PLAIN if face is PLAIN else THREADS)
    cuts = [b"GET /bad HTTP/1.1\r\nHo", b"POST /bad HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\n\r\nabc"]
    cuts.append(b"POST /bad HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n")
    for text in cuts:
        with gate.client() as client:
            client.send(text).shut()
            rest = client.rest()
            assert rest == b"" or rest.startswith(b"HTTP/1.1 400 "), rest
    assert gate.get("/body").status == 200
    assert not gate.origin.events("body", path="/bad") and not gate.origin.events("answered", path="/bad")
    gate.stop()


def answers_502(gate, text):
    with gate.client() as client:
        try:
            answer = client.ask(request("POST", "/say?then=close", body=text), within=10)
        except (Ended, AssertionError) as mistake:
            return repr(mistake)
        return None if answer.status == 502 and len(answer.body) > 0 else f"{answer}"


@faces(PLAIN, TLS)
def test_smuggling_nonsense_of_the_origin_is_502(face):
    gate = Gate(face)
    wrong = [f"{name}: {mistake}" for name, text in NONSENSE if (mistake := answers_502(gate, text))]
    assert not wrong, f"{len(wrong)} of {len(NONSENSE)}:\n" + "\n".join(wrong)
    assert gate.get("/body").status == 200
    gate.stop()


@faces(PLAIN, TLS)
def test_smuggling_a_broken_answer_does_not_look_whole(face):
    gate = Gate(face)
    for name, text in BROKEN:
        with gate.client() as client:
            client.send(get(f"/raw/{text.hex()}?then=keep"))
            try:
                answer = client.answer()
                assert answer.status == 502 or not answer.whole, f"{name}: {answer}"
            except Ended as end:
                assert end.how in ("reset", "cut"), f"{name}: {end}"
    assert gate.get("/body").status == 200
    gate.stop()


@faces(PLAIN)
def test_smuggling_what_the_origin_says_unasked_reaches_nobody(face):
    """Bytes behind an answer, or on an idle connection, must not become the next client's answer."""
    gate = Gate(face)
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    for first in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
        with gate.client() as client:
            for _ in range(5):
                answer = client.get(f"/raw/{(first + poison).hex()}?then=keep")
                assert (answer.status, answer.body) == (200, b"ok"), answer
                answer = client.get("/body")
                assert (answer.status, answer.body) != (200, b"poison"), "the next request got what it did not ask for"
    gate.stop()
