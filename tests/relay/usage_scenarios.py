# SPDX-License-Identifier: Apache-2.0
"""What curfew relay refuses at its start: one line that says what and how to mend it, and nothing is opened."""

import os
import shlex
import signal
import socket

from harness import *

BAD_OPTIONS = [
    "--header-prefix=X:Y", "--header-prefix=X-Ü", "--header-prefix=" + 41 * "x", "--metrics-prefix=1a", "--metrics-prefix=a.b",
    "--metrics-prefix=curfew_relay", "--max-clients=0", "--max-connections=0", "--max-connections=10000000", "--max-per-ip=-1", "--rate-limit=10",
    "--rate-limit=0/m", "--rate-limit=2000/s", "--burst=0", "--max-message=0", "--max-message=2G", "--outbox=256k", "--outbox=2G", "--max-memory=1M", "--max-memory=1025G",
    "--ping-interval=often", "--ping-interval=0s", "--pong-timeout=0s", "--claim-timeout=0s", "--write-timeout=0s", "--message-timeout=0s", "--head-timeout=0s",
    "--spread=soon", "--domain=a.example", "--domain=a.example --cert-cache=cache --tls-cert=site.pem",
    "--cert-cache=cache", "--acme-url=https://a.example", "--acme-listen=:81", "--production", "--trust-forwarded=10.0.0.0/33",
    "--trust-forwarded=" + ",".join(33 * ["::1"]), "--request-timeout=1s", "--listen=nowhere", "--tls-key=x",
]  # fmt: skip


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_", "LISTEN_", "NOTIFY_"))}
    return {**kept, **more}


def refused(options):
    """What is wrong with how this is refused, or nothing."""
    code, out, err = finished(curfew("relay", "--listen", "127.0.0.1:0", *shlex.split(options)), within=10, env=environment())
    if (code, out) != (2, ""):
        return f"{options}: exit {code}, {out!r}, {err!r}"
    mends = "(" in err or " wants " in err
    if err.count("\n") != 1 or not err.startswith("curfew relay: ") or not mends:
        return f"{options}: {err!r}"
    return None


def test_usage_bad_options():
    wrong = [mistake for options in BAD_OPTIONS if (mistake := refused(options))]
    assert not wrong, "\n".join(wrong)


def test_usage_operands():
    code, out, err = finished(curfew("relay", "server"), env=environment())
    assert (code, out, err) == (2, "", "curfew relay: unexpected argument 'server'\n")


def test_usage_production_is_not_for_root():
    if os.geteuid():
        raise Skip("only root can be refused for being root")
    assert not (mistake := refused("--production --tls-cert=site.pem")), mistake


def test_usage_a_port_in_use():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        assert not (mistake := refused(f"--listen=127.0.0.1:{holder.getsockname()[1]}")), mistake


def test_usage_variables_are_options():
    code, _, err = finished(curfew("relay"), env=environment(CURFEW_RATE_LIMIT="often"))
    assert code == 2 and "CURFEW_RATE_LIMIT" in err and err.count("\n") == 1, err


def started(options, descriptors):
    """The fields of the line that tells the start, where there are so many descriptors."""
    words = curfew("relay", "--listen", "127.0.0.1:0", *options)
    process = start(["sh", "-c", f"ulimit -n {descriptors}; exec " + shlex.join(words)], env=environment())
    line = process.err.line()
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    return line


def test_usage_what_the_descriptors_hold():
    """Without --max-connections there are as many as fit; with it, all of them have to fit."""
    assert "max_connections=848 " in started([], 2000)
    assert "max_connections=848 " in started(["--max-connections", "848"], 2000)
    code, _, err = finished(["sh", "-c", "ulimit -n 2000; exec " + shlex.join(curfew("relay", "--listen=127.0.0.1:0", "--max-connections=849"))], env=environment())
    assert code == 2 and "849" in err and "848" in err and err.count("\n") == 1, err
