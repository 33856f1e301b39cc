# SPDX-License-Identifier: Apache-2.0
"""The files of deploy/: what they run exists, with the options that they give it."""

import json
import re
import shlex

from harness import *

DEPLOY = ROOT / "deploy"
LISTS = r"^(?:ENTRYPOINT|CMD|HEALTHCHECK.* CMD) (\[.*\])$"


def commands():
    """Each command line of ours in deploy/: the file's name, and the words."""
    for path in sorted(DEPLOY.iterdir()):
        text = path.read_text()
        words = [json.loads(words) for words in re.findall(LISTS, text, re.M)]
        words += [json.loads(words) for words in re.findall(r'args: (\[(?:[^\]]|\n)*\])', text)]
        words += [shlex.split(line) for line in re.findall(r"^ExecStart=(.*)$", text, re.M)]
        for each in words:
            if each[0].rsplit("/", 1)[-1] == "curfew":
                yield path.name, each[1:]


def options(command):
    code, out, err = finished([curfew_path(), "help", command])
    assert code == 0, err
    return set(re.findall(r"--[a-z-]+", out))


def test_commands_have_the_options_that_deploy_gives_them():
    seen = list(commands())
    assert {name for name, _ in seen} >= {"Dockerfile", "curfew-gate.service", "kubernetes-load.yaml", "kubernetes-load-indexed.yaml", "kubernetes-mcp.yaml", "kubernetes-relay.yaml", "kubernetes-sidecar.yaml", "curfew-relay.service"}, seen
    assert ["load", "merge"] in [words[:2] for _, words in seen], seen
    for name, (command, *words) in seen:
        ours = words[: words.index("--")] if "--" in words else words
        unknown = {word for word in ours if word.startswith("--")} - options(command)
        assert not unknown, f"{name}: {unknown}"


def test_variables_of_deploy_are_those_of_options():
    for path in DEPLOY.iterdir():
        command = "relay" if "relay" in path.name else "gate"
        for variable in re.findall(r"\bCURFEW_([A-Z_]+)(?::| =)", path.read_text()):
            assert "--" + variable.lower().replace("_", "-") in options(command), (path.name, variable)


def test_the_grace_ends_before_patience_does():
    """terminationGracePeriodSeconds, stop_grace_period and TimeoutStopSec are above --grace."""
    sidecar = (DEPLOY / "kubernetes-sidecar.yaml").read_text()
    period = int(re.search(r"terminationGracePeriodSeconds: (\d+)", sidecar)[1])
    grace = int(re.search(r'"--grace", "(\d+)s"', sidecar)[1])
    sleep = int(re.search(r'\["sleep", "(\d+)"\]', sidecar)[1])
    assert grace < sleep < period
    service = (DEPLOY / "curfew-gate.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", service)[1]) > int(re.search(r"--grace (\d+)s", service)[1])
    compose = (DEPLOY / "compose.yaml").read_text()
    assert int(re.search(r"stop_grace_period: (\d+)s", compose)[1]) > int(re.search(r"CURFEW_GRACE: (\d+)s", compose)[1])
    mcp = (DEPLOY / "kubernetes-mcp.yaml").read_text()
    assert int(re.search(r"terminationGracePeriodSeconds: (\d+)", mcp)[1]) > int(re.search(r'"--grace", "(\d+)s"', mcp)[1])
    relay = (DEPLOY / "kubernetes-relay.yaml").read_text()
    assert int(re.search(r"terminationGracePeriodSeconds: (\d+)", relay)[1]) > int(re.search(r'"--grace", "(\d+)s"', relay)[1])
    service = (DEPLOY / "curfew-relay.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", service)[1]) > int(re.search(r"--grace (\d+)s", service)[1])
    machine = (DEPLOY / "fly-relay.toml").read_text()
    assert int(re.search(r'kill_timeout = "(\d+)s"', machine)[1]) > int(re.search(r'CURFEW_GRACE = "(\d+)s"', machine)[1])


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_a_job_of_load_ends_before_its_deadline():
    """activeDeadlineSeconds is above all that a run can take, with room for the image; and a result of each pod is merged."""
    for name in "kubernetes-load.yaml", "kubernetes-load-indexed.yaml":
        text = (DEPLOY / name).read_text()
        words = next(words for path, words in commands() if path == name and words[1] != "merge")
        given = dict(zip(words, words[1:]))
        longest = sum(seconds(given.get(option, preset)) for option, preset in [("--duration", "10s"), ("--grace", "5s"), ("--flush-delay", "0s")])
        assert longest + 30 <= int(re.search(r"activeDeadlineSeconds: (\d+)", text)[1]), (name, longest)
        assert int(re.search(r"terminationGracePeriodSeconds: (\d+)", text)[1]) > seconds(given.get("--grace", "5s")), name
        assert "restartPolicy: Never" in text and "backoffLimit: 0" in text, name
    merged = next(words for _, words in commands() if words[:2] == ["load", "merge"])
    wanted = [given["--json"].replace("$(JOB_COMPLETION_INDEX)", str(index)) for index in range(int(re.search(r"completions: (\d+)", text)[1]))]
    assert [word for word in merged if word.endswith(".json")][1:] == wanted, (merged, wanted)
