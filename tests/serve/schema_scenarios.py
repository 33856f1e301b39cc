# SPDX-License-Identifier: Apache-2.0
"""Schemas, the id that is made of them, and what is wrong with a body, each with its exact place."""

from program import SCHEMAS
from serve import *

INJECTED = ("token", "usage", "message_channels", "filedata_meta")
GOOD = {
    "text": "t", "count": 1, "ratio": 1.5, "flag": True, "nothing": None, "path": "/p", "anything": [{}], "list": [1, 2],
    "points": [{"x": 1, "y": 2}, {"x": 3}], "map": {"a": 1}, "point": {"x": 4}, "either": "e", "perhaps": None, "colour": "red",
}  # fmt: skip
FILLED = {**GOOD, "points": [{"x": 1, "y": 2}, {"x": 3, "y": -1}], "point": {"x": 4, "y": -1}, "size": 2, "late": "some"}


def ordered(value):
    """As a list where the order of members counts."""
    return [(name, ordered(each)) for name, each in value.items()] if isinstance(value, dict) else value


# The schema


@faces(LIBRARY, PROCESS)
def test_schema_and_id_of_every_kind(face):
    """The same, whether a table in C or a program describes it, and its parameters in their order; the id as Python makes
    it of that, in each of several runs."""
    for function, (inputs, outputs) in SCHEMAS.items():
        for _ in range(2 if function == "kinds" else 1):
            serve = Serve(face, function=function)
            schema = serve.json("/schema")
            assert schema == {"inputs": inputs, "outputs": outputs}, (function, schema)
            if "properties" in inputs:
                assert list(schema["inputs"]["properties"]) == list(inputs["properties"]), schema
                assert schema["inputs"].get("required", []) == inputs.get("required", []), schema
            assert serve.json("/id") == identifier(inputs, outputs) == serve.json("/metadata")["identifier"], function
            serve.stop()


@faces(LIBRARY)
def test_schema_has_no_injected_parameter(face):
    """Nor has a request, the id, or any page; and a body that has them is as good as without."""
    for function in "act", "kinds", "nothing":
        serve = Serve(face, function=function)
        inputs = json.dumps(serve.json("/schema")["inputs"])
        openapi = serve.json("/openapi.json")
        body = json.dumps(openapi["paths"]["/invoke"]["post"].get("requestBody", {})) + inputs
        assert not [name for name in INJECTED if f'"{name}"' in body], body
        serve.stop()
    serve = Serve(face, function="kinds")
    answer = Envelope(serve.post({**GOOD, "token": 1, "usage": "x", "message_channels": None}))
    assert answer.output == FILLED and answer.usage == [], answer
    serve.stop()


# The id


@faces(LIBRARY, PROCESS)
def test_id_that_was_given_is_taken(face):
    serve = Serve(face, "--id my.plugin-1_2")
    assert serve.json("/id") == "my.plugin-1_2" == serve.json("/metadata")["identifier"]
    serve.stop()


def described(document):
    """A program with this description."""
    return ["--", "sh", "-c", 'if [ "$1" = --describe ]; then printf %s "$0"; else cat >/dev/null; echo "{}"; fi', document]


def test_id_of_descriptions_that_are_not_ascii_or_sorted():
    names = ["z", "a", "B", "é", "\u20ac", "\U0001f600", "\uffff", "a b", 'q"\\', ""]
    inputs = {"type": "object", "required": ["z"], "properties": {name: {"type": "string", "description": f"ä\n{name}"} for name in names}}
    inputs["required"] = list(names)
    outputs = {"type": "array", "items": {"type": "number", "default": 1.0}}
    for ascii_only in True, False:
        document = json.dumps({"name": "f", "outputs": outputs, "inputs": inputs}, ensure_ascii=ascii_only)
        serve = Serve(PROCESS, command=described(document))
        assert serve.json("/id") == identifier(inputs, outputs)
        assert serve.json("/schema") == {"inputs": inputs, "outputs": outputs}
        serve.stop()


def test_id_of_a_programs_own():
    serve = Serve(PROCESS, command=described('{"name":"f","inputs":{"type":"null"},"outputs":{},"id":"own-1"}'))
    assert serve.json("/id") == "own-1"
    serve.stop()
    serve = Serve(PROCESS, "--id given", command=described('{"name":"f","inputs":{"type":"null"},"outputs":{},"id":"own-1"}'))
    assert serve.json("/id") == "given"
    serve.stop()


# What a function gets


@faces(*FIRST)
def test_request_is_filled_in_at_every_depth(face):
    """What is absent has its preset; what was not declared is left out; null where it may be is no absence."""
    serve = Serve(face, function="kinds")
    assert Envelope(serve.post(GOOD)).output == FILLED
    assert Envelope(serve.post({**GOOD, "more": 1, "point": {"x": 1, "z": 2}})).output == {**FILLED, "point": {"x": 1, "y": -1}}
    assert Envelope(serve.post({**GOOD, "perhaps": 7, "size": 1, "late": "", "either": 2.5})).output == {**FILLED, "perhaps": 7, "size": 1, "late": "", "either": 2.5}
    output = Envelope(serve.post(GOOD)).output
    assert list(output) == list(SCHEMAS["kinds"][0]["properties"]), "not in the order in which they were declared"
    serve.stop()


@faces(LIBRARY)
def test_request_numbers_are_as_they_came(face):
    serve = Serve(face, function="kinds")
    text = json.dumps({**GOOD, "count": 0, "ratio": 0}).replace('"count": 0', '"count": 123456789012345678901234567890').replace('"ratio": 0', '"ratio": 1.50E+2')
    got = Envelope(serve.post(text.encode())).text
    assert '"count":123456789012345678901234567890' in got.replace(": ", ":") and '"ratio":1.50E+2' in got.replace(": ", ":"), got
    for count in "1.0", "-0", "1e2":
        text = json.dumps(GOOD).replace('"count": 1', f'"count": {count}')
        assert serve.post(text.encode()).status == 200, count
    assert Envelope(serve.post({**GOOD, "ratio": 3})).output["ratio"] == 3
    serve.stop()


@faces(*FIRST)
def test_request_bodies_that_may_be_absent(face):
    """With no parameters, and with none that is required; white space is nothing too."""
    serve = Serve(face, function="optional")
    for body in b"", b"{}", b" \r\n\t", b'{"text":null}':
        assert Envelope(serve.post(body)).output == {"count": 3, "text": None}, body
    answer = Envelope(serve.post({"count": 5, "text": "t"}))
    assert answer.output == {"count": 5, "text": "t"}
    with serve.client() as client:
        assert client.ask(wire.request("POST", "/invoke"), "POST").status == 200, "without Content-Length"
        assert client.ask(wire.request("POST", "/invoke", "Content-Length: 0", "Content-Type: text/plain"), "POST").status in (200, 415)
    serve.stop()
    serve = Serve(face, function="nothing")
    for body in b"", b"{}", b'{"what":1}':
        assert Envelope(serve.post(body)).output is None, body
    serve.stop()
    serve = Serve(face)
    with serve.client() as client:
        answer = client.ask(wire.request("POST", "/invoke"), "POST")
        assert answer.status == 422, answer
    serve.stop()


# What is refused


@faces(*BOTH)
def test_refused_bodies_that_are_no_json(face):
    """One sentence; the connection goes on."""
    serve = Serve(face)
    bad = b"{", b'{"do":"x"', b'{"do":x}', b"nonsense", b"{'do':''}", b'{"do":""}}', b'{"do":"\xff"}', b'{"do":"\x00"}', b"\xef\xbb\xbf{}", b'{"do":01}', b"[" * 5000
    with serve.client() as client:
        for body in bad:
            assert_detail(serve.post(body, client=client), 400)
        assert Envelope(serve.post({"do": "", "value": 1}, client=client)).output == 1
    serve.stop()


@faces(*BOTH)
def test_refused_content_types(face):
    serve = Serve(face)
    body = {"do": "", "value": 2}
    for kind in "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "", "application/xml; json", "multipart/form-data; boundary=x":
        assert_detail(serve.post(body, f"Content-Type: {kind}"), 415)
    with serve.client() as client:
        for kind in "application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON", "application/json;charset=UTF-8 ":
            assert Envelope(serve.post(body, f"Content-Type: {kind}", client=client)).output == 2, kind
    serve.stop()


@faces(*BOTH)
def test_refused_bodies_over_max_body(face):
    """Told by its length, or as it comes; one that just fits passes; what does not is not waited for."""
    serve = Serve(face, "--max-body 1000")
    body = json.dumps({"do": "", "value": "x" * 900})
    fits = body.ljust(1000).encode()
    assert Envelope(serve.post(fits)).output == "x" * 900
    assert_detail(serve.post(fits + b" "), 413)
    chunked = wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Transfer-Encoding: chunked")
    with serve.client() as client:
        assert Envelope(client.ask(chunked + b"3e8\r\n" + fits + b"\r\n0\r\n\r\n", "POST")).status == 200
    with serve.client() as client:
        assert_detail(client.ask(chunked + b"3e8\r\n" + fits + b"\r\n1\r\n \r\n0\r\n\r\n", "POST"), 413)
    for length in "1001", "99999999999999":
        with serve.client() as client:
            answer = client.ask(wire.request("POST", "/invoke", f"Content-Type: {JSON}", f"Content-Length: {length}"), "POST")
            assert_detail(answer, 413)
    serve.stop()


@faces(LIBRARY)
def test_refused_an_expectation_before_the_body_is_sent(face):
    serve = Serve(face, "--max-body 100")
    expecting = f"Content-Type: {JSON}", "Expect: 100-continue"
    with serve.client() as client:
        client.send(wire.request("POST", "/invoke", *expecting, "Content-Length: 9"))
        assert client.upto(b"\r\n\r\n", now() + WITHIN).startswith(b"HTTP/1.1 100")
        assert Envelope(client.ask(b'{"do":""}', "POST")).status == 200
    with serve.client() as client:
        answer = client.ask(wire.request("POST", "/invoke", *expecting, "Content-Length: 101"), "POST")
        assert not answer.interim
        assert_detail(answer, 413)
    serve.stop()


# name of the parameter: {value: errors, as type, place behind "body", message}
VALID, LIST, DICT = "Input should be a valid ", "Input should be a valid list", "Input should be a valid dictionary"
NONE, COLOUR = "Input should be None", "Input should be 'red', 'green' or 'blue'"
WRONG = [
    ("text", 1, [("string_type", ["text"], VALID + "string")]),
    ("text", None, [("string_type", ["text"], VALID + "string")]),
    ("text", ["a"], [("string_type", ["text"], VALID + "string")]),
    ("count", "1", [("int_type", ["count"], VALID + "integer")]),
    ("count", True, [("int_type", ["count"], VALID + "integer")]),
    ("count", {}, [("int_type", ["count"], VALID + "integer")]),
    ("count", 1.5, [("int_from_float", ["count"], VALID + "integer, got a number with a fractional part")]),
    ("ratio", "1.5", [("float_type", ["ratio"], VALID + "number")]),
    ("ratio", False, [("float_type", ["ratio"], VALID + "number")]),
    ("flag", 1, [("bool_type", ["flag"], VALID + "boolean")]),
    ("flag", "true", [("bool_type", ["flag"], VALID + "boolean")]),
    ("nothing", 0, [("none_required", ["nothing"], NONE)]),
    ("path", 5, [("string_type", ["path"], VALID + "string")]),
    ("list", {}, [("list_type", ["list"], LIST)]),
    ("list", [1, "2", None], [("int_type", ["list", 1], VALID + "integer"), ("int_type", ["list", 2], VALID + "integer")]),
    ("points", [{"x": 1}, {"y": 1}], [("missing", ["points", 1, "x"], "Field required")]),
    ("points", [{"x": "1", "y": []}], [("int_type", ["points", 0, "x"], VALID + "integer"), ("int_type", ["points", 0, "y"], VALID + "integer")]),
    ("points", [1], [("dict_type", ["points", 0], DICT)]),
    ("map", [], [("dict_type", ["map"], DICT)]),
    ("map", {"a": 1, "b": "c"}, [("int_type", ["map", "b"], VALID + "integer")]),
    ("point", {}, [("missing", ["point", "x"], "Field required")]),
    ("point", None, [("dict_type", ["point"], DICT)]),
    ("perhaps", "1", [("int_type", ["perhaps"], VALID + "integer")]),
    ("colour", "pink", [("enum", ["colour"], COLOUR)]),
    ("colour", 1, [("enum", ["colour"], COLOUR)]),
    ("size", 3, [("enum", ["size"], "Input should be 1 or 2")]),
    ("either", [], [("string_type", ["either", "str"], VALID + "string"), ("float_type", ["either", "float"], VALID + "number")]),
]


def standing(value, place):
    """What stands at a place of a body; what is missing stands nowhere, so that it is the object around it."""
    for step in place:
        if isinstance(value, dict) and step in value or isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return value


def errors_of(answer):
    assert answer.status == 422 and answer.get("Content-Type") == JSON, answer
    told = json.loads(answer.body)
    assert list(told) == ["detail"] and all(list(error) == ["type", "loc", "msg", "input"] for error in told["detail"]), answer
    return told["detail"]


@faces(*FIRST)
def test_refused_values_with_their_exact_places(face):
    serve = Serve(face, function="kinds")
    wrong = []
    with serve.client() as client:
        for name, value, expected in WRONG:
            body = {**GOOD, name: value}
            want = [{"type": kind, "loc": ["body", *place], "msg": text, "input": standing(body, place)} for kind, place, text in expected]
            got = errors_of(serve.post(body, client=client))
            if got != want:
                wrong.append(f"{name} = {value!r}:\n  {got}, not\n  {want}")
        assert Envelope(serve.post(GOOD, client=client)).output == FILLED
    assert not wrong, "\n".join(wrong)
    serve.stop()


@faces(LIBRARY, PROCESS)
def test_refused_what_is_missing(face):
    """Everything that is required, in its order; the input is the object in which it is missing."""
    serve = Serve(face, function="kinds")
    errors = errors_of(serve.post({"size": 1}))
    required = SCHEMAS["kinds"][0]["required"]
    assert errors == [{"type": "missing", "loc": ["body", name], "msg": "Field required", "input": {"size": 1}} for name in required], errors
    errors = errors_of(serve.post({**GOOD, "points": [{}]}))
    assert errors == [{"type": "missing", "loc": ["body", "points", 0, "x"], "msg": "Field required", "input": {}}], errors
    serve.stop()


@faces(LIBRARY)
def test_refused_bodies_that_are_no_object(face):
    serve = Serve(face)
    for body in [1], "x", 5, None, True:
        errors = errors_of(serve.post(body))
        assert len(errors) == 1 and errors[0]["loc"] == ["body"] and errors[0]["input"] == body, errors
    serve.stop()


@faces(LIBRARY)
def test_refused_with_no_more_than_is_good(face):
    """A hundred errors, and no input that is longer than one would read."""
    serve = Serve(face, function="kinds")
    errors = errors_of(serve.post({**GOOD, "list": ["x"] * 5000}))
    assert len(errors) == 100 and errors[99]["loc"] == ["body", "list", 99], len(errors)
    errors = errors_of(serve.post({**GOOD, "count": "x" * 100000}))
    assert errors[0]["input"] is None and errors[0]["type"] == "int_type", str(errors)[:300]
    serve.stop()


@faces(LIBRARY)
def test_refused_before_the_function_runs(face):
    log = temporary("never")
    serve = Serve(face)
    assert serve.post({"do": "log ran", "log": log, "value": 1, "do2": 1}).status == 200
    assert serve.post({"do": ["log again"], "log": log}).status == 422
    assert read_file(log) == "ran\n"
    serve.stop()
