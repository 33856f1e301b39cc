# SPDX-License-Identifier: Apache-2.0
"""restart.py CURFEW: what curfew load sees of a server that is restarted, without and with curfew gate. For the demo.

The gates get a listening socket that stays open between the two of them, as systemd hands it over.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time

CURFEW = sys.argv[1]
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.js")
LOAD = "curfew load --rate 500/s --duration 1500ms --expect-restart"
KINDS = {"--fresh": "a connection for each:", "": "kept connections:"}
running = []


def start(*argv, **options):
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
    running.append(process)
    return process


def stop(process):
    """The exit code, as a shell has it."""
    process.terminate()
    code = process.wait()
    return code if code >= 0 else 128 - code


def until_answered(port, within=30):
    end = time.monotonic() + within
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within)
            connection.request("GET", "/", headers={"Connection": "close"})
            return connection.getresponse().read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def load_under_way(kind, port):
    """One that has been sending for half a second: then it tells of it for the first time."""
    options = f"{kind} --live never --stats-interval 500ms --grace 20s --json - http://127.0.0.1:{port}/"
    argv = [CURFEW, *LOAD.split()[1:], *options.split()]
    load = start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in load.stderr:
        if b" in flight" in line:
            return load
    sys.exit("restart.py: curfew load did not start")


def tell(kind, result, code):
    """What its JSON has: see RESULT in curfew-load(1)."""
    tally, summary = result["tally"], result["summary"]
    lost = {outcome: count for outcome, count in tally["outcomes"].items() if outcome != "ok" and count}
    if tally["in_flight"]:
        lost["in flight"] = tally["in_flight"]
    kinds = ": " + ", ".join(f"{count} {outcome}" for outcome, count in lost.items()) if lost else ""
    # One without an end lasted as long as the load.
    away = sum((absence["end_ns"] or result["ended_ns"]) - absence["begin_ns"] for absence in summary["absences"])
    answered, slowest = summary["succeeded"], summary["intended"]["max_us"] // 1000
    print(f"  {KINDS[kind]:22} {tally['admitted']} requests, {answered} answered, {sum(lost.values())} lost{kinds}")
    print(f"{'':24} away for {away // 1000000} ms, slowest answer {slowest} ms, exit code {code}", flush=True)


def restarted(port, begin):
    """Begins a service, stops it with SIGTERM in the middle of a load, and begins it again; for each kind of client."""
    for kind in KINDS:
        service = begin()
        until_answered(port)
        load = load_under_way(kind, port)
        code = stop(service)
        service = begin()
        tell(kind, json.loads(load.communicate()[0]), code)
        stop(service)


def behind_gate(upstream, listener):
    # LISTEN_PID is of the process that becomes the gate.
    script = 'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&' + str(listener.fileno())
    argv = [CURFEW, "gate", "--upstream", f"http://127.0.0.1:{upstream}", "--log-level", "error"]
    argv += ["--", "node", SERVER, str(upstream)]
    port = listener.getsockname()[1]
    restarted(port, lambda: start("sh", "-c", script, "sh", *argv, pass_fds=[listener.fileno()]))


def main():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    print("An ordinary server (examples/server.js), stopped with SIGTERM under load and started again. As it is:\n")
    print(f"$ {LOAD} http://127.0.0.1:{port}/ &\n$ node server.js {port}", flush=True)
    restarted(port, lambda: start("node", SERVER, str(port)))
    print("\nThe same server, unchanged, as the child of curfew gate, on a socket that is kept open as systemd does it:\n")
    print(f"$ curfew gate --upstream http://127.0.0.1:{port} -- node server.js {port}", flush=True)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        behind_gate(port, listener)


try:
    main()
finally:
    for process in running:
        if process.poll() is None:
            process.kill()
