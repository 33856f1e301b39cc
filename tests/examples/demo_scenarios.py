# SPDX-License-Identifier: Apache-2.0
"""The demo: what a server loses when it is restarted, and what tini leaves behind; with curfew neither."""

import re

from harness import *


@limit(120)
@plain  # of curfew it asks no more than gate/many
def test_nothing_is_lost_and_nobody_left():
    code, out, err = finished([str(ROOT / "examples/demo"), curfew_path()], within=100)
    assert code == 0, out + err
    stops = re.findall(r"(\d+) requests, (\d+) answered, (\d+) lost(.*)\n +away for (\d+) ms, .* exit code (\d+)", out)
    assert len(stops) == 4, out
    for sent, answered, lost, kinds, away, ended in stops[:2]:
        assert int(lost) > 0 and int(sent) == int(answered) + int(lost) and int(away) > 0 and ended == "143", out
        assert sum(int(count) for count in re.findall(r"(\d+) [a-z_]+", kinds)) == int(lost), out
    for sent, answered, lost, kinds, away, ended in stops[2:]:
        assert int(sent) > 300 and answered == sent and (lost, kinds, away, ended) == ("0", "", "0", "0"), out
    left = re.findall(r"exit code (\d+) after \d+ ms, left behind: (\d+)", out)
    assert left[-1] == ("0", "0"), out
    assert '"forced_count":' in out and "the tree says: cleaned up" in out.rsplit("curfew", 1)[1], out
    if len(left) == 2:
        assert left[0] == ("0", "4"), out
    assert not [line for line in survivors() if " Z " not in line], survivors()
