# SPDX-License-Identifier: Apache-2.0
"""A machine that is too slow for what it is to send: the result says so, and does not take it for the server's."""

import sys

from load import *

RATE, FOR_MS = 2000, 1200
COUNT = RATE * FOR_MS // 1000
BURN = "while True: pass"


def assert_limited(load, truth):
    """All was sent and answered, late; by whose fault, is said."""
    result = load.end()
    assert result.ended() == {"ok": COUNT} and result.dropped == 0, (result.ended(), result.dropped)
    assert result.client_limited and sum("this machine was too slow" in note for note in result.notes) == 1, (result.notes, result.lag["most_us"])
    assert "this machine was too slow" in load.said() and not result["summary"]["absences"], load.said()
    assert result.percentile("lag", 99) > 0.01, result.percentile("lag", 99)
    assert truth.read() == COUNT


def hindered(**more):
    """Its schedule needs several times what it gets of a processor."""
    truth = Truth().first()
    return truth, Load(f"--rate {RATE} --duration {FOR_MS}ms --threads 1 --max-in-flight 100000 --timeout 60s", truth, **more)


@plain
@limit(120)
def test_slow_client_beside_others_who_want_its_processor():
    """Of what they leave it, a seventieth of one, it cannot send all that is due; until they end."""
    processor = max(os.sched_getaffinity(0))

    def polite():
        os.sched_setaffinity(0, [processor])
        os.nice(19)

    truth, load = hindered(preexec_fn=polite)
    truth.until_read(20, within=60)
    burner = start([sys.executable, "-c", BURN], preexec_fn=lambda: os.sched_setaffinity(0, [processor]))
    begun = now()
    until(lambda: (now() - begun) * 1000 > FOR_MS, "the schedule is over")
    burner.signal(signal.SIGKILL)
    burner.wait()
    assert_limited(load, truth)
    truth.stop()


def groups():
    """Folders in which a group with a quota may be made: (folder, the quota's file, a text that is 4 % of a processor)."""
    own = [line.removeprefix("0::").rstrip("/") for line in read_file("/proc/self/cgroup").splitlines() if line.startswith("0::")]
    for line in read_file("/proc/mounts").splitlines():
        _, folder, kind, options = line.split()[:4]
        if kind == "cgroup2":
            for path in *own, "":
                yield folder + path, "cpu.max", "4000 100000"
        if kind == "cgroup" and "cpu" in options.split(","):
            yield folder, "cpu.cfs_quota_us", "4000"


@contextlib.contextmanager
def quota():
    """The file through which a process joins a group that has a small part of one processor."""
    for folder, name, text in groups():
        group = f"{folder}/curfew-test-{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(f"{group}/{name}", "r+", encoding="ascii") as file:
                file.write(text)
            with open(f"{group}/cgroup.procs", "r+", encoding="ascii"):
                pass
        except OSError:
            os.rmdir(group)
            continue
        try:
            yield f"{group}/cgroup.procs"
        finally:
            finish_group(group)
        return
    raise Skip("there is no cgroup in which a quota could be set")


def finish_group(group):
    """Ends whoever is left in it."""
    for pid in read_file(f"{group}/cgroup.procs").split():
        os.kill(int(pid), signal.SIGKILL)

    def removed():
        try:
            os.rmdir(group)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True

    until(removed, "the group is empty")


@slow
@plain
@limit(120)
def test_slow_client_under_a_quota():
    """As in a pod whose limit is too small: 4 ms of each 100."""
    with quota() as joining:

        def join():
            with open(joining, "w", encoding="ascii") as file:
                file.write("0")

        truth, load = hindered(preexec_fn=join)
        assert_limited(load, truth)
        truth.stop()
