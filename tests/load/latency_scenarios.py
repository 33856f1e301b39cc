# SPDX-License-Identifier: Apache-2.0
"""When requests are sent and how long they take: percentiles beside those that follow from the server's record, the clock of an
open loop, and whose fault it is when that cannot be kept."""

from load import *

PERCENTS = 50, 90, 99, 99.9, 100


def assert_percentiles(result, name, wanted, slack=0.002, late=0.0):
    """That they are within 1 % of what they have to be, the short ones within some milliseconds, and as much later as the
    client knows that it was late; below it they cannot be, whatever the machine does."""
    for percent in PERCENTS:
        got, want = result.percentile(name, percent), percentile(wanted, percent)
        assert got >= min(0.99 * want, want - slack), f"{name} p{percent}: {got:.4f} s, not {want:.4f}"
        assert_below(got, max(1.01 * want, want + slack) + late, f"{name} p{percent}")


def assert_kept_its_clock(result):
    """A machine that was busy with something else has measured nothing."""
    if result.client_limited:
        raise Late(f"the machine was too slow: {result.notes}")


@alone
@patient
def test_latency_of_a_closed_loop_is_the_servers():
    truth = Truth("--script 'delay=40*45 delay=150*40 delay=400*15'")
    result = loaded("--requests 400 --connections 20", truth.first(), wrap=first)
    assert_percentiles(result, "actual", [(each.done - each.arrived) / 1e9 for each in truth.records()], 0.004)
    assert result.intended["total"] == result.lag["total"] == 0, "nothing was due"
    truth.stop()


def due_latencies(truth, rate):
    """What the requests of a constant schedule took from when they were due, by the server's record. It began when the most
    punctual of them says, since none arrives before it is due."""
    records = truth.records()
    began = min(each.arrived / 1e9 - number / rate for number, each in enumerate(records))
    return [each.done / 1e9 - began - number / rate for number, each in enumerate(records)]


@alone
@patient
def test_latency_under_a_stall_counts_from_when_requests_were_due():
    """Coordinated omission: with 1000 a second a stall of 1 s is 1000 requests that waited, half of them longer than half of it."""
    truth = Truth("--stall 1000:1000")
    result = loaded("--rate 1000 --duration 4s --max-in-flight 4000", truth.first(), wrap=first)
    assert result.ended() == {"ok": 4000} and result.dropped == 0, (result.ended(), result.dropped)
    late = result.percentile("lag", 100)  # what it did later than it meant to, with sends and so with answers too
    stall = (truth.stall_end - truth.stall_begin) / 1e9
    assert_percentiles(result, "intended", due_latencies(truth, 1000), 0.004, late)
    in_stall = [max(0.0, stall - number / 1000) for number in range(4000)]  # what follows from the stall alone
    for percent in 90, 99, 99.9:
        assert result.percentile("intended", percent) >= 0.99 * percentile(in_stall, percent) - 0.002, percent
    truth.stop()


@alone
@patient
def test_latency_under_a_stall_in_a_closed_loop_is_seen_by_those_in_flight_only():
    """The same stall hides in a closed loop: only the requests that were in flight have met it."""
    truth = Truth("--stall 500:1000 --script delay=5")
    result = loaded("--duration 3s --connections 4", truth)
    stalled = [each for each in truth.records() if each.done >= truth.stall_end and each.arrived <= truth.stall_end]
    assert 4 <= len(stalled) <= 8, len(stalled)
    assert result.percentile("actual", 100) >= 0.9 and result.ok() > 400, result.ended()
    assert_below(result.percentile("actual", 90), 0.1, "most of a closed loop do not see the stall")
    truth.stop()


@alone
@patient
def test_latency_of_what_has_no_slot_is_not_made_up():
    """What is due while all slots wait is dropped, and counted; the clock goes on."""
    truth = Truth("--stall 500:1000")
    result = loaded("--rate 500 --duration 3s --max-in-flight 20", truth.first(), wrap=first)
    assert result.scheduled == 1500 and result.ok() == result.admitted == truth.read(), (result.scheduled, result.admitted, truth.read())
    assert_kept_its_clock(result)
    assert 400 <= result.dropped <= 600, result.dropped
    assert 0.9 <= result.percentile("intended", 100)
    truth.stop()


def test_rate_is_kept_by_number():
    """As many are scheduled as fit into the time, whatever the machine does, and whoever shares them."""
    for rate, milliseconds, threads in (1000, 1000, 1), (250, 500, 2), (333, 1000, 2), (5, 300, 2):
        truth = Truth()
        result = loaded(f"--rate {rate} --duration {milliseconds}ms --threads {threads} --max-in-flight 4000", truth)
        assert result.scheduled == math.ceil(rate * milliseconds / 1000), (rate, milliseconds, result.scheduled)
        assert truth.read() == result.admitted == result.ok()
        truth.stop()


def test_rate_may_have_a_unit():
    truth = Truth()
    assert loaded("--rate 100/s --duration 500ms", truth).scheduled == 50
    assert loaded("--rate 3000/m --duration 500ms", truth).scheduled == 25
    truth.stop()


def test_stages_follow_each_other():
    truth = Truth()
    result = loaded("--stage 100/s:500ms --stage 0/s:2s --stage 400/s:500ms", truth)
    assert result.scheduled == 50 + 200 and result.ok() == truth.read() == result.admitted
    times = sorted(each.arrived for each in truth.records())
    pause = max(after - before for before, after in zip(times, times[1:]))
    assert pause >= 0.5 * 1e9, f"the pause was {pause / 1e6:.0f} ms"
    assert result.ran_ns >= 3.0e9, result.ran_ns
    truth.stop()


def scheduled(truth, options):
    return loaded(f"--rate 500 --duration 1s --arrival poisson --max-in-flight 4000 {options}", truth).scheduled


def test_poisson_arrival_is_that_of_its_seed():
    truth = Truth()
    counts = [scheduled(truth, f"--seed {seed} --threads 2") for seed in (1, 1, 2, 3, 4)]
    assert counts[0] == counts[1] and len(set(counts)) >= 3, counts
    assert all(500 - 5 * 500**0.5 < count < 500 + 5 * 500**0.5 for count in counts), counts
    truth.stop()


@alone
@patient
def test_poisson_arrival_comes_in_gaps_of_all_lengths():
    """The standard deviation of the gaps is their mean; with constant arrival there is next to none."""
    for arrival, least, most in ("poisson", 0.8, 1.2), ("constant", 0, 0.5):
        truth = Truth()
        result = loaded(f"--rate 200 --duration 3s --arrival {arrival} --threads 1", truth.first(), wrap=first)
        assert_kept_its_clock(result)
        times = sorted(each.arrived for each in truth.records())
        gaps = [after - before for before, after in zip(times, times[1:])]
        mean = sum(gaps) / len(gaps)
        deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 / mean
        assert deviation >= least, (arrival, deviation)
        assert_below(deviation, most, f"the gaps of {arrival} arrival")
        truth.stop()


@alone
@patient
def test_send_times_are_reported_as_schedule_lag():
    truth = Truth()
    result = loaded("--rate 500 --duration 2s", truth, wrap=first)
    assert result.lag["total"] == result.admitted == 1000
    assert_kept_its_clock(result)
    assert_below(result.percentile("lag", 99), 0.005, "the schedule lag")
    truth.stop()


def stopped_for(load, seconds):
    """Takes the processor from a process."""
    load.signal(signal.SIGSTOP)
    until(lambda: state(load.pid) == "T", "it is stopped")
    time.sleep(seconds)
    load.signal(signal.SIGCONT)


def test_lag_of_the_client_is_told_and_not_taken_for_the_servers():
    """A client that did not run for 1.5 s of 4: what was due meanwhile is late by our fault, and the result says so."""
    truth = Truth()
    load = Load("--rate 500 --duration 4s --max-in-flight 4000 --threads 1", truth)
    truth.until_read(200)
    stopped_for(load, 1.5)
    result = load.end()
    assert result.ended() == {"ok": 2000} and result.dropped == 0, (result.ended(), result.dropped)
    assert result.client_limited and any("too slow" in note for note in result.notes), result.notes
    assert "too slow" in load.said(), load.said()
    assert result.percentile("lag", 99) >= 1.0 and result.percentile("intended", 99) >= 1.0
    assert result.percentile("actual", 50) < result.percentile("intended", 90), "the two latencies are the same"
    served = percentile([(each.done - each.arrived) / 1e9 for each in truth.records()], 90)
    assert result.percentile("intended", 90) > 10 * served, served
    truth.stop()


@alone
@patient
def test_lag_of_the_server_is_not_taken_for_the_clients():
    """The other way round: a stalled server is no reason to doubt the client, also where slots are dropped."""
    truth = Truth("--stall 200:1500")
    load = Load("--rate 100 --duration 3s --max-in-flight 10 --threads 1", truth)
    result = load.end()
    if result.client_limited and result.percentile("lag", 99) > 0.01:
        raise Late("the machine was busy")
    assert result.dropped > 0 and not result.client_limited and "too slow" not in load.said(), load.said()
    truth.stop()


def test_lag_can_be_a_threshold():
    truth = Truth()
    load = Load("--rate 500 --duration 3s --max-in-flight 4000 --threads 1 --fail-on 'lag-p99>100ms'", truth)
    truth.until_read(100)
    stopped_for(load, 1.0)
    result = load.end(code=1)
    assert result.verdicts[0]["broken"] and "lag-p99>100ms" in load.said() + load.errors()
    truth.stop()


def test_latency_has_the_connections_time_apart():
    truth = Truth("--script delay=100")
    result = loaded("--requests 30 --connections 10 --fresh", truth)
    assert result.connect["total"] == 30 and result.percentile("actual", 0) >= 0.1
    truth.stop()


def test_latency_lasts_until_the_answer_is_whole():
    truth = Truth()
    result = loaded("--requests 20 --connections 5", truth.url("/late=300"))
    assert result.ok() == 20 and result.percentile("actual", 0) >= 0.3
    truth.stop()


def test_timeline_adds_up():
    """Its rows have what the counters have, each in the time in which it was."""
    truth = Truth("--script 'ok*3 500'")
    result = loaded("--rate 400 --duration 2s", truth)
    rows = result.timeline["rows"]
    assert rows, result.timeline
    sums = collections.Counter()
    for row in rows:
        for outcome, count in row["outcomes"].items():
            sums[outcome] += count
        sums["admitted"] += row.get("admitted", 0)
    assert sums["admitted"] == result.admitted and sums["ok"] == result.ok() and sums["5xx"] == result.failures(), sums
    truth.stop()
