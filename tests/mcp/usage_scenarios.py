# SPDX-License-Identifier: Apache-2.0
"""What curfew mcp refuses at its start: one line that says what and how to mend it, and nothing is opened."""

import os
import shlex
import socket

from harness import *

BAD_OPTIONS = [
    "", "--path=mcp cat", "--path=/a?b cat", "--path=/sse cat", "--env=A cat", "--env==1 cat", "--header-env=X-Key cat",
    "--header-env=X=1A cat", "--cwd=/nonexistent cat", "--restart cat", "--shared --header-env=X-Key=A cat", "--stateless-pool=-1 cat", "--max-sessions=0 cat",
    "--spawn-concurrency=x cat", "--session-idle=soon cat", "--max-message=1 cat", "--max-message=2G cat", "--replay=x cat",
    "--replica=a.b cat", "--replica= cat", "--peer-url=http://{replica} cat", "--peer-url=http://peer --session-key-file=KEY cat",
    "--peer-url=nowhere --session-key-file=KEY cat", "--session-key-file=/nonexistent/key cat", "--allow-host=http://a cat",
    "--allow-origin=a.example cat", "--allow-origin=https://a.example/ cat", "--token-file=/nonexistent/token cat", "--token-file=EMPTY cat",
    "--threads=2 cat", "--trust-forwarded=::1 cat", "--eof-wait=x cat", "--listen=nowhere cat", "--tls-key=x cat",
]  # fmt: skip


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_", "LISTEN_", "NOTIFY_"))}
    return {**kept, **more}


def refused(options, wanted=2):
    """What is wrong with how this is refused, or nothing."""
    code, out, err = finished(curfew("mcp", "--listen", "127.0.0.1:0", *shlex.split(options)), within=10, env=environment())
    if (code, out) != (wanted, ""):
        return f"{options}: exit {code}, {out!r}, {err!r}"
    mends = "(" in err or " wants " in err
    if err.count("\n") != 1 or not err.startswith("curfew mcp: ") or not mends:
        return f"{options}: {err!r}"
    return None


def test_usage_bad_options():
    folder = temporary("bad-options")
    os.mkdir(folder)
    empty = os.path.join(folder, "empty")
    with open(empty, "w", encoding="ascii"):
        pass
    key = os.path.join(folder, "key")
    cases = [options.replace("KEY", key).replace("EMPTY", empty) for options in BAD_OPTIONS]
    wrong = [mistake for case in cases if (mistake := refused(case))]
    assert not wrong, "\n".join(wrong)


def test_usage_a_server_that_cannot_be_started():
    """Known at the start, not when the first session begins."""
    assert not (mistake := refused("no-such-server", 127)), mistake
    assert not (mistake := refused("--env=PATH=/nonexistent cat", 127)), mistake
    assert not (mistake := refused("/etc/passwd", 126)), mistake
    assert not (mistake := refused("--cwd=/etc ./passwd", 126)), mistake


def test_usage_a_port_in_use():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        assert not (mistake := refused(f"--listen=127.0.0.1:{holder.getsockname()[1]} cat")), mistake


def test_usage_variables_are_options():
    code, _, err = finished(curfew("mcp", "cat"), env=environment(CURFEW_MAX_SESSIONS="none"))
    assert code == 2 and "CURFEW_MAX_SESSIONS" in err and err.count("\n") == 1, err
