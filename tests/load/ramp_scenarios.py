# SPDX-License-Identifier: Apache-2.0
"""A ramp: the highest rate at which a condition held, against a server of which one can compute it."""

import re

from load import *

# 4 ms for each, one after the other: 250 a second. At 350 those that wait are 100 more each second, and the last of two seconds
# has waited for 0.57 s; at 200 nobody waits.
QUEUE = "--script queue=4"
RAMP = "--ramp-start 50/s --ramp-step 150/s --ramp-every 2s --ramp-while 'p90<300ms'"


def ramp_of(result):
    """What it says: {name: value}, and what was found."""
    section = next(section for section in result["sections"] if section["name"] == "ramp")
    rows = {row["name"]: row for row in section["rows"]}
    return rows["highest_passed"]["value"], rows["broke_at"]["value"], rows["found"]["text"] if "found" in rows else None


def assert_kept_its_clock(result):
    if result.client_limited:
        raise Late(f"the machine was too slow: {result.notes}")


@alone
@patient
def test_ramp_finds_the_highest_rate():
    truth = Truth(QUEUE)
    load = Load(f"{RAMP} --grace 20s", truth.first(), wrap=first)
    result = load.end()
    assert_kept_its_clock(result)
    passed, broke, found = ramp_of(result)
    if passed < 200:
        raise Late(f"broke at {broke}: {found}")
    assert (passed, broke) == (200, 350) and found.startswith("p90 is "), (passed, broke, found)
    assert result["ending"] == "ramp" and result["planned_ns"] is None, result["ending"]
    assert 6e9 <= result.ran_ns, result.ran_ns
    assert result.scheduled >= 100 + 400 + 700, result.scheduled
    assert "200/s" in load.said() and "350/s" in load.said() and "p90<300ms" in load.said(), load.said()
    assert load.report()["cause"]["kind"] == "completed", load.report()
    truth.stop()


def test_ramp_of_which_no_step_passes():
    """It has found nothing, and says so."""
    truth = Truth("--script delay=50")
    load = Load("--ramp-start 20/s --ramp-every 500ms --ramp-while 'p50<10ms'", truth)
    result = load.end(code=1)
    assert ramp_of(result)[:2] == (0, 20) and result["ending"] == "ramp", result["sections"]
    assert "none" in load.said(), load.said()
    truth.stop()


def test_ramp_that_is_stopped_tells_how_far_it_came():
    """Also before the first step is over, when there is nothing to be judged yet."""
    truth = Truth()
    load = Load("--ramp-start 50/s --ramp-step 10/s --ramp-every 500ms --ramp-while 'errors<1%' --stats-interval 50ms", truth)
    until(lambda: re.search(r": step ([3-9]|\d\d) ", load.errors()), "the second step is over")
    result = load.stop()
    passed, broke, _ = ramp_of(result)
    assert passed >= 60 and broke == 0 and result["ending"] == "signal", (passed, broke)
    load = Load("--ramp-start 50/s --ramp-every 600s --ramp-while 'errors<1%'", truth)
    truth.until_read(truth.read() + 3)
    result = load.stop()
    assert ramp_of(result) == (0, 0, None) and "none" in load.said(), load.said()
    truth.stop()


def test_ramp_ends_by_its_duration_too():
    truth = Truth()
    result = loaded("--ramp-start 50/s --ramp-every 1s --ramp-while 'errors<1%' --duration 2900ms --threads 2", truth)
    assert result["ending"] == "duration" and ramp_of(result)[:2] == (100, 0), result["sections"]
    assert result.scheduled == 50 + 100 + 135, result.scheduled
    truth.stop()


def test_ramp_takes_the_place_of_a_profiles_rate():
    truth = Truth()
    path = temporary("profile")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"rate": "7/s", "duration": "100ms", "scenarios": [{"name": "a", "kind": "http"}, {"name": "b", "kind": "http"}]}, file)
    options = "--ramp-start 100/s --ramp-every 2s --ramp-while 'b:rate<65/s'"  # a half of each: 50, 100
    result = loaded(f"--profile {path} {options}", truth)
    assert ramp_of(result)[:2] == (100, 200), result["sections"]
    truth.stop()
