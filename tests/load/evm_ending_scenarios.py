# SPDX-License-Identifier: Apache-2.0
"""The end of a run on an Ethereum node, at each of its moments: one signal ends it in order, a second one at once; the summary
is there, and what it says of the transactions is so."""

from node import *

BOTH = TERM, INT
SOME = dict(accounts=4, chain_id=CHAIN)


def assert_in_preparation(load, number):
    """Nothing was sent, so nothing has failed; and nobody is waited for."""
    began = load.signal(number)
    result = load.end()
    assert (result.ending, result.admitted) == ("signal", 0), (result.ending, result.admitted)
    assert_below(load.took(began), 5, "the end of a preparation")


def preparing(front, number, method, **more):
    load = Load(f"--profile {profile(front.url, **SOME, **more)} --requests 10 --grace 60s --threads 2")
    front.until_asked(method)
    assert_in_preparation(load, number)


def test_a_signal_while_a_node_that_never_answers_is_asked():
    """Whatever it is asked for before the run, for all and for each account."""
    steps = {"eth_chainId": {}, "eth_gasPrice": {}, "eth_blockNumber": {}, "eth_getBlockByNumber": {}, "eth_getTransactionCount": dict(collector="none"),
             "eth_getBalance": dict(collector="none")}  # fmt: skip
    for number, (method, more) in zip(BOTH * len(steps), steps.items()):
        preparing(Front(silent={method: 0}), number, method, **more)


def test_a_signal_while_accounts_are_funded():
    """The receipt of the last transfer to them never comes."""
    nothing = b'{"jsonrpc":"2.0","id":ID,"result":null}'
    poor = b'{"jsonrpc":"2.0","id":ID,"result":"0x0"}'
    taken = b'{"jsonrpc":"2.0","id":ID,"result":"0x' + b"11" * 32 + b'"}'
    lies = {"eth_getBalance": poor, "eth_getTransactionReceipt": nothing, "eth_sendRawTransaction": taken}
    for number in BOTH:
        preparing(Front(lies=lies), number, "eth_getTransactionReceipt", fund_from=RICH)


def test_a_signal_while_nobody_accepts_connections():
    with full_backlog() as url:
        load = Load(f"--profile {profile(url, **SOME)} --requests 10 --grace 60s")
        until(lambda: sockets_in(load.pid, "02"), "a connection is on its way")
        assert_in_preparation(load, TERM)


def test_a_signal_while_a_websocket_is_not_opened():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        load = Load(f"--profile {profile(Front().url, websocket=url, **SOME)} --requests 10 --grace 60s")
        listener.settimeout(WITHIN)
        with listener.accept()[0] as link:
            link.recv(1)
            assert_in_preparation(load, INT)


def test_a_signal_while_connections_are_prewarmed():
    for number in BOTH:
        front = Front(silent={"eth_chainId": 1})
        load = Load(f"--profile {profile(front.url, collector='none', **SOME)} --prewarm --requests 10 --grace 500ms")
        front.until_asked("eth_chainId", 2)
        load.signal(number)
        result = load.end()
        assert (result.ending, result.admitted) == ("signal", 0), (result.ending, result.admitted)


def held(options):
    """One whose transactions are never answered."""
    front = Front(silent={"eth_sendRawTransaction": 0})
    load = Load(f"--profile {profile(front.url, collector='none', **SOME)} --duration inf {options}")
    front.until_asked("eth_sendRawTransaction", 4)
    return load


def insist(load, first, second):
    """Returns the result."""
    load.signal(first)
    debounced(load.pid)
    load.signal(second)
    result = load.end(code=128 + second)
    assert result.ending == "insisted", result.ending
    return result


def test_a_signal_while_transactions_are_in_flight():
    """All that was sent is in flight at the end, so nothing ever succeeded."""
    for number in BOTH:
        load = held("--grace 300ms")
        result = load.stop(1, number)
        assert (result.ending, result.in_flight, result.ok()) == ("signal", 4, 0), result.ended()
    result = insist(held("--grace inf"), TERM, INT)
    assert result.in_flight == 4, result.ended()


def test_a_signal_while_it_runs():
    """What was accepted is waited for: until it is in a block, with its receipt."""
    for number in BOTH:
        node = Node("--block-time 0.3")
        load = Load(f"--profile {profile(node, keys=keys(RICH, OTHER), websocket=node.websocket)} --duration inf --grace 30s --threads 2")
        sent(node, 10, without=())
        result = load.stop(0, number)
        told, transactions = evm(result), node.transactions()
        assert result.ending == "signal" and set(result.ended()) == {"ok"}, result.ended()
        assert result.ok() == told["accepted"] == told["included"] == told["receipts_succeeded"] == len(transactions), (told, len(transactions))
        assert_in_order(transactions, 2)
        node.kill()


def collecting(node, front, count=20, options="--grace 60s"):
    """One whose requests are all made: what is left is what became of them."""
    load = Load(f"--profile {profile(front.url, keys=node.rich_keys(count))} --requests {count} --threads 2 {options}")
    front.until_answered("eth_sendRawTransaction", count)
    return load


def test_a_signal_while_receipts_are_collected():
    """They never come; what was included is known all the same. A second signal does not wait for the grace."""
    node = Node(AT_ONCE)
    front = Front(node, silent={"eth_getBlockReceipts": 0})
    load = collecting(node, front, options="--grace 1s")
    front.until_asked("eth_getBlockReceipts")
    told = evm(load.stop())
    assert told["accepted"] == 20 and told["receipts_succeeded"] == told["receipts_failed"] == 0, told
    for first, second in (TERM, INT), (INT, TERM):
        front = Front(node, silent={"eth_getBlockReceipts": 0})
        load = collecting(node, front)
        front.until_asked("eth_getBlockReceipts")
        result = insist(load, first, second)
        assert evm(result)["accepted"] == result.ok() == 20, evm(result)


def test_a_signal_while_no_block_comes():
    """Nothing that was accepted is lost from sight: it is in no block."""
    node = Node("--no-mining")
    for options, stop in ("--grace 500ms", lambda load: load.stop()), ("--grace 60s", lambda load: insist(load, TERM, TERM)):
        result = stop(collecting(node, Front(node), 10, options))
        told = evm(result)
        assert told["accepted"] == told["not_included"] == result.ok() == 10 and told["included"] == 0, told


@plain
def test_a_signal_in_the_flush_delay():
    """Behind a run in which all was included, and behind one in which nothing succeeded: the code stays what it is."""
    node = Node(AT_ONCE)
    for front, code in (Front(node), 0), (Front(lies={"eth_sendRawTransaction": GARBAGE}), 1):
        more = dict(collector="polling" if front.node else "none")
        load = Load(f"--profile {profile(front.url, keys=node.rich_keys(10), **more)} --requests 10 --grace 30s --flush-delay 600s")
        until(lambda: load.said().endswith("\n") and read_file(load.json_path), "the summary", 30)
        began = load.signal()
        result = load.end(code)
        assert result.ending == "requests" and (code or evm(result)["included"] == 10), evm(result)
        assert_below(load.took(began), 5, "the end of the flush delay")
