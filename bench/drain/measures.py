# SPDX-License-Identifier: Apache-2.0
"""What happens to a server's clients at its end. Each function measures one contender, and returns
the cells of its row by their columns."""

import os
import random
import signal
import socket
import statistics
import threading
import time

import processes
import servers

# How the clients ask: the name, their mode, and the microseconds between two requests on average.
LOADS = [("fresh", "fresh", 0), ("kept", "keep", 0), ("kept, pausing", "keep", 10000)]
KINDS = ["reset", "ended", "partial", "refusal", "hung"]
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Stand:
    """One contender, running, with the service behind it."""

    def __init__(self, bench, contender):
        self.contender = contender
        self.place = bench.place()
        self.service = None
        if contender.role == "proxy":
            service = bench.place(port=self.place.upstream)
            self.service = servers.start(servers.backend, service)
        self.process = servers.start(contender.words, self.place)

    def close(self):
        for process in (self.process, self.service):
            if process:
                left = processes.descendants(process.pid)
                processes.kill(process)
                processes.signal_all(left, signal.SIGKILL)
        processes.reap_adopted()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.place.port), timeout=5)


def clients_of(bench, stand, mode, pause_us):
    """Starts the clients, which will send the signal; returns their process and its time."""
    warm_ms = random.randint(200, 400)
    numbers = [stand.place.port, bench.clients, pause_us, warm_ms, bench.load_limit_s * 1000,
               stand.process.pid, int(stand.contender.stop)]
    program = os.path.join(bench.build, "bench", "drain", "clients")
    clients = processes.start([program, mode, *map(str, numbers)])
    words = processes.line(clients).split()
    if words[:1] != ["signal"]:
        raise RuntimeError(f"the clients of {stand.contender.name}: {' '.join(words)}")
    return clients, int(words[1]) / 1e9


def one_stop(bench, contender, mode, pause_us):
    """One stop under load: what the clients counted, and the seconds to the exit, None: it is late."""
    stand = Stand(bench, contender)
    try:
        clients, signalled = clients_of(bench, stand, mode, pause_us)
        exited = processes.ended([stand.process], signalled + bench.load_limit_s)[0]
        words = processes.line(clients, bench.load_limit_s + 5).split()
        processes.finish(clients)
    finally:
        stand.close()
    if words[:1] != [KINDS[0]]:
        raise RuntimeError(f"the clients of {contender.name}: {' '.join(words)}")
    counts = {name: int(value) for name, value in zip(words[::2], words[1::2])}
    if counts["before"]:
        raise RuntimeError(f"{contender.name} lost requests before the signal: {counts}")
    return counts, exited and exited - signalled


def load(bench, contender, name, mode, pause_us):
    """Some stops under load: what the clients counted, summed up, and the times to the exit."""
    total = {}
    times = []
    for number in range(bench.stops):
        bench.progress(f"{contender.name}: {name}, stop {number + 1} of {bench.stops}")
        counts, took = one_stop(bench, contender, mode, pause_us)
        times.append(took)
        for key, value in counts.items():
            total[key] = total.get(key, 0) + value
    return total, times


def exit_text(times, limit_s):
    """The median of some times to the exit, and the longest."""
    late = sum(took is None for took in times)
    if late == len(times):
        return f"> {limit_s} s"
    median = statistics.median(took for took in times if took is not None)
    return f"{median:.2f}, {f'> {limit_s} s' if late else f'{max(times):.2f} s'}"


def whole_answer(connection, until):
    """Whether a whole 200 comes on a connection: its Content-Length is 128."""
    text = b""
    while time.monotonic() < until:
        connection.settimeout(max(0.01, until - time.monotonic()))
        try:
            some = connection.recv(4096)
        except OSError:
            return False
        text += some
        head, end, body = text.partition(b"\r\n\r\n")
        if end and len(body) >= 128:
            return head.split(b"\r\n")[0].split()[1] == b"200"
        if not some:
            return False
    return False


def frozen(bench, contender):
    """Of 50 requests that wait in a stopped server's queues when its TERM comes, how many are lost."""
    lost = []
    for number in range(bench.frozen_rounds):
        bench.progress(f"{contender.name}: frozen, {number + 1} of {bench.frozen_rounds}")
        stand = Stand(bench, contender)
        try:
            lost.append(bench.backlog - frozen_answered(bench, stand))
        finally:
            stand.close()
    low, high = min(lost), max(lost)
    return str(low) if low == high else f"{low}-{high}"


def frozen_answered(bench, stand):
    if stand.contender.role == "parent":
        pids = [stand.process.pid]  # its child, the service, goes on
    else:
        pids = servers.family(stand.process)
    processes.signal_all(pids, signal.SIGSTOP)
    for pid in pids:
        await_stopped(pid)
    connections = [stand.connect() for _ in range(bench.backlog)]
    for connection in connections:
        connection.sendall(REQUEST)
    os.kill(stand.process.pid, stand.contender.stop)
    processes.signal_all(pids, signal.SIGCONT)
    until = time.monotonic() + 5
    answered = sum(whole_answer(connection, until) for connection in connections)
    for connection in connections:
        connection.close()
    return answered


def await_stopped(pid):
    while processes.read(pid, "stat").rpartition(")")[2].split()[:1] not in (["T"], []):
        time.sleep(0.001)


def all_at_once(bench, contenders, watch):
    """watch(bench, stand) for each contender, all at the same time: {name: what it returned}."""
    results = {}
    stands = [Stand(bench, contender) for contender in contenders]

    def note(stand):
        results[stand.contender.name] = watch(bench, stand)

    threads = [threading.Thread(target=note, args=(stand,)) for stand in stands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stand in stands:
        stand.close()
    return results


def exit_after_stop(bench, stand):
    """Sends the signal; returns the seconds until the exit, None if it does not come."""
    began = time.monotonic()
    fd = os.pidfd_open(stand.process.pid)
    os.kill(stand.process.pid, stand.contender.stop)
    exited = processes.readable(fd, bench.exit_limit_s)
    took = time.monotonic() - began
    os.close(fd)
    return took if exited else None


def silent(bench, stand):
    """The seconds that a connection which never sends a byte delays the exit."""
    connection = stand.connect()
    for _ in range(20):  # answered, so that the silent one before them was accepted
        with stand.connect() as other:
            other.sendall(REQUEST)
            whole_answer(other, time.monotonic() + 5)
    took = exit_after_stop(bench, stand)
    connection.close()
    return f"> {bench.exit_limit_s} s" if took is None else f"{took:.2f} s"


def events(bench, stand):
    """The exit with an endless event stream open, and how the stream ended."""
    connection = stand.connect()
    connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = connection.recv(4096)
    while text.count(b"data: tick") < 2:
        text += connection.recv(4096)
    took = exit_after_stop(bench, stand)
    if took is None:
        connection.close()
        return f"> {bench.exit_limit_s} s", "goes on"
    return f"{took:.2f} s", stream_end(connection)


def stream_end(connection):
    text = b""
    connection.settimeout(5)
    try:
        while some := connection.recv(65536):
            text += some
    except ConnectionResetError:
        return "reset"
    except OSError:
        return "hangs"
    finally:
        connection.close()
    return "terminated" if text.endswith(b"0\r\n\r\n") else "cut"
