# SPDX-License-Identifier: Apache-2.0
"""What the service says: routes, the envelope by its bytes, how each way to fail is told, and bodies of every kind."""

from serve import *

EMPTY = b'{"usage":[],"status_code":200,"file_data":null,"filedata_meta":{"terminate_current":false,"new_records":[]},"status_code_text":null,"output":null,"message_channels":{"infos":[],"warnings":[]}}'
OUTCOMES = "done", "failed", "crashed", "stopped", "timed_out", "left", "refused", "forced"
FINE = b'{"usage":[],"status_code":200,"status_code_text":null}'


# Routes


def ask(serve, text, method):
    """The answer to a request on a connection of its own."""
    with serve.client() as client:
        return client.ask(text, method)


@faces(*TWO)
def test_routes_are_there(face):
    serve = Serve(face)
    answer = serve.get("/")
    assert answer.status == 307 and answer.get("Location") == "/docs", answer
    answer = serve.get("/docs")
    assert answer.status == 200 and answer.get("Content-Type").startswith("text/html") and b"<html" in answer.body, answer
    assert "default-src 'none'" in answer.get("Content-Security-Policy") and answer.get("Referrer-Policy") == "no-referrer", answer
    assert set(serve.json("/schema")) == {"inputs", "outputs"}
    assert re.fullmatch(r"[0-9a-f]{32}", serve.json("/id"))
    metadata = serve.json("/metadata")
    assert list(metadata) == ["api_version", "identifier", "capabilities"], metadata
    assert metadata["identifier"] == serve.json("/id"), metadata
    assert (metadata["api_version"], metadata["capabilities"]) == ("3", []), metadata
    assert serve.get("/precheck").body == FINE
    assert serve.get("/schema?x=y").status == 200
    serve.stop()


@faces(LIBRARY)
def test_routes_others_are_404(face):
    serve = Serve(face)
    for path in "/x", "/invoke/", "/Schema", "//schema", "/docs/x", "/healthz", "/metrics", "/%2e%2e/schema":
        assert_detail(serve.get(path), 404)
        assert_detail(serve.post({"do": ""}, path=path), 404)
    serve.stop()


@faces(LIBRARY)
def test_routes_other_methods_are_405_and_say_which(face):
    serve = Serve(face)
    for path in "/", "/docs", "/schema", "/id", "/metadata", "/precheck", "/openapi.json":
        for method in "POST", "PUT", "DELETE", "OPTIONS", "PATCH":
            answer = ask(serve, wire.request(method, path, "Content-Type: " + JSON, body=b"{}"), method)
            assert_detail(answer, 405)
            assert set(answer.get("Allow").replace(" ", "").split(",")) == {"GET", "HEAD"}, answer
    for method in "GET", "PUT", "DELETE", "OPTIONS":
        answer = ask(serve, wire.request(method, "/invoke"), method)
        assert_detail(answer, 405)
        assert answer.get("Allow") == "POST", answer
    serve.stop()


@faces(*BOTH)
def test_routes_head_says_what_get_says(face):
    """Without the body, and the connection goes on."""
    serve = Serve(face)
    with serve.client() as client:
        for path in "/", "/docs", "/schema", "/id", "/metadata", "/precheck", "/openapi.json":
            got = client.get(path)
            head = client.ask(wire.request("HEAD", path), "HEAD")
            assert head.status == got.status and not head.body, head
            assert [field for field in head.fields if field[0] != "Date"] == [field for field in got.fields if field[0] != "Date"], (head, got)
        answer = client.ask(wire.request("HEAD", "/x"), "HEAD")
        assert answer.status == 404, answer
    serve.stop()


@faces(*TWO)
def test_openapi_describes_the_routes(face):
    """Each route and method that answers, and the schema of the parameters."""
    serve = Serve(face, function="kinds")
    document = serve.json("/openapi.json")
    assert document["openapi"].startswith("3.1"), document["openapi"]
    assert set(document["paths"]["/invoke"]) >= {"post"}
    assert set(document["paths"]["/invoke"]["post"]["responses"]) >= {"200", "422", "500", "502", "503", "504", "default"}
    for path in "/schema", "/id", "/precheck", "/metadata":
        assert "get" in document["paths"][path], path
    text = json.dumps(document)
    assert all(f'"{name}"' in text for name in ("colour", "points", "ratio")) and "is_path" not in text.replace("x-is-path", ""), text
    assert "message_channels" in text, "the envelope"
    for name in re.findall(r'"\$ref": "#/([^"]*)"', text):
        found = document
        for part in name.split("/"):
            found = found[part]
    serve.stop()


# The envelope


@faces(*TWO)
def test_envelope_of_nothing(face):
    serve = Serve(face, function="nothing")
    answer = serve.post(b"")
    assert answer.status == 200 and bytes(answer.body) == EMPTY, answer
    serve.stop()


@faces(*FIRST)
def test_envelope_with_all_that_there_is(face):
    """Usage and messages in the order in which they came."""
    serve = Serve(face)
    words = 'usage tokens 3 info first warning w usage pages -4 info "second" terminate record {"n":1} record [2] file {"path":"p"} output [1,"x"]'
    answer = serve.call(words).client.whole("POST")
    assert answer.body.decode() == (
        '{"usage":[{"value":3,"name":"tokens"},{"value":-4,"name":"pages"}],"status_code":200,"file_data":{"path":"p"},'
        '"filedata_meta":{"terminate_current":true,"new_records":[{"n":1},[2]]},"status_code_text":null,"output":[1,"x"],'
        '"message_channels":{"infos":["first","\\"second\\""],"warnings":["w"]}}'
    ).replace('{"n":1}', '{"n":1}' if not face.is_program else '{"n": 1}').replace("[1,", "[1," if not face.is_program else "[1, ").replace(
        '{"path":"p"}', '{"path":"p"}' if not face.is_program else '{"path": "p"}'
    ), answer.body
    serve.stop()


@faces(LIBRARY)
def test_envelope_values_are_as_they_came(face):
    """Numbers keep their digits, strings their escapes; what could end a line is left out."""
    serve = Serve(face)
    for text in "1.50", "1e400", "123456789012345678901234567890", r'"\u00e4\/\ud83d\ude00"', '"ä\x7f"', '{"b":1,"a":{"b":[ ]}}', "true", '""':
        answer = serve.post(b'{"do":"","value":' + text.encode() + b"}")
        assert Envelope(answer).text == EMPTY.decode().replace('"output":null', f'"output":{text}'), answer
    assert Envelope(serve.post(b'{"do":"","value":[1,\n\r\n2]}')).output == [1, 2]
    serve.stop()


@faces(*FIRST)
def test_envelope_of_large_and_strange_values(face):
    serve = Serve(face)
    for value in "x" * 2000000, "ä€😀\u2028\0\n\"\\", [[]] * 1000, {"": None, "a b": [1.5, -0.0]}, {str(i): i for i in range(1000)}:
        assert serve.does(value=value).output == value
    serve.stop()


@faces(*FIRST)
def test_envelope_file_data_is_the_requests_unless_the_plugin_sets_it(face):
    serve = Serve(face, function="file")
    record = {"path": "a", "more": {"b": [1, None]}}
    assert serve.does(file_data=record).file_data == record
    assert serve.does('file {"path":"b"}', file_data=record).file_data == {"path": "b"}
    assert serve.does("file null", file_data=record).file_data is None
    for words in "fail 500 no", 'file {"path":"b"} fail 500 no':
        assert serve.does(words, file_data=record).file_data is None, "there is none in an error"
    serve.stop()
    serve = Serve(face, function="files")
    lines = serve.call('yield 1 file {"path":"b"} yield 1 yield 1', file_data=record).stream().rest()
    assert [line["file_data"] for line in lines] == [record, {"path": "b"}, record], lines
    serve.stop()
    plain = Serve(face)
    assert plain.does(file_data=record).file_data is None, "it was not declared"
    plain.stop()


# Failures


@faces(*FIRST)
def test_failure_of_the_plugins_own_code_and_text(face):
    """What it said before is kept but for the output; HTTP says the same status."""
    serve = Serve(face)
    for status in 400, 404, 418, 422, 429, 500, 503, 599:
        envelope = serve.does(f"usage tokens 2 info i output 5 fail {status} no-{status}")
        assert (envelope.status, envelope.status_code_text) == (status, f"no-{status}"), envelope
        assert envelope.file_data is None and envelope.output in (None, 5 if face.is_program else None), envelope
        assert envelope.usage == [{"value": 2, "name": "tokens"}] and envelope.message_channels["infos"] == ["i"], envelope
    assert serve.does(value=1).output == 1
    serve.stop()


@faces(LIBRARY)
def test_failure_of_a_status_that_is_none_is_500(face):
    serve = Serve(face)
    for status in 0, 99, 200, 304, 399, 600, 1000, -1:
        envelope = serve.does(f"fail {status} no")
        assert (envelope.status, envelope.status_code_text) == (500, "no"), envelope
    serve.stop()


@faces(LIBRARY)
def test_failure_that_was_not_declared_is_500_with_its_kind(face):
    serve = Serve(face)
    for number, text in (2, "[ENOENT] No such file or directory"), (5, "[EIO] Input/output error"), (12, "[ENOMEM] Cannot allocate memory"):
        envelope = serve.does(f"errno {number}")
        assert (envelope.status, envelope.status_code_text) == (500, text), envelope
    envelope = serve.does("errno 3999")
    assert envelope.status == 500 and re.fullmatch(r"\[.+\] .+", envelope.status_code_text), envelope
    serve.told(event="call_failed", status="500", text="[EIO] Input/output error")
    serve.stop()


@faces(LIBRARY)
def test_failure_of_a_function_that_ends_its_thread(face):
    """It is answered, and its place is not lost; neither is that of a stream."""
    serve = Serve(face, "--threads 1")
    for _ in range(3):
        envelope = serve.does("leave")
        assert (envelope.status, envelope.status_code_text) == (500, "[thread] it ended its thread"), envelope
        assert serve.does(value=1).output == 1
    serve.stop()
    serve = Serve(face, "--threads 1", function="stream")
    for _ in range(3):
        lines = serve.call("yield 2 leave").stream().rest()
        assert [line["status_code"] for line in lines] == [200, 200, 500], lines
    call = held(serve)[0]
    serve.signal()
    assert call.client.whole("POST").status == 503
    assert serve.end()["forced"] == []


@faces(LIBRARY)
def test_failure_cancelled_without_a_cancel_is_one(face):
    """A function that says so although its token has not fired."""
    serve = Serve(face)
    envelope = serve.does("errno 125")
    assert envelope.status == 500 and "ECANCELED" in envelope.status_code_text, envelope
    assert envelope.answer.get("Retry-After") is None, envelope.answer
    serve.stop()


@faces(*TWO)
def test_failure_with_envelope_status_is_http_200(face):
    serve = Serve(face, "--envelope-status")
    for status in 400, 500, 503:
        envelope = serve.call(f"fail {status} no").envelope(follows=False)
        assert (envelope.status, envelope.status_code, envelope.status_code_text) == (200, status, "no"), envelope
    assert serve.post(b"{").status == 400 and serve.post({}).status == 422 and serve.get("/x").status == 404
    call = held(serve)[0]
    serve.signal()
    envelope = call.envelope(follows=False)
    assert (envelope.status_code, envelope.status_code_text) == (503, STOPPED), envelope
    serve.end()


@faces(*TWO)
def test_failure_counts_and_log(face):
    """Failures, and what is none, apart."""
    serve = Serve(face)
    serve.does()
    serve.does("fail 500 broken")
    serve.does("fail 404 absent")
    serve.post({})
    with wire.Client(serve.address, tls=face.tls) as client:
        assert client.ask(b"nonsense\r\n\r\n").status == 400
    metrics = serve.metrics()
    outcomes = {name: metrics[f'curfew_serve_calls_total{{outcome="{name}"}}'] for name in OUTCOMES}
    assert outcomes == {**dict.fromkeys(OUTCOMES, 0), "done": 1, "failed": 2}, metrics
    assert metrics["curfew_serve_calls_begun_total"] == 3, metrics
    codes = {code: metrics[f'curfew_requests_total{{code="{code}"}}'] for code in (200, 500, 404, 422, 400)}
    assert set(codes.values()) == {1}, codes
    serve.stop()
    assert [line["text"] for line in serve.lines(event="call_failed")] == ["broken"], serve.log()


# Prechecks


@faces(*RUNNERS)
def test_precheck_tells_whether_it_could_work(face):
    serve = Serve(face, env=environment(PRECHECK="usage probes 1"))
    answer = serve.get("/precheck")
    assert answer.status == 200 and bytes(answer.body) == FINE.replace(b"[]", b'[{"value":1,"name":"probes"}]'), answer
    serve.stop()
    serve = Serve(face, env=environment(PRECHECK="fail 424 unreachable"))
    answer = serve.get("/precheck")
    assert answer.status == 424 and json.loads(answer.body) == {"usage": [], "status_code": 424, "status_code_text": "unreachable"}, answer
    serve.stop()


@faces(LIBRARY)
def test_precheck_has_usage_and_nothing_else(face):
    log = temporary("precheck")
    serve = Serve(face, env=environment(PRECHECK='output 5 file {} info i warning w terminate record 1 yield 1 usage u 1', PRECHECK_LOG=log))
    answer = serve.get("/precheck")
    assert bytes(answer.body) == FINE.replace(b"[]", b'[{"value":1,"name":"u"}]'), answer
    assert read_file(log).splitlines() == ["EPERM"] * 7, read_file(log)
    serve.stop()


@faces(LIBRARY)
def test_precheck_of_a_function_without_is_fine(face):
    serve = Serve(face, function="optional")
    answer = serve.get("/precheck")
    assert answer.status == 200 and bytes(answer.body) == FINE, answer
    serve.stop()


@faces(*FIRST)
def test_precheck_is_stopped_by_the_end(face):
    log = temporary("precheck")
    serve = Serve(face, env=environment(PRECHECK="log begun hold", PRECHECK_LOG=log))
    client = serve.client().send(wire.get("/precheck"))
    until(lambda: "begun" in read_file(log), "it runs")
    serve.signal()
    answer = client.whole()
    assert answer.status == 503 and int(answer.get("Retry-After")) > 0, answer
    assert json.loads(answer.body)["status_code_text"] == STOPPED, answer
    client.close()
    assert serve.end()["forced"] == []


# Several at once


@faces(LIBRARY)
def test_calls_run_side_by_side_as_many_as_there_are_threads(face):
    serve = Serve(face, "--threads 3")
    begun = held(serve, 3)
    waiting = serve.call("log begun", 4)
    until(lambda: serve.metrics()["curfew_serve_calls_queued"] == 1, "the fourth waits")
    assert serve.running() == 3 and waiting.said() == []
    begun[1].go()
    assert begun[1].envelope().output == 1 and waiting.envelope().output == 4
    for call in begun[0], begun[2]:
        assert call.go().envelope().status == 200
    serve.stop()


@faces(*RUNNERS)
def test_calls_beyond_the_queue_are_503_with_retry_after(face):
    options = "--workers 1 --queue 2" if face.runner == "workers" else "--threads 1 --queue 2"
    serve = Serve(face, options)
    running = held(serve)[0]
    waiting = [serve.call("", number) for number in range(2)]
    until(lambda: serve.metrics()["curfew_serve_calls_queued"] == 2, "the queue is full")
    envelope = serve.does("")
    assert envelope.status == 503 and int(envelope.answer.get("Retry-After")) > 0, envelope.answer
    assert envelope.status_code_text == "[busy] too many calls wait", envelope
    assert serve.metrics()['curfew_serve_calls_total{outcome="refused"}'] == 1
    running.go()
    assert running.envelope().output == 0 and [call.envelope().output for call in waiting] == [0, 1]
    assert serve.does("", 7).output == 7
    serve.stop()


@faces(*RUNNERS)
def test_calls_that_wait_begin_in_order(face):
    serve = Serve(face, "--workers 1" if face.runner == "workers" else "--threads 1")
    log, running = temporary("order"), held(serve)[0]
    waiting = []
    for number in range(6):
        waiting.append(serve.call(f"log {number}", log=log))
        until(lambda: serve.metrics()["curfew_serve_calls_queued"] == len(waiting), "it waits")
    running.go()
    for call in [running, *waiting]:
        assert call.envelope().status == 200
    assert read_file(log).split() == [str(number) for number in range(6)], read_file(log)
    serve.stop()


def test_calls_have_two_threads_for_each_core():
    """Or as many as was said; the line of the start tells, and /status."""
    cores = len(os.sched_getaffinity(0))
    for face, options, slots in (LIBRARY, "", 2 * cores), (PROCESS, "", 2 * cores), (LIBRARY, "--threads 5", 5), (PROCESS, "--threads 5", 5), (WORKERS, "--workers 3", 3):
        serve = Serve(face, options + " --queue 17")
        call = held(serve)[0]
        assert serve.metrics()["curfew_serve_slots"] == slots, options
        assert serve.status()["serve"] == {"function": "act", "slots": slots, "running": 1, "queued": 0, "cancelled": False}, serve.status()
        line = serve.told(event="function")[0]
        assert (line["name"], line["id"], line["slots"], line["queue"]) == ("act", serve.json("/id"), str(slots), "17"), line
        call.go().envelope()
        serve.stop()


@faces(LIBRARY)
def test_calls_that_wait_do_not_hold_the_routes(face):
    """The loop never waits for a function."""
    serve = Serve(face, "--threads 1")
    running, waiting = held(serve, do="log begun finish")[0], serve.call("")
    for path in "/schema", "/id", "/docs", "/openapi.json", "/metadata":
        assert serve.get(path).status == 200
    assert waiting.client.silent()
    running.go()
    assert running.envelope().status == waiting.envelope().status == 200
    serve.stop()
