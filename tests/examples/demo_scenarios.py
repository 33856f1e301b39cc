# SPDX-License-Identifier: Apache-2.0
"""The demo: what a server loses at its end, and what tini leaves behind; with curfew neither."""

import re

from harness import *


@plain  # of curfew it asks no more than gate/many
def test_nothing_is_lost_and_nobody_left():
    clients = str(BUILD / "bench/drain/clients")
    code, out, err = finished([str(ROOT / "examples/demo"), curfew_path(), clients], within=60)
    assert code == 0, out + err
    stops = re.findall(r"(\d+) requests, +(\d+) answered, +(\d+) lost; exit code (\d+)", out)
    assert len(stops) == 4, out
    assert [stop[3] for stop in stops] == ["143", "143", "0", "0"], out
    assert sum(int(stop[2]) for stop in stops[:2]) > 0, out
    for sent, answered, lost, _ in stops[2:]:
        assert int(sent) > 48 and answered == sent and lost == "0", out
    left = re.findall(r"exit code (\d+) after \d+ ms, left behind: (\d+)", out)
    assert left[-1] == ("0", "0"), out
    assert '"forced_count":' in out and "the tree says: cleaned up" in out.rsplit("curfew", 1)[1], out
    if len(left) == 2:
        assert left[0] == ("0", "4"), out
    assert not [line for line in survivors() if " Z " not in line], survivors()
