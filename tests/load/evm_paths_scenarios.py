# SPDX-License-Identifier: Apache-2.0
"""The ways to an Ethereum node: WebSockets, TLS, a node that has not all methods, connections that are there before the run;
and files of signed transactions."""

from node import *

NOT_THERE = b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"Method not found"}}'


def assert_all_included(node, result, count):
    """What the run says of them, each of an account of its own, is what is in the chain."""
    told, transactions = evm(result), node.transactions()
    assert result.ended() == {"ok": count}, result.ended()
    assert told["accepted"] == told["included"] == told["receipts_succeeded"] == len(transactions) == count, (told, len(transactions))
    wrong = ["not_included", "receipts_failed", "receipts_missing", "unanswered", "nonce_errors", "resyncs", "reorganizations", "outages"]
    assert not any(told[name] for name in wrong), told
    assert_in_order(transactions, count)


def transfers(node, url, options="", count=60, **more):
    return loaded(f"--profile {profile(url, keys=node.rich_keys(count), **more)} --requests {count} --grace 30s {options}")


def test_over_a_websocket_with_blocks_told_of_over_the_same():
    node = Node(AT_ONCE)
    result = transfers(node, node.websocket, rpc=node.url, websocket=node.websocket)
    assert_all_included(node, result, 60)
    assert not result.statuses or set(result.statuses) == {"0"}, result.statuses  # of HTTP


def test_over_a_websocket_with_blocks_told_of_over_another():
    node = Node(AT_ONCE)
    other = node.websocket.replace("127.0.0.1", "localhost")
    assert_all_included(node, transfers(node, node.websocket, "--threads 2", rpc=node.url, websocket=other), 60)


@plain
def test_over_a_websocket_with_blocks_that_are_asked_for():
    node = Node(AT_ONCE)
    assert_all_included(node, transfers(node, node.websocket, rpc=node.url), 60)


@plain
def test_blocks_that_come_fast_are_all_read():
    """Heads and answers to questions for the newest block overtake each other, most often on a node that has just begun."""
    for _ in range(4):
        node = Node(AT_ONCE)
        assert_all_included(node, transfers(node, node.websocket, rpc=node.url, websocket=node.websocket, count=100), 100)
        node.kill()


def test_over_tls():
    node = Node(AT_ONCE)
    https, wss, cert = tls_front(node)
    assert_all_included(node, transfers(node, https, f"--tls-ca {cert}", websocket=wss), 60)


@plain
def test_over_a_websocket_with_tls():
    node = Node(AT_ONCE)
    https, wss, cert = tls_front(node)
    assert_all_included(node, transfers(node, wss, f"--tls-ca {cert}", rpc=https, websocket=wss), 60)


def test_a_certificate_that_is_not_trusted():
    """Before the run that is a refusal, whoever it is of whom something has to be known; in it, each request is counted."""
    node = Node(AT_ONCE)
    https, wss, cert = tls_front(node)
    refused(profile(https, keys=keys(RICH)), "chain's id", "does not verify (--tls-ca FILE)")
    refused(profile(node, keys=keys(RICH), websocket=wss), "its blocks", "does not verify (--tls-ca FILE)")
    refused(profile(https.replace("localhost", "127.0.0.1"), keys=keys(RICH)), "does not verify", options=f"--requests 1 --tls-ca {cert}")
    refused(profile(node.url.replace("http", "https"), keys=keys(RICH)), "does not speak TLS")
    result = loaded(f"--profile {profile(https, keys=keys(RICH, OTHER), rpc=node.url)} --requests 4", code=1)
    assert result.ended() == {"tls": 4} and evm(result)["accepted"] == 0, result.ended()
    assert not node.transactions()


def test_a_websocket_that_tells_of_no_blocks():
    """One that does not open, and one that does not know of subscriptions, are refused: their blocks would never come."""
    node = Node(AT_ONCE)
    refused(profile(node, keys=keys(RICH), websocket=f"ws://127.0.0.1:{free_port()}"), "its blocks", "refuses connections")
    front = Front(node)
    refused(profile(node, keys=keys(RICH), websocket=front.url.replace("http", "ws")), "its blocks", "does not open a WebSocket")
    assert not node.transactions()


def test_a_node_that_has_not_the_receipts_of_a_block():
    """Then each is asked for, and a question that is not known is not asked twice."""
    node = Node(AT_ONCE)
    front = Front(node, lies={"eth_getBlockReceipts": NOT_THERE})
    assert_all_included(node, transfers(node, front.url, count=30), 30)
    assert front.asked["eth_getBlockReceipts"] == 1 and front.asked["eth_getTransactionReceipt"] == 30, front.asked


def test_a_node_that_has_no_receipts():
    """They are missing, which is told, and holds nothing up."""
    node = Node(AT_ONCE)
    front = Front(node, lies={"eth_getBlockReceipts": NOT_THERE, "eth_getTransactionReceipt": NOT_THERE})
    result = transfers(node, front.url, count=20)
    told = evm(result)
    assert (told["included"], told["receipts_missing"], told["receipts_succeeded"]) == (20, 20, 0), told
    result = transfers(node, front.url, count=20, receipts=False)
    assert evm(result)["included"] == 20 and not any(name.startswith("receipts") for name in evm(result)), evm(result)


def test_prewarming_sends_no_transaction():
    """Not for those that are signed on the way, nor for those of a file; but connections are made."""
    node = Node(AT_ONCE)
    front = Front(node)
    path = profile(front.url, keys=node.rich_keys(10), chain_id=CHAIN, max_fee=10**10)
    file, _ = presign(path, 10)
    result = loaded(f"--profile {profile(front.url, presigned=file)} --prewarm --connections 2 --threads 2 --duration 30s --grace 30s")
    assert_all_included(node, result, 10)
    assert front.asked["eth_chainId"] == 1 + 2 and result.connections == 2, (front.asked, result.connections)
    result = loaded(f"--profile {path} --prewarm --requests 10 --connections 2 --threads 2 --grace 30s")
    assert front.asked["eth_chainId"] == 2 * (1 + 2) and front.asked["eth_sendRawTransaction"] == 20, front.asked
    assert evm(result)["accepted"] == evm(result)["included"] == 10 and evm(result)["resyncs"] == 0, evm(result)


SHOWN = r"transaction (\d+): from (0x\w{40}), nonce (\d+), to (0x\w{40}), value (\d+), hash (0x\w{64})"


def dry(path, options="", code=0):
    got, out, err = finished(curfew("load", "--profile", path, "--dry-run", *options.split()), env=environment())
    assert got == code, (got, out, err)
    return out, err


def test_a_dry_run_shows_what_is_signed():
    """As it is in the chain, when it has been sent."""
    node = Node()
    path = profile(node, keys=keys(RICH, OTHER), chain_id=CHAIN, max_fee=10**10, to="random", value=str(10**18))
    shown = re.findall(SHOWN, dry(path, "--requests 5")[0])
    assert [int(each[0]) for each in shown] == [0, 1, 2, 3, 4] and not node.transactions(), shown
    file, _ = presign(path, 5)
    loaded(f"--profile {profile(node, presigned=file)} --connections 1 --threads 1 --duration 30s --grace 30s")
    found = [(each["from"], int(each["nonce"], 16), each["to"], int(each["value"], 16), each["hash"]) for each in node.transactions()]
    assert [(who, int(nonce), to, int(value), digest) for _, who, nonce, to, value, digest in shown] == found, (shown, found)
    out, _ = dry(profile(node, presigned=file), "--requests 3")
    assert re.findall(r"hash (0x\w{64})", out) == [each[4] for each in found[:3]] and file in out, out


def test_a_dry_run_names_what_it_lacks():
    cases = [({}, '"chain_id" and "max_fee"'), ({"chain_id": 1}, 'say "max_fee"'), ({"type": "legacy", "chain_id": 1}, 'say "gas_price"'),
             ({"max_fee": 5}, 'say "chain_id"')]  # fmt: skip
    for more, wanted in cases:
        out, _ = dry(profile("http://127.0.0.1:1", **more))
        assert wanted in out.splitlines()[-1] and "transaction 0" not in out, (more, out)
    out, _ = dry(profile("http://127.0.0.1:1", chain_id=1, max_fee=5, first_nonce=7, accounts=2))
    assert [int(each[2]) for each in re.findall(SHOWN, out)] == [7, 7, 8, 8, 9, 9, 10, 10, 11, 11], out


def test_files_of_transactions_that_are_not_whole_are_refused():
    """Cut off, or with something else in them: by the line, before anything is sent. What is signed has a price of its own."""
    good, _ = presign(profile("http://127.0.0.1:1", accounts=2, chain_id=1, max_fee=10**10), 4)
    lines = read_file(good).splitlines()
    texts = {
        "".join(f"{line}\n" for line in lines)[:-9]: 4,
        "\n".join(lines)[: 2 * len(lines[0]) // 2 + 11]: 2,
        "\n".join([lines[0], "", lines[1][:100] + lines[1][102:], lines[2]]): 3,
        "\n".join([lines[0] + "00", lines[1]]): 1,
        "\n".join([lines[0], lines[1].replace("0x", "0y")]): 2,
        "\n".join([lines[0], "\0" + lines[1]]): 2,
        lines[0] + lines[1]: 1,
        "\n".join([lines[0], "x" * 400000, lines[1]]): 2,
    }
    for text, line in texts.items():
        path = temporary(f"bad-{next(names)}")
        with open(path, "w") as file:
            file.write(text)
        _, err = dry(profile("http://127.0.0.1:1", presigned=path), code=2)
        assert f"line {line} is no whole signed transaction" in err and err.count("\n") == 1, (line, err)
    for path, wanted in ("/dev/null", "no regular file"), ("/", "no regular file"), ("/nowhere/at/all", "cannot be read"), (temporary("none"), "no transaction"):
        if wanted == "no transaction":
            open(path, "w").close()
        _, err = dry(profile("http://127.0.0.1:1", presigned=path), code=2)
        assert wanted in err and err.count("\n") == 1, (path, err)
