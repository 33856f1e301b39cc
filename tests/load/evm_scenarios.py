# SPDX-License-Identifier: Apache-2.0
"""`curfew load` on an Ethereum node: transfers, what is refused before them, a node that goes and comes back."""

from node import *


def thousand(kind, threads, websocket):
    """A thousand transfers, all of which are in the chain."""
    node = Node()
    collector = {"collector": "websocket", "websocket": node.websocket} if websocket else {"collector": "polling"}
    path = profile(node, type=kind, accounts=12, fund_from=RICH, **collector)
    result = loaded(f"--profile {path} --requests 1000 --threads {threads} --grace 60s", within=120)
    told = evm(result)
    assert result.ended() == {"ok": 1000}, result.ended()
    assert told["accepted"] == told["included"] == told["receipts_succeeded"] == 1000, told
    wrong = ["not_included", "receipts_failed", "receipts_missing", "unanswered", "nonce_errors", "resyncs", "reorganizations", "outages"]
    assert not any(told[name] for name in wrong), told
    transactions = node.transactions(without=[RICH_ADDRESS])
    assert len(transactions) == 1000
    assert_in_order(transactions, 12)
    assert set(node.statuses(transactions)) == {"0x1"}
    assert inclusion(result)["total"] == 1000, inclusion(result)
    return transactions


@limit(180)
def test_1000_transfers_with_blocks_that_are_told_of():
    transactions = thousand("eip1559", 3, websocket=True)
    assert {each["type"] for each in transactions} == {"0x2"}


@limit(180)
def test_1000_transfers_of_eip_155_with_blocks_that_are_asked_for():
    transactions = thousand("legacy", 2, websocket=False)
    assert {each["type"] for each in transactions} == {"0x0"}
    assert {int(each["v"], 16) - 2 * CHAIN for each in transactions} <= {35, 36}


def test_a_seed_gives_the_same_transfers():
    found = []
    for _ in range(2):
        node = Node()
        path = profile(node, accounts=3, fund_from=RICH, to="random", value="12345678901234567", account_seed=7, max_fee=10**10)
        loaded(f"--profile {path} --requests 30 --connections 1 --threads 1 --seed 5 --grace 60s")
        found.append([(each["hash"], each["to"], each["value"]) for each in node.transactions(without=[RICH_ADDRESS])])
        node.kill()
    assert len(found[0]) == 30 and sorted(found[0]) == sorted(found[1])
    assert {value for _, _, value in found[0]} == {hex(12345678901234567)}
    assert len({to for _, to, _ in found[0]}) == 30


def test_accounts_of_a_file():
    node = Node()
    path = profile(node, keys=keys("# two of them", RICH, "", OTHER[2:] + "  # without 0x"), to="self", value=0)
    result = loaded(f"--profile {path} --requests 40 --grace 60s")
    transactions = node.transactions()
    assert evm(result)["included"] == len(transactions) == 40
    assert set(by_sender(transactions)) == {RICH_ADDRESS, OTHERS_ADDRESS}
    assert all(each["to"] == each["from"] for each in transactions)


def test_accounts_without_money():
    node = Node()
    refused(profile(node, accounts=4), "lacks money", "fund_from")
    assert not node.transactions()


def test_a_wrong_chain():
    node = Node()
    refused(profile(node, accounts=4, chain_id=1, fund_from=RICH), f"the id {CHAIN}", "is 1")
    assert not node.transactions()


def test_nobody_there():
    refused(profile(f"http://127.0.0.1:{free_port()}", accounts=4), "refuses connections")


def test_what_cannot_be_right_is_refused_by_name():
    node = "http://127.0.0.1:1"
    cases = [
        (dict(acounts=1), '"acounts"'),
        (dict(accounts=0), "accounts"),
        (dict(type="blob"), "type"),
        (dict(value="-1"), "value"),
        (dict(to="0x12"), "to"),
        (dict(data="0x123"), "data"),
        (dict(data="0xzz"), "data"),
        (dict(gas_limit=20999), "gas_limit"),
        (dict(gas_price=1), "gas_price"),
        (dict(type="legacy", max_fee=1), "max_fee"),
        (dict(max_fee=1, max_priority=2), "max_priority"),
        (dict(collector="websocket"), "websocket"),
        (dict(websocket="http://127.0.0.1:1"), "websocket"),
        (dict(rpc="ws://127.0.0.1:1"), "rpc"),
        (dict(keys="/nowhere/keys"), "/nowhere/keys"),
        (dict(keys=keys("0x12")), "line 1"),
        (dict(keys=keys("0" * 64)), "line 1"),
        (dict(keys=keys("# none")), "no key"),
        (dict(fund_from="0x12"), "fund_from"),
        (dict(presigned="x", keys="y"), "presigned"),
    ]  # fmt: skip
    for more, wanted in cases:
        load = Load(f"--profile {profile(node, **more)} --requests 1")
        load.wait(2)
        assert wanted in load.errors() and load.errors().count("\n") == 1, (more, load.errors())


@limit(120)
def test_pre_signed_transactions():
    node = Node()
    file, _ = presign(profile(node, keys=keys(RICH, OTHER), chain_id=CHAIN, max_fee=10**10), 300)
    with open(file) as lines:
        lines = lines.read().splitlines()
    assert len(lines) == 300 and all(line.startswith("0x02") for line in lines)
    assert not node.transactions()
    result = loaded(f"--profile {profile(node, presigned=file)} --threads 3 --duration 60s --grace 60s", within=120)
    told = evm(result)
    assert result.ended() == {"ok": 300}, result.ended()
    assert told["included"] == told["receipts_succeeded"] == 300, told
    assert_in_order(node.transactions(), 2)


def test_presign_needs_what_a_node_would_say():
    for more, wanted in [(dict(), "chain_id"), (dict(chain_id=1), "max_fee"), (dict(chain_id=1, type="legacy"), "gas_price")]:
        _, err = presign(profile("http://127.0.0.1:1", **more), 5, code=2)
        assert wanted in err, err


def test_a_node_that_answers_garbage():
    """To a transaction: counted as such, and the run ends as one in which nothing succeeded."""
    url = wrong_node({})
    result = loaded(f"--profile {profile(url, accounts=4, collector='none')} --requests 20 --duration 30s", code=1)
    assert result.ended() == {"malformed": 20}, result.ended()
    assert evm(result)["resyncs"] == 20, evm(result)


def test_a_node_that_answers_another_hash():
    lie = b'{"jsonrpc":"2.0","id":ID,"result":"0x' + b"11" * 32 + b'"}'
    url = wrong_node({"eth_sendRawTransaction": lie})
    result = loaded(f"--profile {profile(url, accounts=4, collector='none')} --requests 1", code=1)
    assert result.ended() == {"malformed": 1}, result.ended()


def test_garbage_before_the_run_is_refused():
    lies = [b"", b"{", b"[]", b'{"jsonrpc":"2.0","id":ID,"result":"0xg"}', b'{"jsonrpc":"2.0","id":ID,"result":{}}', b"\xff" * 100]
    for lie in lies:
        refused(profile(wrong_node({"eth_chainId": lie}), accounts=4, collector="none"), "the node")
    error = b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"no such method"}}'
    refused(profile(wrong_node({"eth_gasPrice": error}), accounts=4, collector="none"), "price of gas", "no such method", "-32601")
    nothing = b'{"jsonrpc":"2.0","id":ID,"result":null}'
    refused(profile(wrong_node({"eth_getBlockByNumber": nothing}), accounts=4), "newest block")


def test_errors_of_the_node_are_told():
    error = b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"nonce too low"}}'
    url = wrong_node({"eth_sendRawTransaction": error})
    result = loaded(f"--profile {profile(url, accounts=1, collector='none')} --requests 1", code=1)
    assert result.ended() == {"rpc_error": 1}, result.ended()
    assert evm(result)["nonce_errors"] == 1 and evm(result)["resyncs"] == 1, evm(result)
