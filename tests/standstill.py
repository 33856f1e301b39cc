# SPDX-License-Identifier: Apache-2.0
"""Whether the machine itself stood still: a virtual one whose host had other work, or was being moved, keeps everybody
waiting, and so does a disk that others wait for. What was measured meanwhile tells nothing of the program."""

import collections
import os
import tempfile
import threading
import time

LOOK_S = 0.02
STANDSTILL_S = 0.3  # somebody who sleeps is late by half of that at most where twenty processes want two processors


def write_file():
    fd, path = tempfile.mkstemp(prefix="curfew-watch-")
    os.write(fd, b"written")
    os.close(fd)
    os.unlink(path)


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

    def longest(self, since):
        """Of those that were over then or later: 0 if there was none."""
        return max((length for end, length in self.found.copy() if end >= since), default=0)
