# SPDX-License-Identifier: Apache-2.0
"""The start of a serving command: where it listens, what it says, and what it refuses."""

import os
import signal
import socket
import stat

from serving import *

TERM = signal.SIGTERM


def refused(options, *says, code=2, **more):
    """One line that names the trouble, and nothing started."""
    more.setdefault("env", environment())
    got, out, err = finished([curfew_path(), "gate", *shlex.split(options)], **more)
    assert (got, out, err.count("\n")) == (code, "", 1), (options, got, out, err)
    assert err.startswith("curfew gate: "), err
    for text in says:
        assert text in err, f"{options}: {text!r} is not in {err!r}"
    assert_no_survivors()


def test_start_line_tells_what_was_settled():
    served = Served("--grace 3s --announce 1500ms --max-connections 77")
    line = served.started
    assert line["version"] == re.search(r"version: '(.*?)'", (ROOT / "meson.build").read_text())[1]
    assert (line["level"], line["cmd"], line["pid"]) == ("info", "gate", str(served.process.pid))
    assert (line["grace"], line["grace_reason"], line["announce"]) == ("3s", "as given", "1500ms")
    assert (line["threads"], line["max_connections"], line["tls"]) == ("2", "77", "no")
    assert served.get() == 200 and status(served.admin, "/readyz") == 200
    served.process.signal(TERM)
    served.end()


def test_start_line_says_which_grace_and_why():
    for env, grace, reason, announce in (
        ({}, "25s", "Kubernetes kills after 30s", "0s"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "25s", "Kubernetes kills after 30s", "5s"),
        ({"CURFEW_GRACE": "inf"}, "inf", "as given", "0s"),
    ):
        process = serving(env=environment(**env))
        line = event(process, "started")
        assert line["grace"] == grace and reason in line["grace_reason"] and line["announce"] == announce, line
        process.signal(signal.SIGKILL)
        process.wait()


def test_07_as_process_1_the_grace_is_below_dockers():
    process = serving(wrap=first_process)
    line = event(process, "started")
    assert line["grace"] == "8s" and "docker stop" in line["grace_reason"], line
    event(process, "ready")
    os.kill(inner(process, "curfew-net"), TERM)
    assert process.wait() == 0


def test_listens_on_all_that_is_named():
    path = temporary("front.sock")
    process = serving(f"--listen '127.0.0.1:0, unix:{path}' --listen [::1]:0")
    addresses = event(process, "started")["listen"].split(",")
    assert len(addresses) == 4 and f"unix:{path}" in addresses, addresses
    event(process, "ready")
    for address in addresses:
        assert ask(address).startswith("HTTP/1.1 200 "), address
    process.signal(TERM)
    assert process.wait() == 0
    assert not os.path.exists(path), "the socket's file is left"


def ask(address):
    """The answer to a request on an address as it stands in the start line."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        connection = socket.create_connection((host.strip("[]"), int(port)))
    connection.settimeout(WITHIN)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection.makefile("rb").read().decode()


def start_activated(options, sockets, pid="$$"):
    """Hands sockets over as systemd does: they are 3, 4, ..., and LISTEN_PID is who gets them."""
    inner = f'LISTEN_PID={pid} LISTEN_FDS={len(sockets)} exec "$@"'
    argv = ["sh", "-c", inner, "sh", curfew_path(), "gate", "--respond", "200", *shlex.split(options)]
    numbers = [each.fileno() for each in sockets]
    return start(["python3", "-c", HAND_OVER, *map(str, numbers), "--", *argv], pass_fds=numbers, env=environment())


HAND_OVER = """
import fcntl, os, sys
end = sys.argv.index("--")
copies = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 100) for each in sys.argv[1:end]]
for number, copy in enumerate(copies):
    os.dup2(copy, 3 + number)
os.execvp(sys.argv[end + 1], sys.argv[end + 1:])
"""


def test_listens_on_what_systemd_hands_over():
    """Instead of the default, and beside what is named; the variables reach nobody else."""
    first, second = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    wanted = ["127.0.0.1:%d" % each.getsockname()[1] for each in (first, second)]
    process = start_activated("", [first, second])
    assert event(process, "started")["listen"].split(",") == wanted
    event(process, "ready")
    for address in wanted:
        assert ask(address).startswith("HTTP/1.1 200 ")
    process.signal(TERM)
    assert process.wait() == 0
    process = start_activated("--listen 127.0.0.1:0", [first])
    listed = event(process, "started")["listen"].split(",")
    assert len(listed) == 2 and wanted[0] in listed, listed
    process.signal(TERM)
    assert process.wait() == 0


def test_sockets_of_another_process_are_left_alone():
    server = socket.create_server(("127.0.0.1", 0))
    process = start_activated("--listen 127.0.0.1:0", [server], pid="1")
    assert str(server.getsockname()[1]) not in event(process, "started")["listen"]
    process.signal(TERM)
    assert process.wait() == 0


def test_refuses_addresses_that_cannot_be_listened_on():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(f"--respond 200 --listen 127.0.0.1:{port}", f"127.0.0.1:{port}", "in use")
        refused(f"--respond 200 --listen 127.0.0.1:0 --admin 127.0.0.1:{port}", f"127.0.0.1:{port}", "in use")
    for address in "nonsense", "127.0.0.1", "127.0.0.1:70000", ":x", "unix:", "[::1]", "1.2.3.4.5:80":
        refused(f"--respond 200 --listen {address}", address, "HOST:PORT")
        refused(f"--respond 200 --listen 127.0.0.1:0 --admin {address}", address, "HOST:PORT")
    refused("--respond 200 --listen 192.0.2.1:8080", "192.0.2.1:8080")
    refused("--respond 200 --listen unix:/nonexistent/x.sock", "/nonexistent/x.sock")
    refused("--respond 200 --listen 127.0.0.1:0,nonsense", "nonsense")


def test_refuses_what_is_wrong_with_the_rest():
    refused("", "--upstream", "--respond")
    refused("--upstream http://127.0.0.1:1 --respond 200", "--respond")
    refused("--respond 200 -- true", "COMMAND")
    refused("--upstream nonsense", "nonsense", "http://")
    refused("--upstream https://127.0.0.1:1", "https://127.0.0.1:1")
    refused("--respond 99", "200 to 599")
    refused("--respond 200 --threads 0", "--threads")
    refused("--respond 200 --max-connections 0", "--max-connections")
    refused("--respond 200 --trust-forwarded 10.0.0.0/33", "10.0.0.0/33")
    refused("--respond 200 --tls-key /dev/null", "--tls-cert")
    refused("--respond 200 --tls-cert /nonexistent/cert.pem", "/nonexistent/cert.pem")
    refused("--respond 200 --tls-cert /dev/null", "/dev/null")
    refused("--respond 200 --report /nonexistent/report", "/nonexistent/report")
    refused("--respond 200 --listen 127.0.0.1:0", "NOTIFY_SOCKET", env=environment(NOTIFY_SOCKET="nonsense"))


@plain
def test_refuses_a_command_that_cannot_be_executed():
    """Without sanitizers: in gcc's for threads, a child that shares our memory and never executes takes the order
    of what its parent has done with it."""
    plain = temporary("plain")
    open(plain, "w", encoding="utf-8").close()
    for program, code in ("/nonexistent/program", 127), (plain, 126):
        process = start([curfew_path(), "gate", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--", program], env=environment())
        err = process.err.rest().decode().splitlines()
        assert process.wait() == code, err
        assert err[0].startswith("curfew gate: cannot run") and program in err[0], err
        assert_no_survivors()


def test_a_refusal_leaves_no_socket_behind():
    path = temporary("front.sock")
    refused(f"--respond 200 --listen unix:{path} --admin nonsense", "nonsense")
    assert not os.path.exists(path)


def test_a_socket_file_that_nobody_listens_on_is_replaced():
    path = temporary("front.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(path)
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    process = serving(f"--listen unix:{path}")
    event(process, "ready")
    assert ask(f"unix:{path}").startswith("HTTP/1.1 200 ")
    process.signal(TERM)
    assert process.wait() == 0


@plain
def test_few_descriptors_are_well_or_refused():
    import resource

    for number in range(64, 3, -4):
        process = serving(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number)))
        until(lambda: not process.alive() or readable(process.err.fd, 0), "it says something")
        first = process.err.line()
        if first.startswith("curfew gate: "):
            assert process.wait() == 2, (number, first)
        else:
            event(process, "ready")
            process.signal(TERM)
            assert process.wait() == 0, number
        assert_no_survivors()
