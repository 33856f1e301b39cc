# SPDX-License-Identifier: Apache-2.0
from harness import *
def test_x(): pass
