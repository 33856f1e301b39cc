# SPDX-License-Identifier: Apache-2.0
"""Many at once: clients that call as fast as they are answered, across the signal."""

import threading

from serve import *
from wire import Ended

LATE = "--cancel-after 60s"  # work is not asked to stop: it ends by itself
CLIENTS = 48
STOPS = 5  # of each mode and face: 20 in all


class Counting(threading.Thread):
    """Calls as fast as they are answered, each of which leaves a line of its own, until nobody listens."""

    def __init__(self, number, serve, log):
        super().__init__(daemon=True)
        self.number, self.serve, self.log = number, serve, log
        self.answered, self.stopped, self.lost = [], 0, []
        self.start()

    def run(self):
        client = None
        while not self.lost:
            text = f"effect-{self.number}-{len(self.answered)}-{self.stopped}"
            try:
                client = client or self.serve.client()
                client.send(invoke({"do": f"log {text}", "log": self.log}))
                envelope = Envelope(client.whole("POST"))
            except ConnectionRefusedError:
                return
            except (Ended, OSError, AssertionError) as end:
                self.lost.append((text, repr(end)))
                return
            if envelope.status == 200:
                self.answered.append(text)
            else:
                envelope.assert_stopped()
                self.stopped += 1
            if envelope.answer.says_close():
                client.close()
                client = None


@faces(*EACH)
def test_35_there_are_as_many_side_effects_as_answers(face):
    """By clients that call across the signal: nothing is done twice, and nothing without its answer. What the end has
    stopped has done nothing, in C; a process may have been ended in the midst of it, unless there is time."""
    serve = Serve(face, LATE if face.is_program else "")
    log = temporary("effects")
    clients = [Counting(number, serve, log) for number in range(4)]
    until(lambda: sum(len(client.answered) for client in clients) > (20 if face.is_program else 300), "they are under way")
    serve.signal()
    for client in clients:
        client.join(WITHIN)
        assert not client.is_alive() and not client.lost, client.lost
    assert serve.end()["forced"] == []
    assert sorted(read_file(log).splitlines()) == sorted(text for client in clients for text in client.answered)


def stop_under_load(face, mode, options=""):
    serve = Serve(face, options)
    arguments = [str(serve.port), mode, str(CLIENTS), "/invoke", "tls" if face.tls else "plain", '{"do":""}']
    clients = start([str(BUILD / "tests" / "examples" / "load_client"), *arguments])
    clients.expect("running", within=40)
    serve.signal()
    report = serve.end(within=30)
    counted = json.loads(clients.line(30))
    assert clients.wait() == 0 and report["forced"] == [], report
    return counted


@faces(LIBRARY, *plainly(LIBRARY_TLS))
@limit(120)
def test_40_nothing_is_lost_under_load(face):
    total = {}
    for mode in "fresh", "kept":
        for _ in range(STOPS):
            for name, count in stop_under_load(face, mode).items():
                total[name] = total.get(name, 0) + count
    assert total["lost"] == total["unsent"] == 0, total
    assert total["answered"] == total["sent"] > STOPS * CLIENTS and total["refused"] == 2 * STOPS * CLIENTS, total


@faces(WORKERS)
@limit(120)
def test_40_nothing_is_lost_under_load_of_programs(face):
    total = {}
    for mode in "fresh", "kept":
        for name, count in stop_under_load(face, mode).items():
            total[name] = total.get(name, 0) + count
    assert total["lost"] == total["unsent"] == 0 and total["answered"] == total["sent"], total
