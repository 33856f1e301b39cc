# SPDX-License-Identifier: Apache-2.0
"""Bodies that both sides know without sending them to each other: the first n bytes of one long sequence."""

import random

BLOCK = random.Random(1).randbytes(65521)  # a prime, so that no buffer's size divides it


def pattern(length, start=0):
    """The bytes start to start + length."""
    first = start % len(BLOCK)
    return (BLOCK * ((first + length) // len(BLOCK) + 1))[first : first + length]
