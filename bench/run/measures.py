# SPDX-License-Identifier: Apache-2.0
"""What is measured. Each function takes the bench and returns rows: see table.py."""

import os
import signal
import statistics
import subprocess
import tempfile
import time

import processes
from table import Row

TREE_GRACE_S = 2  # what `curfew run` is given for a tree; for the others the time until they "hang"
PATIENCE_S = 1  # on top of that, since a bound that is kept is kept within less
CLEANUP_BOUND_S = 3
SAME_WALKS = 6  # a process that forks and exits is easily missed by one walk through /proc
PID1 = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def helper(bench, program, *words):
    """Runs one of the C drivers around all contenders; returns its lines as lists of numbers."""
    argv = [os.path.join(bench.helpers, program), *words]
    for contender in [None, *bench.contenders] if program == "starts" else bench.contenders:
        argv += (contender.words if contender else []) + [","]
    process = subprocess.Popen(
        argv,
        env=processes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    processes.own[process.pid] = process
    output = process.stdout.read()
    processes.finish(process)
    if process.returncode:
        raise RuntimeError(f"{program} ended with {process.returncode}")
    return [[int(word) for word in text.split()] for text in output.splitlines()]


def p90(values):
    return sorted(values)[int(0.9 * (len(values) - 1))]


def starts(bench):
    rounds = 60 if bench.quick else 400
    lines = helper(bench, "starts", str(rounds), bench.leaf)
    begin = [[b for n, b, _ in lines if n == i] for i in range(len(bench.contenders) + 1)]
    end = [[e for n, _, e in lines if n == i] for i in range(len(bench.contenders) + 1)]
    bare, bare_end = statistics.median(begin[0]), statistics.median(end[0])

    def over(samples, base, pick):
        return [round((pick(of) - base) / 1000) for of in samples[1:]]

    return [
        Row("start overhead, median", over(begin, bare, statistics.median), "us",
            note=f"start to the child's main, over a bare exec ({bare / 1000:.0f} us); "
                 f"{rounds} starts each"),
        Row("start overhead, p90", over(begin, bare, p90), "us"),
        Row("child's exit to ours, median", over(end, bare_end, statistics.median), "us",
            note="over what a bare child's exit takes to reach its parent "
                 f"({bare_end / 1000:.0f} us)"),
    ]


def sweep(bench):
    starts_each = 80 if bench.quick else 250
    life = helper(bench, "sweep", "life", str(starts_each), bench.leaf)
    held = helper(bench, "sweep", "held", str(starts_each), bench.leaf)
    return [
        Row(f"TERM lost, of {starts_each}", [of[2] for of in life], ratio=False,
            note="one TERM in the first 20 ms of life; not ended 1.5 s later"),
        Row("  died of it before its main", [of[3] for of in life], ratio=False,
            note="by the signal's default action"),
        Row("  ended, but left its child", [of[4] for of in life], ratio=False),
        Row(f"TERM lost once held, of {starts_each}", [of[2] for of in held], ratio=False,
            note="the same once /proc shows TERM blocked, caught or waited for"),
    ]


def rest(bench):
    """Memory, wake-ups: all contenders at the same time, around a child that waits."""
    idle_s = 4 if bench.quick else 10
    running = [processes.start(c.words + [bench.leaf, "wait"]) for c in bench.contenders]
    for process in running:
        processes.line(process)
    time.sleep(0.5)  # whatever a contender still does after its start is not idle time
    before = [processes.switches(p.pid) for p in running]
    time.sleep(idle_s)
    woken = [processes.switches(p.pid) - b for p, b in zip(running, before)]
    rss = [processes.field(p.pid, "status", "VmRSS") for p in running]
    pss = [processes.field(p.pid, "smaps_rollup", "Pss") for p in running]
    for process in running:
        process.send_signal(signal.SIGTERM)
    ends = processes.ended(running, time.monotonic() + TREE_GRACE_S)
    codes = [process.returncode if at else "hangs" for process, at in zip(running, ends)]
    for process in running:
        processes.kill(process)
    return [
        Row("resident memory (VmRSS)", rss, "kB", note="while the child sleeps"),
        Row("its share of it (Pss)", pss, "kB",
            note="pages shared with other processes counted in part"),
        Row(f"wake-ups in {idle_s} s", woken,
            note="context switches of all threads, all contenders at once"),
        Row("exit code after TERM", codes, ratio=False, note="of a child that ends on it"),
    ]


class Tree:
    """A contender around a tree, in a directory of its own; as process 1 if asked."""

    def __init__(self, bench, contender, mode, pid1):
        self.dir = tempfile.mkdtemp(prefix="tree-", dir=bench.scratch)
        self.pid1 = pid1
        open(os.path.join(self.dir, "go"), "w").close()
        argv = contender.tree_words + [bench.tree, mode, self.dir]
        self.process = processes.start(bench.pid1 + argv if pid1 else argv, BENCH_TREE=self.dir)
        self.began = processes.line(self.process) == "ready"
        pids = processes.children(self.process.pid) if pid1 else [self.process.pid]
        self.init = pids[0] if pids else 0

    def term(self):
        self.term_at = time.monotonic()
        if self.init:
            os.kill(self.init, signal.SIGTERM)

    def alive(self):
        """How many of the tree live; they are stopped first, since a storm does not stand still."""
        mark, seen, same = f"BENCH_TREE={self.dir}", set(), 0
        deadline = time.monotonic() + 5
        while same < SAME_WALKS and time.monotonic() < deadline:
            processes.reap_adopted()
            now = set(processes.marked(mark, but=(self.process.pid, self.init)))
            same = same + 1 if now == seen else 0
            processes.signal_all(now - seen, signal.SIGSTOP)
            seen = now
        return len(seen)

    def beats(self):
        """1 if the chain goes on, else 0."""
        path = os.path.join(self.dir, "beat")
        with open(path, "rb") as file:
            before = file.read()
        time.sleep(0.1)
        with open(path, "rb") as file:
            return int(file.read() != before)

    def clear(self):
        """Ends whatever is left: the storm by its file, the rest by pid."""
        os.unlink(os.path.join(self.dir, "go"))
        processes.kill(self.process)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            left = processes.marked(f"BENCH_TREE={self.dir}")
            if not left:
                break
            processes.signal_all(left, signal.SIGKILL)
            processes.reap_adopted()
        processes.reap_adopted()


def end_trees(running, bound_s):
    """Sends TERM to all; returns after how many seconds each ended, None if it hangs."""
    for tree in running:
        tree.term()
    ends = processes.ended([tree.process for tree in running], time.monotonic() + bound_s)
    return [at and at - tree.term_at for tree, at in zip(running, ends)]


def survivors(bench, mode, pid1, rounds):
    """Returns how many outlived each contender, at worst, and the seconds until its end."""
    alive = [[] for _ in bench.contenders]
    times = [[] for _ in bench.contenders]
    for _ in range(rounds):
        running = [Tree(bench, c, mode, pid1) for c in bench.contenders]
        for i, at in enumerate(end_trees(running, TREE_GRACE_S + PATIENCE_S)):
            times[i].append(at if running[i].began else "fails")
        time.sleep(0.1)  # whoever has got its KILL is gone by then
        for i, tree in enumerate(running):
            alive[i].append(tree.beats() if mode == "chain" else tree.alive())
            tree.clear()
    return [outlived(*pair) for pair in zip(alive, times)], [longest(of) for of in times]


def outlived(alive, times):
    if "fails" in times:
        return "fails"
    return f"hangs, {max(alive)}" if None in times else max(alive)


def longest(times):
    if "fails" in times:
        return "fails"
    return "never" if None in times else round(max(times), 2)


def trees(bench):
    rounds = 1 if bench.quick else 3
    again = f"; worst of {rounds}" if rounds > 1 else ""
    stubborn, took = survivors(bench, "stubborn", False, rounds)
    leaves, _ = survivors(bench, "leaves", False, rounds)
    chain, _ = survivors(bench, "chain", False, rounds)
    rows = [
        Row("survivors, stubborn tree", stubborn, ratio=False,
            note="ignores TERM, setsid double fork, stopped child, fork storm; "
                 f"hangs: not ended after {TREE_GRACE_S + PATIENCE_S} s{again}"),
        Row("  its end after TERM", took, "s", ratio=False,
            note=f"curfew run has --grace {TREE_GRACE_S}s"),
        Row("survivors, main child ends", leaves, ratio=False,
            note=f"the same below a main child that ends on TERM{again}"),
        Row("survivors, fork chain alone", chain, ratio=False,
            note="each process forks its successor at once and exits; "
                 f"the main child ends on TERM{again}"),
    ]
    if bench.pid1:
        inside, took = survivors(bench, "stubborn", True, rounds)
        rows += [
            Row("survivors, as process 1", inside, ratio=False,
                note="the stubborn tree in a pid namespace, before its init is killed"),
            Row("  its end after TERM", took, "s", ratio=False),
        ]
    return rows


def granted(bench):
    """Whether descendants get the 300 ms that they need after TERM, as process 1."""
    rounds = 3 if bench.quick else 10
    counts = [0] * len(bench.contenders)
    for _ in range(rounds):
        running = [Tree(bench, c, "cleans", True) for c in bench.contenders]
        end_trees(running, CLEANUP_BOUND_S)
        for i, tree in enumerate(running):
            names = [os.path.join(tree.dir, name) for name in ("group", "session")]
            counts[i] += all(os.path.exists(name) for name in names)
            tree.clear()
    return [Row(f"cleanup granted, of {rounds}", counts, ratio=False,
                note="as process 1: two descendants, one in its own session, need 300 ms")]


def zombies(bench):
    orphans = 200 if bench.quick else 1000
    cells = []
    for contender in bench.contenders:
        argv = bench.pid1 + contender.words + [bench.tree, "orphans", str(orphans)]
        process = processes.start(argv)
        words = processes.line(process, 20).split()
        cells.append(int(words[1]) if len(words) == 2 else "fails")
        processes.ended([process], time.monotonic() + 5)
        processes.kill(process)
    return [Row(f"zombies left, of {orphans} orphans", cells, ratio=False, note="as process 1")]
