# SPDX-License-Identifier: Apache-2.0
"""Whether the machine itself stood still: a virtual one whose host had other work, or was being moved, keeps everybody
waiting, and what was measured meanwhile tells nothing of the program."""

import collections
import os
import threading
import time

LOOK_S = 0.02
STANDSTILL_S = 0.3  # somebody who sleeps is late by half of that at most where twenty processes want two processors


class Watch:
    """Looks at the clock on each processor."""

    def __init__(self):
        self.found = collections.deque(maxlen=1000)  # (when it was over, how long it was)
        for processor in os.sched_getaffinity(0):
            threading.Thread(target=self.look, args=(processor,), daemon=True).start()

    def look(self, processor):
        os.sched_setaffinity(0, {processor})  # this thread's own
        before = time.monotonic()
        while True:
            time.sleep(LOOK_S)
            after = time.monotonic()
            if after - before - LOOK_S >= STANDSTILL_S:
                self.found.append((after, after - before))
            before = after

    def longest(self, since):
        """Of those that were over then or later: 0 if there was none."""
        return max((length for end, length in self.found.copy() if end >= since), default=0)
