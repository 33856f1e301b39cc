# SPDX-License-Identifier: Apache-2.0
"""What became of each request: exactly one class, and as many of each as the server knows of."""

from load import *

MIX = "ok*20 404 chunked 500 big 503 503r late=5 reset close end interim cut until_close cut_head cut_chunked garbage 302 garbage_field garbage_chunk delay=3 204"
ANSWERED = [word for word, outcome in OUTCOMES.items() if outcome in ("ok", "4xx", "5xx", "unavailable") and word != "hold"]
BROKEN = [word for word, outcome in OUTCOMES.items() if outcome in ("reset_sent", "truncated", "malformed")]


def of_one_word(word, number=""):
    """24 requests of this kind, all of which end in its class."""
    truth = Truth()
    outcome = OUTCOMES[word]
    result = loaded(f"--requests 24 --connections 4 --threads 2{number}", truth.url(f"/{word}"), code=0 if outcome == "ok" else 1)
    truth.until_read(24)
    assert result.ended() == {outcome: 24} and truth.read() == 24, (word, result.ended(), truth.read())
    truth.stop()
    return result


def test_truth_each_kind_of_answer():
    for word in ANSWERED:
        result = of_one_word(word)
        status = {"503r": 503, "rpc_error": 200}.get(word, int(word) if word.isdigit() else 200)
        assert statuses(result) == {status: 24}, (word, statuses(result))


def statuses(result):
    """{status: count}"""
    return {int(status): count for status, count in result.statuses.items()}


@limit(120)
def test_truth_each_kind_of_failure():
    for word in BROKEN:
        of_one_word(word)


@limit(120)
def test_truth_no_answer_in_time():
    for word in "never", "cut_hang":
        began = now()
        of_one_word(word, " --timeout 500ms")
        assert now() - began >= 6 * 0.5, word


def mixed(options, server="", code=0):
    truth = Truth(f"--script '{MIX}' {server}")
    result = loaded(options, truth, code=code)
    assert_outcomes(result, truth)
    assert result.in_flight == 0
    truth.stop()
    return result


def test_truth_mixed_closed_loop():
    for options in "--connections 1 --threads 1", "--connections 16 --threads 2", "--connections 3 --threads 8 --fresh":
        result = mixed(f"{options} --requests 820")
        assert result.admitted == result.scheduled == 820 and result.dropped == 0


def test_truth_mixed_open_loop():
    for options in "--threads 1", "--threads 2 --arrival poisson", "--threads 2 --fresh":
        result = mixed(f"{options} --rate 800 --duration 1s --max-in-flight 1000")
        assert result.dropped == 0, result.dropped


def test_truth_timeouts_among_the_others():
    truth = Truth("--script 'ok*30 never cut_hang ok 500'")
    result = loaded("--requests 102 --connections 8 --timeout 5s", truth)
    assert_outcomes(result, truth)
    assert result.outcomes["timed_out"] == 6
    truth.stop()


def test_truth_requests_are_exactly_so_many():
    for count in 1, 2, 7, 1000:
        for options in "--connections 1", "--connections 9 --threads 2", "--rate 2000 --threads 2", "--fresh --connections 3":
            truth = Truth()
            result = loaded(f"--requests {count} {options}", truth)
            assert truth.read() == result.ok() == count, (options, count, truth.read(), result.ok())
            truth.stop()


def test_truth_connections():
    """Kept ones are as many as asked for, fresh ones as many as requests."""
    truth = Truth()
    result = loaded("--requests 300 --connections 7 --threads 2", truth)
    assert truth.accepted == result["tally"]["connections"] == 7, truth.header()
    truth.stop()
    truth = Truth()
    result = loaded("--requests 300 --connections 7 --threads 2 --fresh", truth)
    assert truth.accepted == result["tally"]["connections"] == 300, truth.accepted
    assert len({record.connection for record in truth.records()}) == 300
    truth.stop()


def test_truth_fewer_requests_than_connections():
    truth = Truth()
    result = loaded("--requests 3 --connections 50", truth)
    assert truth.read() == result.ok() == 3 and truth.accepted <= 50
    truth.stop()


def test_truth_resets_before_the_request_is_read():
    """Whether some of it had left by then is not for the server to know; that it was no answer is."""
    truth = Truth("--reset-accepts 5")
    result = loaded("--requests 200 --connections 4 --fresh", truth)
    lost = result.outcomes.get("reset_sent", 0) + result.outcomes.get("reset_unsent", 0)
    assert (lost, result.ok()) == (truth.reset_accepts, truth.done("ok")) == (40, 160), (result.ended(), truth.header())
    truth.stop()


def test_truth_idle_connections_that_the_server_closes_are_no_failures():
    truth = Truth("--close-idle 300")
    result = loaded("--stage 200/s:200ms --stage 0/s:2s --stage 200/s:200ms --threads 1", truth)
    assert result.ended() == {"ok": 80} and truth.idle_closed >= 1, (result.ended(), truth.header())
    assert truth.accepted > truth.idle_closed
    truth.stop()


def test_truth_a_connection_that_ends_with_the_answer_unannounced():
    """Each request is answered or told as it was: nothing is repeated behind our back."""
    truth = Truth("--script 'ok*5 leave'")
    result = loaded("--requests 300 --connections 4", truth)
    assert result.ok() == truth.read() and result.ok() + result.failures() == 300, (result.ended(), truth.header())
    assert set(result.ended()) <= {"ok", "reset_sent", "reset_unsent"}, result.ended()
    truth.stop()


def test_truth_refused():
    result = loaded("--requests 40 --connections 4", f"http://127.0.0.1:{free_port()}/", code=1)
    assert result.ended() == {"refused": 40}, result.ended()


def test_truth_nobody_at_a_path():
    result = loaded("--requests 10 --connections 2", f"http://unix:{temporary('nobody')}", code=1)
    assert result.failures() == 10 and set(result.ended()) <= {"refused", "unreachable"}, result.ended()


def test_truth_a_connection_that_does_not_come():
    with full_backlog() as url:
        result = loaded("--requests 6 --connections 3 --timeout 1s", url, code=1)
        assert result.ended() == {"connect_timeout": 6}, result.ended()


def test_truth_over_a_unix_socket():
    truth = Truth(path=temporary("socket"))
    result = loaded("--requests 100 --connections 3", truth)
    assert result.ended() == {"ok": 100} and truth.accepted == 3
    truth.stop()


def test_truth_several_endpoints():
    """Both get some, the same at the same seed, and another part at another one."""
    parts = []
    for seed in 5, 5:
        first, second = Truth(), Truth("--script 404")
        result = loaded(f"--requests 400 --connections 8 --seed {seed}", first, second)
        assert result.ended() == {"ok": first.read(), "4xx": second.read()} and first.read() + second.read() == 400, result.ended()
        parts.append(first.read())
        first.stop()
        second.stop()
    assert parts[0] == parts[1] and 100 < parts[0] < 300, parts


def test_truth_what_is_sent():
    truth = Truth()
    body = temporary("body")
    with open(body, "wb") as file:
        file.write(b"from\r\n\r\na file")
    loaded("--requests 1", truth.url("/a/b?c=d"))
    loaded("--requests 1 --method PUT --header 'X-One: 1' --header 'X-Two: 2' --body text", truth.url("/"))
    loaded(f"--requests 1 --body-file {body}", truth.url("/"))
    loaded("--requests 1 --method HEAD", truth.url("/"))
    loaded("--requests 1 --header 'Host: other'", truth.url("/"))
    loaded("--requests 1 --fresh", truth.url("/"))
    first, second, third, fourth, fifth, sixth = split_requests(truth.requests())
    assert first[0] == "GET /a/b?c=d HTTP/1.1" and first[1]["host"] == f"127.0.0.1:{truth.port}" and first[2] == b"", first
    assert "content-length" not in first[1], first
    assert second[0] == "PUT / HTTP/1.1" and (second[1]["x-one"], second[1]["x-two"], second[2]) == ("1", "2", b"text"), second
    assert third[0] == "POST / HTTP/1.1" and third[2] == b"from\r\n\r\na file", third
    assert fourth[0] == "HEAD / HTTP/1.1" and fifth[1]["host"] == "other", (fourth, fifth)
    assert sixth[1]["connection"] == "close" and "connection" not in first[1], sixth
    truth.stop()


def split_requests(data):
    """[(request line, {name: value}, body)]; no name twice."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        pairs = [(name.lower(), value) for name, _, value in (each.partition(": ") for each in lines)]
        fields = dict(pairs)
        assert len(fields) == len(pairs), pairs
        length = int(fields.get("content-length", 0))
        found.append((line, fields, data[:length]))
        data = data[length:]
    return found


def test_truth_answers_to_head_have_no_body():
    truth = Truth("--script 'ok 404'")
    result = loaded("--requests 90 --connections 3 --method HEAD", truth.url("/"))
    assert result.ended() == {"ok": 45, "4xx": 45} and truth.accepted == 3, (result.ended(), truth.header())
    truth.stop()


def tls_target():
    """A server with TLS, its port and the file of its certificate, which is of localhost."""
    cert, key = certificate()
    port = free_port()
    argv = [curfew_path(), "gate", "--respond", "200", "--listen", f"127.0.0.1:{port}", "--tls-cert", cert, "--tls-key", key, "--grace", "2s"]
    process = start(argv, env=environment())
    process.err.until("event=ready")
    return process, port, cert


def test_truth_tls():
    """Good and bad certificates: a name that is another's, a certificate that nobody vouches for."""
    process, port, cert = tls_target()
    for options, host, outcome in [
        (f"--tls-ca {cert}", "localhost", "ok"),
        ("--tls-insecure", "127.0.0.1", "ok"),
        (f"--tls-ca {cert}", "127.0.0.1", "tls"),
        ("", "localhost", "tls"),
        (f"--tls-ca {cert} --fresh", "localhost", "ok"),
    ]:
        result = loaded(f"--requests 20 --connections 4 {options}", f"https://{host}:{port}/", code=0 if outcome == "ok" else 1)
        assert result.ended() == {outcome: 20}, (options, host, result.ended())
    process.signal(TERM)
    assert process.wait() == 0


def test_truth_tls_to_a_server_that_has_none():
    truth = Truth()
    result = loaded("--requests 4 --connections 2 --tls-insecure --timeout 1s", truth.url().replace("http", "https"), code=1)
    assert result.failures() == 4 and set(result.ended()) <= {"tls", "timed_out", "connect_timeout"}, result.ended()
    truth.stop()
