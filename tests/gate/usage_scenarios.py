# SPDX-License-Identifier: Apache-2.0
"""What the gate refuses at its start: one line that says what and how to mend it, exit 2, nothing opened."""

from gate import *

BAD_URLS = ["", "x", "http://", "https://127.0.0.1:1", "http://127.0.0.1:99999", "http://127.0.0.1:x", "ftp://127.0.0.1", "http://unix:", "http://a b:1", "http://u@127.0.0.1:1", "http://127.0.0.1:1/path"]
BAD_OPTIONS = [
    "--upstream http://127.0.0.1:1 --respond 200", "--respond 99", "--respond 600", "--respond x", "--respond 200 --max-body x",
    "--respond 200 --wait soon", "--respond 200 --grace -1s", "--respond 200 --listen nowhere", "--respond 200 --listen 127.0.0.1:99999",
    "--respond 200 --ws-close-code 10", "--respond 200 --ws-close-code 1006", "--respond 200 --threads x", "--respond 200 --max-connections x", "--respond 200 --trust-forwarded 1.2.3",
    "--respond 200 --trust-forwarded 10.0.0.0/40", "--respond 200 --tls-key x", "--respond 200 --upstreem x", "--respond 200 -- true",
    "--respond 200 --admin nowhere", "--respond 200 --insist sometimes", "--respond 200 --report /nonexistent/folder/x",
]  # fmt: skip


def refused(*arguments):
    """What is wrong with how this is refused, or nothing."""
    code, out, err = finished(curfew("gate", *arguments), within=10, env=environment())
    if (code, out) != (2, ""):
        return f"{arguments}: exit {code}, {out!r}, {err!r}"
    mends = "(" in err or " wants " in err
    if err.count("\n") != 1 or not err.startswith("curfew gate: ") or not mends:
        return f"{arguments}: {err!r}"
    return None


def assert_all_refused(cases):
    wrong = [mistake for case in cases if (mistake := refused(*case))]
    assert not wrong, "\n".join(wrong)


def test_usage_bad_urls():
    listen = f"127.0.0.1:{free_port()}"
    assert_all_refused([["--listen", listen, "--wait", "1s", "--upstream", url] for url in BAD_URLS])


def test_usage_bad_options():
    assert_all_refused([options.split() for options in BAD_OPTIONS] + [[]])


def test_usage_a_port_in_use():
    port = free_port()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        assert_all_refused([["--respond", "200", "--listen", f"127.0.0.1:{port}"]])
        assert_all_refused([["--respond", "200", "--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{port}"]])


def test_usage_variables_are_options():
    gate = Gate(PLAIN, "--access-log", ready=True, env=environment(CURFEW_MAX_BODY="10", CURFEW_ACCESS_LOG="0", CURFEW_PORT="tcp://x:1"))
    with gate.client() as client:
        assert client.ask(wire.request("POST", "/body", body=bytes(11))).status == 413
    gate.stop()
    code, _, err = finished(curfew("gate", "--respond", "200"), env=environment(CURFEW_GRACE="soon"))
    assert code == 2 and "CURFEW_GRACE" in err and err.count("\n") == 1, err
