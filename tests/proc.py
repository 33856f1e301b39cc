# SPDX-License-Identifier: Apache-2.0
"""What /proc says of processes."""

import os


def read_file(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def status(pid):
    """The fields of /proc/PID/status; empty if there is no such process."""
    return dict(line.split(":\t", 1) for line in read_file(f"/proc/{pid}/status").splitlines() if ":\t" in line)


def state(pid):
    """One letter: R, S, D, T, Z; empty if there is no such process."""
    return status(pid).get("State", "")[:1]


def command_name(pid):
    return read_file(f"/proc/{pid}/comm").strip()


def tell(pid):
    arguments = read_file(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    return f"{pid} {state(pid)} {command_name(pid)}: {arguments[:200]}"


def holds_signal(fields, number, mask="SigBlk"):
    return bool(int(fields.get(mask, "0"), 16) >> (number - 1) & 1)


def blocks(pid, number):
    return holds_signal(status(pid), number)


def children(pid):
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return found
    for thread in threads:
        found += [int(word) for word in read_file(f"/proc/{pid}/task/{thread}/children").split()]
    return found


def descendants(pid):
    found, left = [], [pid]
    while left:
        for child in children(left.pop()):
            found.append(child)
            left.append(child)
    return found


def gone(pid):
    """Whether there is no such process, or only its zombie."""
    return state(pid) in ("", "Z", "X")


def context_switches(pid):
    """How often the threads of a process have been scheduled, by their own will or not."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        text = read_file(f"/proc/{pid}/task/{thread}/status")
        total += sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
    return total


def asleep(pid):
    """Whether no thread of a process runs, or would if the machine were not busy."""
    return not any("State:\tR" in read_file(f"/proc/{pid}/task/{thread}/status") for thread in os.listdir(f"/proc/{pid}/task"))
