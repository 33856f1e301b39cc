# SPDX-License-Identifier: Apache-2.0
"""Profiles: what is sent is what they say, whatever the threads; options win over them; what is wrong is told with its line."""

from load import *

import fcntl
import re

from ws_server import Server

ROOT = Path(__file__).resolve().parent.parent.parent
F_SETPIPE_SZ = 1031
EXAMPLES = sorted((ROOT / "examples" / "load").glob("*.json"))
DRAWN = {"name": "drawn", "kind": "http", "weight": 3, "target": "/k/${key}/${random:1000}", "key": {"count": 50, "distribution": "zipf"}, "headers": {"X-Hex": "${hex:8}"}}
FILLED = {"name": "filled", "kind": "http", "target": "/f", "body": "${number} ${fill}", "sizes": [{"bytes": 10, "weight": 3}, {"bytes": 2000, "weight": 1}]}


def profile(content, **members):
    """The path of a file with that: text, or an object, with more members."""
    path = temporary(f"profile-{next(names)}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps({**content, **members}))
    return path


def shown(*arguments):
    """What --dry-run says."""
    code, out, err = finished(curfew("load", "--dry-run", *arguments), env=environment())
    assert (code, err) == (0, ""), (code, err)
    return out


def hashes(truth):
    return collections.Counter(record.hash for record in truth.records())


def test_profile_examples_are_shown():
    for path in EXAMPLES:
        said = json.loads(read_file(path))
        out = shown("--profile", str(path), "--requests", "200")
        for scenario in said["scenarios"]:
            assert f"scenario: {scenario['name']}\n" in out and f": {scenario['name']}, to " in out, (path, scenario["name"])
        assert "request 199: " in out and "request 200: " not in out and "${" not in out, path


def test_profile_of_the_page_is_an_example():
    """docs/load-profile.md shows examples/load/shop.json."""
    assert read_file(ROOT / "examples" / "load" / "shop.json") in read_file(ROOT / "docs" / "load-profile.md")


def test_profile_examples_run():
    """Each with servers of ours in the place of theirs, at a rate that is the command line's."""
    for path in EXAMPLES:
        servers, text = {}, read_file(path)
        for scheme, port in sorted(set(re.findall(r"(http|ws)://127\.0\.0\.1:(\d+)", text))):
            servers[port] = Truth() if scheme == "http" else Server()
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{servers[port].port}")
        result = loaded(f"--rate 200/s --arrival constant --duration 1s --profile {profile(text)}")
        assert result.admitted == 200 and set(result.ended()) <= {"ok", "malformed"}, result.ended()
        for server in servers.values():
            assert server.read() if isinstance(server, Truth) else server.messages, f"{path}: nothing for {server.port}"


def test_profile_requests_depend_on_seed_and_number_alone():
    found = []
    for options in "--connections 1", "--connections 16 --threads 2", "--rate 2000/s --threads 2", "--connections 1 --seed 6":
        truth = Truth()
        result = loaded(f"{options} --requests 400 --profile {profile({'endpoints': 'http://127.0.0.1', 'seed': 5, 'scenarios': [dict(DRAWN, headers={'Host': 'h'}), dict(FILLED, headers={'Host': 'h'})]})}", truth)
        assert result.ended() == {"ok": 400}, result.ended()
        found.append(hashes(truth))
        truth.stop()
    assert found[0] == found[1] == found[2], "they differ"
    assert found[0] != found[3], "another seed makes the same requests"


def test_profile_requests_are_those_shown():
    truth = Truth()
    path = profile({"endpoints": truth.url(), "connections": 1, "requests": 40, "scenarios": [DRAWN, FILLED]})
    out = shown("--profile", path)
    loaded(f"--profile {path}")
    sent = truth.requests().decode()
    lines = r"GET /k/\d+/\d+ HTTP|POST /f HTTP|X-Hex: \w+|Content-Length: \d+"
    assert len(re.findall(r" HTTP/1\.1\r", sent)) == 40 and re.findall(lines, sent) == re.findall(lines, out), (sent, out)
    truth.stop()


def test_profile_weights_and_keys():
    truth = Truth()
    loaded(f"--requests 2000 --profile {profile({'scenarios': [DRAWN, FILLED]})}", truth)
    sent = truth.requests().decode()
    keys = collections.Counter(re.findall(r"GET /k/(\d+)/\d+ ", sent))
    assert 1400 < sum(keys.values()) < 1600, keys
    assert keys.most_common(1)[0][0] == "0" and set(map(int, keys)) <= set(range(50)), keys
    assert 100 < len(re.findall(r"(?m)^Content-Length: 20\d\d\r", sent)) < 220
    truth.stop()


def test_profile_keys_stay_with_their_endpoint():
    truths = [Truth(), Truth()]
    scenario = {"name": "a", "kind": "http", "target": "/${key}", "key": {"count": 40}, "sticky": True}
    loaded(f"--requests 600 --connections 4 --profile {profile({'endpoints': [truth.url() for truth in truths], 'scenarios': [scenario]})}")
    keys = [set(re.findall(r"(?m)^GET /(\d+) ", truth.requests().decode())) for truth in truths]
    assert not keys[0] & keys[1] and len(keys[0] | keys[1]) == 40 and min(map(len, keys)) > 8, keys


def test_profile_calls():
    """The server's error has the id 1; its other answers are no JSON."""
    truth = Truth("--script 'ok rpc_error ok 500'")
    call = {"name": "a", "kind": "jsonrpc", "method": "m", "params": ["${#number}"]}
    result = loaded(f"--connections 1 --requests 8 --profile {profile({'endpoints': truth.url('/rpc'), 'scenarios': [call]})}", code=1)
    assert result.ended() == {"malformed": 5, "rpc_error": 1, "5xx": 2}, result.ended()
    sent = truth.requests().decode()
    assert sent.count("POST /rpc HTTP/1.1\r\n") == sent.count("Content-Type: application/json\r\n") == 8, sent
    assert [json.loads(body)["params"] for body in re.findall(r'\{"jsonrpc".*?\]\}', sent)] == [[number] for number in range(8)], sent
    truth.stop()


def test_profile_options_win():
    mine, theirs = Truth(), Truth()
    path = profile({"endpoints": theirs.url(), "rate": 1, "duration": "1h", "seed": 7, "timeout": "1ms", "scenarios": [DRAWN]})
    result = loaded(f"--connections 2 --duration 300ms --seed 8 --profile {path}", mine)
    assert result.seed == 8 and not result.is_open and result.connections and mine.read() > 0 and theirs.accepted == 0, result
    path = profile({"endpoints": theirs.url(), "stages": ["50/s:1h"], "scenarios": [DRAWN]})
    result = loaded(f"--duration 200ms --profile {path}")
    assert result.admitted == 10 and result.ending == "duration", result


def test_profile_ramp_verdict_and_file():
    """They are the profile's where the command line has none; the body is beside it, wherever one is."""
    truth = Truth("--script delay=50")
    with open(temporary("order"), "w", encoding="utf-8") as file:
        file.write("order ${number}\n")
    scenario = {"name": "a", "kind": "http", "body_file": "order"}
    ramp = {"start": 20, "every": "300ms", "while": "p50<10ms"}
    path = profile({"endpoints": truth.url(), "ramp": ramp, "fail_on": ["a:ok>0"], "expect_restart": True, "scenarios": [scenario]})
    result = loaded(f"--profile {path}", code=1)
    assert result.ending == "ramp" and result.expects_restart and [(verdict["text"], verdict["broken"]) for verdict in result.verdicts] == [("a:ok>0", True)], result
    assert "\r\n\r\norder 1\n" in truth.requests().decode()
    result = loaded(f"--rate 100/s --requests 3 --fail-on 'errors>0' --profile {path}")
    assert result.ending == "requests" and [verdict["text"] for verdict in result.verdicts] == ["errors>0"], result
    truth.stop()


def test_profile_mistakes_are_told_with_their_line():
    for text, names in {
        '{"endpoints": "http://h", "scenarios": [\n{"name": "a", "kind": "http", "targt": "/"}]}': 'line 2: scenarios[0] has no member "targt" (did you mean "target"?)',
        '{"connections": "5",\n"scenarios": []}': 'line 1: connections is "5", where a whole number from 1 to 1000000 belongs',
        '{\n\n"scenarios": [}': "line 3: the profile is no JSON: a value is expected",
        '{"scenarios": [{"name": "a", "kind": "http"}]}': 'scenarios[0] lacks "endpoints"',
        '{"target": "/", "scenarios": []}': 'line 1: the profile has no member "target", which a scenario of the kind "http" has',
        '{"seed": 1, "seed": 1, "scenarios": []}': 'line 1: the profile has "seed" twice',
        "[" * 100000: "line 1: the profile is no JSON: it is nested too deeply",
        '{"endpoints": "http://h", "scenarios": [{"name": "a", "kind": "http", "body_file": "none"}]}': "scenarios[0].body_file cannot be read: ",
        "": "line 1: the profile is no JSON: there is no value",
    }.items():
        path = profile(text)
        code, out, err = finished(curfew("load", "--profile", path), env=environment())
        assert (code, out) == (2, "") and err.count("\n") == 1 and err.startswith(f"curfew load: {path}: ") and names in err, (text, code, out, err)
    for option in "--method PUT", "--places", "--body x", "--body-file /dev/null":
        code, _, err = finished(curfew("load", "--profile", str(EXAMPLES[0]), *shlex.split(option)), env=environment())
        assert code == 2 and option.split()[0] in err and "--profile" in err, (option, err)


def test_dry_run_shows_what_is_not_text():
    """Bytes that a terminal would obey are not given to it; a long body is cut."""
    path = temporary("body")
    with open(path, "wb") as file:
        file.write(b"\x1b[31m\xff\xc2\x9b\xc3\xa4\n" + b"x" * 5000)
    out = shown("--requests", "1", "--body-file", path, "http://127.0.0.1:1/")
    assert "?[31m???ä\nxxx" in out and "... (5011 bytes)" in out and "\x1b" not in out and len(out) < 2000, out
    assert "\nA: ???ä\n" in shown("--requests", "1", "--header", b"A: \xff\xc2\x9b\xc3\xa4", "http://127.0.0.1:1/")


def test_dry_run_ends_in_order():
    """Into a pipe that nobody reads, it still ends by SIGTERM."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    process = start(curfew("load", "--dry-run", "--requests", "1000", "--grace", "500ms", "http://127.0.0.1:1/"), stdout=writer, env=environment())
    os.close(writer)
    until(lambda: blocks(process.pid, TERM), "it holds signals back")
    process.signal(TERM)
    assert process.wait(10) == 0
    assert os.read(reader, 100).startswith(b"plan: ")
    os.close(reader)


def test_a_profile_that_does_not_come_is_no_reason_to_stay():
    """Of a pipe, before there is anybody who takes signals."""
    path = temporary(f"pipe-{next(names)}")
    os.mkfifo(path)
    process = start(curfew("load", "--profile", path, "http://127.0.0.1:1/"), env=environment())
    writer = os.open(path, os.O_WRONLY)  # returns when it reads
    process.signal(TERM)
    assert process.wait(10) == 0
    os.close(writer)


def test_dry_run_shows_places_where_they_are_asked_for():
    url = "http://127.0.0.1:1/{a}/${number}"
    assert "GET /{a}/${number} HTTP" in shown("--requests", "2", url)
    assert "GET /{a}/1 HTTP" in shown("--requests", "2", "--places", url)
