# SPDX-License-Identifier: Apache-2.0
"""What is refused at the start: one line that says what and how to mend it, exit 2, and nothing is sent."""

from load import *

URL = "http://127.0.0.1:1/"
# Options that cannot be, each beside a URL that could; and what the line has to name.
BAD_OPTIONS = {
    "--connections 0": "--connections", "--connections x": "--connections", "--connections -1": "--connections", "--connections 1.5": "--connections",
    "--connections 2000000": "--connections", "--rate 0": "--rate", "--rate x": "--rate", "--rate -5": "--rate", "--rate 10/y": "--rate", "--rate 1e99": "--rate",
    "--rate ''": "--rate", "--rate inf": "--rate", "--arrival sometimes --rate 1": "--arrival", "--max-in-flight 0 --rate 1": "--max-in-flight",
    "--max-in-flight x --rate 1": "--max-in-flight", "--stage 100": "--stage", "--stage 100/s": "--stage", "--stage 100/s:": "--stage", "--stage :5s": "--stage",
    "--stage 100/s:0s": "--stage", "--stage x:5s": "--stage", "--stage 100/s:inf --stage 1/s:1s": "--stage", "--duration x": "--duration",
    "--duration -1s": "--duration", "--duration 0s": "--duration", "--duration 5": "--duration", "--requests 0": "--requests", "--requests x": "--requests",
    "--requests -1": "--requests", "--requests 99999999999999999999": "--requests", "--method 'A B'": "--method", "--method ''": "--method",
    "--header nothing": "--header", "--header ': x'": "--header", "--header 'A b: x'": "--header", "--header 'A: b\nc'": "--header", "--header 'Content-Length: 5'": "--header",
    "--header 'Transfer-Encoding: chunked'": "--header", "--body x --body-file /dev/null": "--body", "--body-file /nonexistent/file": "/nonexistent/file", "--places --body '${key}'": "--places", "--places --body '${nothing}'": "--body",
    "--fail-on nobody:errors>0": "leave out the name", "--timeout x": "--timeout", "--timeout 0s": "--timeout",
    "--profile /nonexistent/profile": "/nonexistent/profile", "--seed x": "--seed", "--seed -1": "--seed", "--seed 99999999999999999999": "--seed",
    "--fail-on nothing": "--fail-on", "--fail-on 'p99>'": "--fail-on", "--fail-on 'p99>50'": "--fail-on", "--fail-on 'p200>50ms'": "--fail-on", "--fail-on 'errors>x%'": "--fail-on",
    "--fail-on 'p99=50ms'": "--fail-on", "--json /nonexistent/folder/x": "/nonexistent/folder/x", "--html /nonexistent/folder/x": "/nonexistent/folder/x",
    "--report /nonexistent/folder/x": "/nonexistent/folder/x", "--html -": "--html", "--live perhaps": "--live", "--stats-interval x": "--stats-interval",
    "--flush-delay x": "--flush-delay", "--label novalue": "--label", "--label =x": "--label", "--label '1a=x'": "--label", "--admin nowhere": "nowhere",
    "--grace x": "--grace", "--threads 0": "--threads", "--threads 65": "--threads", "--threads x": "--threads", "--insist sometimes": "--insist", "--log-level loud": "--log-level",
    "--log-format xml": "--log-format", "--forced-exit 256": "--forced-exit", "--conections 5": "--connections", "--tls-ca /dev/null": "--tls-ca", "--tls-insecure": "--tls-insecure",
    "--stats-interval 0s": "--stats-interval", "--ramp-start x --ramp-while 'p90<1s'": "--ramp-start", "--ramp-start 0/s --ramp-while 'p90<1s'": "--ramp-start",
    "--ramp-start 1/s --ramp-step x --ramp-while 'p90<1s'": "--ramp-step", "--ramp-start 1/s --ramp-while p90": "--ramp-while", "--ramp-start 1/s --ramp-while ''": "--ramp-while",
    "--ramp-start 1/s --ramp-while 'p90<1s' --ramp-every x": "--ramp-every", "--ramp-start 1/s --ramp-while 'p90<1s' --ramp-every 0s": "--ramp-every",
    "--ramp-start 1/s --ramp-while 'p90<1s' --ramp-every inf": "--ramp-every",
}  # fmt: skip
# What does not go together.
CONTRADICTIONS = {
    "--rate 5 --connections 3": "--connections", "--rate 5 --stage 1/s:1s": "--stage", "--max-in-flight 5": "--max-in-flight", "--arrival poisson": "--arrival",
    "--duration 5s --stage 1/s:1s": "--duration", "--stage 5/s:1s --connections 3": "--connections",
    "--ramp-start 5": "--ramp-while", "--ramp-step 5": "--ramp-start", "--ramp-every 5s": "--ramp-start", "--ramp-while 'p90<1s'": "--ramp-start",
    "--ramp-start 5 --ramp-while 'p90<1s' --rate 5": "--rate", "--ramp-start 5 --ramp-while 'p90<1s' --stage 1/s:1s": "--stage",
    "--ramp-start 5 --ramp-while 'p90<1s' --connections 3": "--connections", "--ramp-start 5 --ramp-while 'p90<1s' --duration 5s": "--ramp-every",
    "--presign /dev/null --requests 1": "evm-transfer",
    "--json x --html x": "the same file", "--json x --report x": "the same file", "--report x --html x": "the same file",
}  # fmt: skip
BAD_URLS = [
    "127.0.0.1:80", "ftp://127.0.0.1/", "http://", "http:///x", "http://127.0.0.1:0/", "http://127.0.0.1:70000/", "http://127.0.0.1:x/", "http://a b/",
    "http://127.0.0.1/a b", "http://[::1/", "http://user:secret@127.0.0.1/", "x", "http://127.0.0.1/#part",
]  # fmt: skip


def refused(*arguments, names="", **more):
    """What is wrong with how this is refused, or nothing."""
    code, out, err = finished(curfew("load", *arguments), env=environment(**more))
    if (code, out) != (2, ""):
        return f"{arguments}: exit {code}, {out!r}, {err!r}"
    if err.count("\n") != 1 or not err.startswith("curfew load: ") or names not in err:
        return f"{arguments} ({names}): {err!r}"
    return None


def assert_refused(cases):
    wrong = [mistake for mistake in cases if mistake]
    assert not wrong, "\n".join(wrong)


@limit(120)
def test_usage_bad_options():
    """Of each option each kind of value that it cannot have; the line names the option, or the file."""
    assert_refused([refused(*shlex.split(options), URL, names=names) for options, names in BAD_OPTIONS.items()])


def test_usage_contradictions():
    assert_refused([refused(*shlex.split(options), URL, names=names) for options, names in CONTRADICTIONS.items()])


def test_usage_results_may_go_to_what_is_no_file():
    """Nothing overwrites anything there: - is standard output for the result, standard error for the report."""
    for options in "--json - --report -", "--json /dev/null --html /dev/null --report /dev/null":
        truth = Truth()
        code, out, err = finished(curfew("load", *shlex.split(options), "--requests", "3", truth.url()), env=environment())
        assert code == 0, (code, out, err)
        if "-" in options.split():
            assert Result(out).check().ok() == 3 and '"exit_code":0' in err, (out, err)


def test_usage_says_how_to_mend_it():
    """In brackets at the end."""
    for options in "--rate x", "--stage 100", "--requests 0", "--fail-on nothing", "--rate 5 --connections 3":
        _, _, err = finished(curfew("load", *shlex.split(options), URL), env=environment())
        assert err.rstrip().endswith(")") and "(" in err, err


def test_usage_bad_urls():
    """Told with the URL itself, as it was given."""
    assert_refused([refused(url, names=url) for url in BAD_URLS] + [refused("https://unix:/tmp/x", names="unix")])


def test_usage_of_messages():
    """A WebSocket has no method; the URLs of a run are of one kind."""
    socket_url = "ws://127.0.0.1:1/"
    assert_refused([refused(socket_url, names="--body"), refused("--body", "x", "--method", "PUT", socket_url, names="--method"), refused(URL, socket_url, names=socket_url)])


def test_usage_no_target():
    assert_refused([refused(names="URL"), refused("--rate", "5", names="URL")])


def test_usage_an_admin_address_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_refused([refused("--admin", address, URL, names=address)])


def test_usage_a_certificate_that_is_none():
    text = temporary("text")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no certificate\n")
    assert_refused([refused("--tls-ca", text, "https://127.0.0.1:1/", names=text), refused("--tls-ca", "/nonexistent/ca", "https://127.0.0.1:1/", names="/nonexistent/ca")])


def test_usage_more_connections_than_descriptors():
    """As many are kept to each target."""
    for most, words in (64, ("--connections", "1000", URL)), (300, ("--connections", "100", URL, URL)):
        limited = ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *curfew("load", *words)]
        code, out, err = finished(limited, env=environment())
        assert code == 2 and not out and err.count("\n") == 1 and "descriptors" in err, (code, out, err)


def test_usage_nothing_is_opened_or_written_before_all_is_read():
    """A refused run leaves the results of the last one alone."""
    path = temporary("result")
    with open(path, "w", encoding="utf-8") as file:
        file.write("the last one\n")
    assert_refused([refused("--json", path, "--html", "/nonexistent/folder/x", URL), refused("--json", path, "--rate", "x", URL)])
    assert read_file(path) == "the last one\n"


def test_usage_variables_are_options():
    truth = Truth()
    assert loaded("", truth, env=environment(CURFEW_REQUESTS="7", CURFEW_PORT="tcp://x:1", CURFEW_CONNECTIONS="2")).ok() == 7
    assert_refused([refused(URL, names="CURFEW_RATE", CURFEW_RATE="x"), refused(URL, names="CURFEW_GRACE", CURFEW_GRACE="soon")])
    truth.stop()


def test_usage_help():
    code, out, err = finished(curfew("load", "--help"), env=environment())
    assert code == 0 and not err and "--expect-restart" in out and "merge" in out, out


def test_usage_merge():
    """It needs files that are results."""
    text = temporary("text")
    with open(text, "w", encoding="utf-8") as file:
        file.write('{"curfew_load":1}\n')
    assert_refused([refused("merge", names="merge"), refused("merge", "/nonexistent/result", names="/nonexistent/result"), refused("merge", text, names=text)])
