# SPDX-License-Identifier: Apache-2.0
"""Processes that the benchmark starts, and what /proc says about them.

This process is the subreaper of all it starts, and ends only its own descendants, by pid.
"""

import ctypes
import os
import select
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
READY_S = 10
REAP_S = 0.05  # how long orphans of a storm wait for us: thousands of zombies make /proc slow

own = {}  # pid -> Popen, of those that were not yet waited for


def adopt():
    """Makes this process the parent of every orphan among its descendants."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def environment(**extra):
    """Our environment without what would change a contender's behaviour."""
    drop = ("CURFEW_", "TINI_", "DUMB_INIT_", "LISTEN_", "NOTIFY_SOCKET")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    return {**kept, **extra}


def start(argv, stdin=subprocess.DEVNULL, **extra):
    """Starts argv with its output in a pipe and everything else silent; extra: of its environment."""
    process = subprocess.Popen(
        argv,
        env=environment(**extra),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    own[process.pid] = process
    return process


def line(process, within_s=READY_S):
    """The next line of a process's output, empty if none comes."""
    text = b""
    deadline = time.monotonic() + within_s
    while not text.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            return ""
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            return ""
        text += byte
    return text.decode().strip()


def ended(processes, deadline):
    """Waits for all, until the deadline (time.monotonic()). Returns when each ended, or None."""
    fds = {os.pidfd_open(process.pid): process for process in processes}
    times = dict.fromkeys(processes)
    open_fds = list(fds)
    while open_fds and time.monotonic() < deadline:
        reap_adopted()
        ready = select.select(open_fds, [], [], min(REAP_S, max(0, deadline - time.monotonic())))[0]
        for fd in ready:
            times[fds[fd]] = time.monotonic()
            finish(fds[fd])
            open_fds.remove(fd)
    for fd in fds:
        os.close(fd)
    return [times[process] for process in processes]


def readable(fd, within_s):
    """Waits for a descriptor, a pidfd for example; returns whether it became readable."""
    return bool(select.select([fd], [], [], within_s)[0])


def finish(process):
    """Reaps a process that has ended or been killed."""
    process.wait()
    for file in (process.stdin, process.stdout):
        if file:
            file.close()
    own.pop(process.pid, None)


def kill(process):
    if process.returncode is None:
        process.kill()
        finish(process)


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def children(pid):
    pids = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return pids
    for thread in threads:
        pids += [int(word) for word in read(pid, f"task/{thread}/children").split()]
    return pids


def field(pid, name, key):
    """A number from one of the `Key:  number` files; 0 if it is not there."""
    for text in read(pid, name).splitlines():
        if text.startswith(key + ":"):
            return int(text.split()[1])
    return 0


def switches(pid):
    """How often the threads of a process were taken off a CPU: each was a wake-up before."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    keys = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    return sum(field(pid, f"task/{thread}/status", key) for thread in threads for key in keys)


def cpu_ns(pids):
    """The time that all threads of some processes have been on a CPU."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            total += int(read(pid, f"task/{thread}/schedstat").split()[0])
    return total


def marked(mark, but=()):
    """The live processes that have a mark in their environment, zombies left out."""
    found = []
    pids = sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True)
    for pid in pids:  # the newest first, since those may be gone soonest
        if pid in but or pid == os.getpid() or mark not in read(pid, "environ"):
            continue
        if read(pid, "stat").rpartition(")")[2].split()[:1] != ["Z"]:
            found.append(pid)
    return found


def reap_adopted():
    """Reaps orphans that have come to us and ended."""
    for pid in children(os.getpid()):
        if pid in own:
            continue
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end_all(within_s=5):
    """Kills and reaps every descendant of ours."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        pids = descendants(os.getpid())
        if not pids:
            return
        signal_all(pids, signal.SIGKILL)
        for process in list(own.values()):
            finish(process)
        reap_adopted()
        time.sleep(0.005)
