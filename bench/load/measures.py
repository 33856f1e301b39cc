# SPDX-License-Identifier: Apache-2.0
"""What a request costs each client and who counts right, and when what was due at a moment comes to a server. Each
function takes the bench and returns rows: see table.py."""

import http.client
import math
import mmap
import os
import re
import signal
import statistics
import struct

import processes
import servers
from clients import Place
from table import Row

CONNECTIONS = (1, 32, 256)
CROWDED = (32, 256)  # connections, where the server has a worker for each CPU
RATES = (1000, 5000)
PLANNED_PARTS = (50, 99, 100)  # percentiles of how late requests arrive

# As tests/fixtures/truth.h has them: what stands in front of its records, and a record.
RECORDS_AT = 4096
RECORD = struct.Struct("=qqQIHH")

NGINX = """
daemon off;
user root;
worker_processes {workers};
pid {scratch}/nginx.pid;
error_log /dev/null;
events {{
    worker_connections 1024;
}}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            return 200 "{body}";
        }}
        location = /count {{
            stub_status;
        }}
    }}
}}
"""


class Nginx:
    """The server of the closed loops, which counts requests itself."""

    def __init__(self, bench, workers=1):
        place = servers.Place(bench.build, bench.folder("nginx"), servers.free_ports(1)[0])
        self.port = place.port
        self.workers = workers
        self.process = servers.start(self.words, place)

    def words(self, place):
        body = "0123456789abcdef" * 8
        text = NGINX.format(scratch=place.scratch, port=place.port, workers=self.workers, body=body)
        path = place.file("nginx.conf", text)
        return ["nginx", "-p", place.scratch, "-e", "/dev/null", "-c", path]

    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def count(self):
        """The requests that it has had up to now; to ask is one of them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=servers.READY_S)
        try:
            connection.request("GET", "/count")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", text)[1])

    def close(self):
        processes.signal_all(processes.descendants(self.process.pid), signal.SIGKILL)
        processes.kill(self.process)


def run(argv):
    """Runs a client to its end: (what it says, the resources that it used)."""
    process = processes.start(argv)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    processes.finish(process)
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {process.returncode}:\n{output}")
    return output, usage


# The closed loop.


def closed_sample(bench, client, nginx, connections):
    place = Place(bench.build, bench.scratch, nginx.url(), bench.seconds)
    before = nginx.count()
    output, usage = run(client.closed(place, connections))
    counted = nginx.count() - before - 1
    said = client.said(place, output)
    return {
        "cpu_us": (usage.ru_utime + usage.ru_stime) * 1e6 / counted,
        "user_us": usage.ru_utime * 1e6 / counted,
        "rate": said.rate,
        "unsaid": counted - said.answers,
        "failed": said.failed,
    }


def median(samples, name):
    return statistics.median(sample[name] for sample in samples)


def beside(samples, names, name, digits, unit):
    """Medians, with the median of the ratios to wrk of the same turn (to the first, where that is not there)."""
    base = samples["wrk" if "wrk" in names else names[0]]
    cells = []
    for each in names:
        ratios = [own[name] / peer[name] if peer[name] else math.nan for own, peer in zip(samples[each], base)]
        value = f"{median(samples[each], name):.{digits}f} {unit}".strip()
        cells.append(f"{value}  {statistics.median(ratios):.2f}x")
    return cells


def closed_rounds(bench, clients, nginx, connections):
    """The samples of each client, and what they are of."""
    label = f"{connections} connection{'s' if connections > 1 else ''}: "
    if nginx.workers > 1:
        label = f"{nginx.workers} workers, {label}"
    samples = {client.name: [] for client in clients}
    for number in range(bench.rounds):
        bench.progress(f"{label}round {number + 1} of {bench.rounds}")
        for client in clients if number % 2 == 0 else reversed(clients):
            samples[client.name].append(closed_sample(bench, client, nginx, connections))
    return label, samples


def closed_rows(bench, clients, nginx, connections):
    names = [client.name for client in clients]
    label, samples = closed_rounds(bench, clients, nginx, connections)
    unsaid = [round(median(samples[name], "unsaid")) for name in names]
    failed = [sum(sample["failed"] for sample in samples[name]) for name in names]
    return [
        Row(label + "CPU a request", beside(samples, names, "cpu_us", 2, "us"), ratio=False),
        Row("  of that in user mode", beside(samples, names, "user_us", 2, "us"), ratio=False),
        Row("  answers each second, as it says", beside(samples, names, "rate", 0, ""), ratio=False),
        Row("  counted by nginx, not by it", unsaid, ratio=False),
        Row("  failed, as it says", failed, ratio=False),
    ]


def all_closed_rows(bench, clients):
    nginx = Nginx(bench)
    try:
        return [row for count in CONNECTIONS for row in closed_rows(bench, clients, nginx, count)]
    finally:
        nginx.close()


def crowded_rows(bench, clients, nginx, connections):
    names = [client.name for client in clients]
    label, samples = closed_rounds(bench, clients, nginx, connections)
    return [
        Row(label + "answers each second", beside(samples, names, "rate", 0, ""), ratio=False),
        Row("  CPU a request", beside(samples, names, "cpu_us", 2, "us"), ratio=False),
    ]


def all_crowded_rows(bench, clients):
    """One worker of a server tells of that worker only. Where there is one for each CPU, the machine is full, and who
    needs less of it gets more answers."""
    nginx = Nginx(bench, os.cpu_count())
    try:
        return [row for count in CROWDED for row in crowded_rows(bench, clients, nginx, count)]
    finally:
        nginx.close()


# The open loop.


class Arrivals:
    """A server that notes when each request came, in nanoseconds."""

    def __init__(self, bench):
        self.path = os.path.join(bench.scratch, "arrivals")
        self.port = servers.free_ports(1)[0]
        program = os.path.join(bench.build, "tests", "fixtures", "truth_server")
        self.process = processes.start([program, str(self.port), self.path])
        if not processes.line(self.process).startswith("ready"):
            raise RuntimeError("the server that notes arrivals does not start")

    def read(self):
        with open(self.path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
            count = int.from_bytes(memory[:8], "little")
            return sorted(row[0] for row in RECORD.iter_unpack(memory[RECORDS_AT : RECORDS_AT + count * RECORD.size]))

    def close(self):
        processes.kill(self.process)
        os.unlink(self.path)


def lateness_us(arrivals, rate):
    """How late each arrived, sorted. The i-th is due i/rate after a begin, which nobody tells: it is taken as late as
    it can be without one that came too early."""
    beyond = [at - number * 1e9 / rate for number, at in enumerate(arrivals)]
    begin = min(beyond)
    return sorted((each - begin) / 1000 for each in beyond)


def percentile(ordered, part):
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)]


def open_sample(bench, client, rate):
    server = Arrivals(bench)
    try:
        place = Place(bench.build, bench.scratch, f"http://127.0.0.1:{server.port}/", bench.seconds)
        output, _ = run(client.open(place, rate))
        arrivals = server.read()
    finally:
        server.close()
    said = client.said(place, output)
    late = lateness_us(arrivals, rate)
    apart = sorted(abs(b - a - 1e9 / rate) / 1000 for a, b in zip(arrivals, arrivals[1:]))
    return {
        "late": [percentile(late, part) for part in PLANNED_PARTS],
        "apart": [percentile(apart, part) for part in PLANNED_PARTS],
        "lag": said.lag_us,
        "of_plan": 100 * len(arrivals) / (rate * bench.seconds),
        "unsaid": len(arrivals) - said.answers,
    }


def in_us(values):
    return " / ".join(f"{value:.0f}" for value in values) + " us" if values else "-"


def medians(samples, name):
    """Of each percentile, the median of the rounds."""
    return in_us([statistics.median(column) for column in zip(*(sample[name] for sample in samples))])


def open_rows(bench, clients, rate):
    samples = {client.name: [] for client in clients if client.open}
    for number in range(bench.rounds):
        bench.progress(f"{rate}/s, round {number + 1} of {bench.rounds}")
        for client in clients if number % 2 == 0 else reversed(clients):
            if client.open:
                samples[client.name].append(open_sample(bench, client, rate))

    def cells(tell):
        return [tell(samples[client.name]) if client.open else None for client in clients]

    return [
        Row(f"{rate}/s: sent late, as it says", cells(lambda s: medians(s, "lag")), ratio=False),
        Row("  arrived late", cells(lambda s: medians(s, "late")), ratio=False),
        Row("  interval differs from the plan's", cells(lambda s: medians(s, "apart")), ratio=False),
        Row("  arrived, of those planned", cells(lambda s: f"{median(s, 'of_plan'):.1f} %"), ratio=False),
        Row("  arrived, not counted by it", cells(lambda s: round(median(s, "unsaid"))), ratio=False),
    ]


def all_open_rows(bench, clients):
    return [row for rate in RATES for row in open_rows(bench, clients, rate)]


STEPS = {"closed": all_closed_rows, "crowded": all_crowded_rows, "open": all_open_rows}
