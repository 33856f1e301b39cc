# SPDX-License-Identifier: Apache-2.0
"""The demo: what tini leaves behind, curfew run ends."""

import re

from harness import *


def test_curfew_run_leaves_nobody_of_the_stubborn_tree():
    code, out, err = finished([str(ROOT / "examples/demo"), curfew_path()], within=40)
    assert code == 0, out + err
    left = re.findall(r"exit code (\d+) after \d+ ms, left behind: (\d+)", out)
    assert left[-1] == ("0", "0"), out
    assert '"forced_count":' in out and "the tree says: cleaned up" in out.rsplit("curfew", 1)[1], out
    if len(left) == 2:
        assert left[0] == ("0", "4"), out
    assert not [line for line in survivors() if " Z " not in line], survivors()
