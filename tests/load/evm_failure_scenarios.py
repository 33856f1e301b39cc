# SPDX-License-Identifier: Apache-2.0
"""`curfew load` on an Ethereum node that it cannot begin with: the log tells why, the whole of it."""

from load import *


def lines(load):
    return [dict(part.split("=", 1) for part in shlex.split(line)) for line in load.errors().splitlines()]


@plain
def test_what_fails_is_told_whole_with_how_to_mend_it():
    port, path = free_port(), temporary("profile.json")
    scenario = {"name": "transfers", "kind": "evm-transfer", "accounts": 3}
    with open(path, "w") as file:
        json.dump({"endpoints": [f"http://127.0.0.1:{port}"], "scenarios": [scenario]}, file)
    load = Load(f"--profile {path} --requests 3")
    load.wait(1)
    why = f'asked for its chain\'s id, the node refuses connections: see that 127.0.0.1:{port} is there, or name another ("rpc")'
    stopping, ended = [[line for line in lines(load) if line["event"] == event] for event in ("stopping", "ended")]
    assert len(stopping) == 1 and stopping[0]["text"] == why, load.errors()
    assert len(ended) == 1 and why in ended[0]["text"] and ended[0]["text"].endswith("had to be cut"), load.errors()
