# SPDX-License-Identifier: Apache-2.0
"""Whether the machine itself was away: a virtual one whose host had other work, or was being moved, keeps everybody
waiting, and so does a disk that others wait for. It is told with what failed meanwhile, and excuses nothing."""

import collections
import os
import tempfile
import threading
import time

LOOK_S = 0.02
STANDSTILL_S = 0.3  # somebody who sleeps is late by half of that at most where twenty processes want two processors
STOLEN = 0.2  # of the processors' time, for others of their host


def write_file():
    fd, path = tempfile.mkstemp(prefix="curfew-watch-")
    os.write(fd, b"written")
    os.close(fd)
    os.unlink(path)


def stolen_s():
    """What the host has taken away of each processor until now, on average: "steal" of proc(5)."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK") / os.sysconf("SC_NPROCESSORS_ONLN")


class Watch:
    """Looks at the clock on each processor, and behind each small file."""

    def __init__(self):
        self.found = collections.deque(maxlen=1000)  # (when it was over, how long it was)
        for processor in os.sched_getaffinity(0):
            self.begin(self.look_on, processor)
        self.begin(self.look, write_file)

    def begin(self, look, argument):
        threading.Thread(target=look, args=(argument,), daemon=True).start()

    def look_on(self, processor):
        os.sched_setaffinity(0, {processor})  # this thread's own
        self.look(lambda: None)

    def look(self, act):
        before = time.monotonic()
        while True:
            time.sleep(LOOK_S)
            act()
            after = time.monotonic()
            if after - before - LOOK_S >= STANDSTILL_S:
                self.found.append((after, after - before))
            before = after

    def mark(self):
        return time.monotonic(), stolen_s()

    def absence(self, mark):
        """How the machine was away since then, in words, or ""."""
        began, stolen_before_s = mark
        longest = max((length for end, length in self.found.copy() if end >= began), default=0)
        share = (stolen_s() - stolen_before_s) / (time.monotonic() - began)
        if longest:
            return f"the machine stood still for {longest:.1f} s"
        return f"{share * 100:.0f} % of the processors' time was stolen" if share >= STOLEN else ""
