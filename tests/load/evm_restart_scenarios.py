# SPDX-License-Identifier: Apache-2.0
"""An Ethereum node that is killed under load and comes back: what the run says of that time, and of each transaction."""

from node import *

BLOCKS = "--block-time 0.5"
ROW_NS = 20e6  # two rows of the timeline
LATE_NS = 5e9  # on a busy machine; else a pause and a block
# What became of a request whose transaction the node may have.
UNANSWERED = ("reset_sent", "closed", "truncated", "malformed", "timed_out", "5xx")


def assert_each_in_one_class(result):
    """Each request has one outcome, and each transaction one fate."""
    told = evm(result)
    unanswered = sum(result.outcomes[name] for name in UNANSWERED) + result.in_flight
    assert told["accepted"] == result.ok() + told["already_known"], (told, result.ended())
    assert told["unanswered"] == unanswered, (told, result.ended(), result.in_flight)
    fates = told["included"] - told["included_unanswered"] + told["not_included"] + told.get("not_followed", 0)
    assert fates == told["accepted"], (told, fates)
    assert told["receipts_succeeded"] + told["receipts_failed"] + told["receipts_missing"] == told["included"], told


def since_begin(result, moment):
    """A moment of time.time() in ns of the run."""
    return moment * 1e9 - result.began_ms * 1e6


def has_read_all(pid, port):
    """Whether a process has nothing left to do with what it was sent from this port."""
    rows = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    return not any(int(row[2].split(":")[1], 16) == port and int(row[4].split(":")[1], 16) for row in rows) and asleep(pid)


class Restart:
    """The node is away from `gone` to `back`. Where its state is in a file, it is killed when that is whole."""

    def __init__(self, node, load, state=None):
        until(lambda: self.stopped(node, state), "the node is stopped", 30)
        until(lambda: has_read_all(load.pid, node.port), "all that it answered is read")  # else it is of the time after `gone`
        self.gone, began = time.time(), now()
        node.kill()
        until(lambda: now() - began >= 0.5, "half a second")
        self.begins = time.time()
        node.start()
        self.back = time.time()

    def stopped(self, node, path):
        node.process.signal(signal.SIGSTOP)
        until(lambda: state(node.process.pid) == "T", "it stands still")
        try:
            return path is None or json.loads(read_file(path))
        except (FileNotFoundError, ValueError):
            node.process.signal(signal.SIGCONT)
            return False

    def assert_told(self, result):
        """One absence covers the time in which nobody listened, and is no longer than until somebody was asked again: each
        lane and each account pauses before that, and blocks come once a second."""
        gone, begins, back = (since_begin(result, moment) for moment in (self.gone, self.begins, self.back))
        told = [each for each in result.absences if each["begin_ns"] < begins and (each["end_ns"] or math.inf) > gone]
        assert len(told) == 1, (gone, begins, back, result.absences)
        assert told[0]["begin_ns"] <= gone + ROW_NS and begins <= told[0]["end_ns"] <= back + LATE_NS, (gone, begins, back, told)
        lost = sum(told[0]["outcomes"].values())
        assert 0 < lost <= result.failures() and told[0]["outcomes"].get("refused", 0) > 0, (lost, result.ended())


@limit(180)
def test_a_node_that_is_killed_and_comes_back_as_a_new_chain():
    """Its chain is new, and all nonces are 0 again: nobody has money but those of the key file."""
    node = Node(BLOCKS)
    path = profile(node, keys=keys(RICH, OTHER), to="random", collector="websocket", websocket=node.websocket)
    load = Load(f"--profile {path} --threads 2 --duration inf --grace 3s --timeout 5s --expect-restart")
    sent(node, 20, without=())
    newest = node.number("eth_blockNumber")
    until(lambda: node.number("eth_blockNumber") > newest + 2, "three more blocks", 60)
    restart = Restart(node, load)
    sent(node, 20, without=())
    result = load.stop()
    told, transactions = evm(result), node.transactions()
    restart.assert_told(result)
    assert_each_in_one_class(result)
    assert told["resyncs"] > 0 and told["reorganizations"] > 0 and told["outages"] > 0, told
    assert result.ok() > 0 and result.failures() > 0, result.ended()
    assert_in_order(transactions, 2)
    assert told["included"] == len(transactions), (told, len(transactions))


@limit(180)
def test_a_node_that_is_killed_and_comes_back_with_its_state():
    """It forgets what is not in its last state: nonces may be smaller than before."""
    path = temporary("state.json")
    node = Node(f"{BLOCKS} --state {path} --state-interval 1")
    scenario = profile(node, keys=keys(RICH, OTHER), to="random", collector="polling", poll="100ms")
    load = Load(f"--profile {scenario} --threads 2 --duration inf --grace 3s --timeout 5s --expect-restart")
    sent(node, 20, without=())
    restart = Restart(node, load, path)
    before = node.number("eth_getTransactionCount", OTHERS_ADDRESS, "latest")
    until(lambda: node.number("eth_getTransactionCount", OTHERS_ADDRESS, "latest") > before + 5, "it goes on", 60)
    result = load.stop()
    told, transactions = evm(result), node.transactions()
    restart.assert_told(result)
    assert_each_in_one_class(result)
    for nonces in by_sender(transactions).values():
        gaps = [pair for pair in zip(nonces, nonces[1:]) if pair[1] != pair[0] + 1]
        assert len(gaps) <= 1 and nonces == sorted(nonces), gaps  # one: its state is ahead of the blocks in the file
    assert told["resyncs"] > 0, told  # whether polling has met the time in which nobody listened is up to chance
    assert result.ok() > 0 and result.failures() > 0, result.ended()


@plain
def test_a_node_that_does_not_come_back():
    """Nothing is sent to nobody, but what would have been is told as lost, for as long as the run lasts."""
    node = Node(BLOCKS)
    load = Load(f"--profile {profile(node, keys=keys(RICH, OTHER), to='random')} --duration inf --grace 300ms --expect-restart")
    sent(node, 10, without=())
    node.kill()
    gone = now()
    until(lambda: now() - gone >= 0.5, "half a second")
    result = load.stop()
    last = result.absences[-1]
    assert last["end_ns"] is None and result.ran_ns - last["begin_ns"] >= 0.4e9, (result.ran_ns, result.absences)
    assert last["outcomes"]["refused"] > 10, last
    assert_each_in_one_class(result)
