# SPDX-License-Identifier: Apache-2.0
"""The same seed and profile give the same requests, whatever becomes of them; a key stays with its endpoint in all runs."""

import hashlib
import re

from load import *

from ws_server import Server

COUNT = 300
SCENARIOS = [
    {"name": "read", "kind": "http", "weight": 3, "target": "/k/${key:3}?r=${random:1000}", "key": {"count": 60, "distribution": "zipf"}},
    {"name": "write", "kind": "http", "method": "PUT", "target": "/w/${number}", "body": "${hex:16} ${fill}", "sizes": [{"bytes": 10, "weight": 3}, {"bytes": 3000, "weight": 1}]},
]
BODY = re.compile(rb"(?i)\r\nContent-Length: (\d+)")


def profile(urls, scenarios, seed):
    path = temporary(f"profile-{next(names)}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"endpoints": urls, "requests": COUNT, "seed": seed, "scenarios": scenarios}, file)
    return path


def requests(truth):
    """(method, path, hash of the body) of each that it has read, with how often it came."""
    data, found = truth.requests(), collections.Counter()
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = BODY.search(head)
        body, data = (data[: int(length[1])], data[int(length[1]) :]) if length else (b"", data)
        method, path = head.split(b" ", 2)[:2]
        found[method, path, hashlib.sha256(body).hexdigest()] += 1
    return found


def asked(options="", seed=5, server=""):
    truth = Truth(server)
    result = Load(f"--profile {profile(truth.url(), SCENARIOS, seed)} {options}").end()
    assert result.admitted == COUNT and result.in_flight == 0, result
    found = requests(truth)
    truth.stop()
    return found


def test_seed_gives_the_same_requests_however_they_end():
    """Those of a server that answers all of them come again to one that fails, in another order; and with another seed do not."""
    usual = asked("--connections 3")
    assert sum(usual.values()) == COUNT and len(usual) > COUNT / 2, usual
    failing = "--script 'ok*6 503 reset cut late=30 404'"
    assert asked("--connections 9 --threads 2", server=failing) == usual
    assert asked("--rate 3000/s --arrival poisson --fresh --threads 2", server=failing) == usual
    warmed = asked("--connections 4 --prewarm")
    assert sum((warmed - usual).values()) == 4 and not usual - warmed, warmed - usual
    assert not {each for each in asked(seed=6) if each[0] == b"PUT"} & set(usual), "another seed makes the same bodies"


def test_seed_gives_the_same_messages():
    scenario = {"name": "a", "kind": "websocket", "message": "${number} ${hex:8} ${fill}", "sizes": "1k"}
    found = []
    for options in "--connections 2", "--connections 7 --threads 2 --fresh", "--connections 2 --seed 9":
        server = Server("echo echo reset close" if "fresh" in options else "echo")
        loaded(f"--profile {profile(server.url(), [scenario], 5)} {options}")
        found.append(sorted(payload for _, payload in server.messages))
        server.until_idle()
    assert len(found[0]) == COUNT and found[0] == found[1], (len(found[0]), len(found[1]))
    assert not set(found[0]) & set(found[2]), "another seed makes the same messages"


def test_seed_leaves_keys_with_their_endpoints():
    """Of three, two scenarios of other weights, threads and seeds: each key is at one, and at the same one in all runs."""
    truths, places = [Truth() for _ in range(3)], collections.defaultdict(set)
    key = {"count": 60}
    scenarios = [{"name": name, "kind": "http", "weight": weight, "target": f"/{name}/${{key}}", "key": key, "sticky": True} for name, weight in (("a", 1), ("b", 4))]
    for options in "--connections 2 --seed 1", "--connections 8 --threads 2 --seed 2", "--rate 3000/s --seed 3":
        loaded(f"--profile {profile([truth.url() for truth in truths], scenarios, 1)} {options}")
    for number, truth in enumerate(truths):
        for _, path, _ in requests(truth):
            places[path.rpartition(b"/")[2]].add(number)
        truth.stop()
    assert len(places) == 60 and all(len(where) == 1 for where in places.values()), places
    spread = collections.Counter(number for where in places.values() for number in where)
    assert len(spread) == 3 and min(spread.values()) >= 10, spread
