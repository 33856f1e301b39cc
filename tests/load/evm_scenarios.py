# SPDX-License-Identifier: Apache-2.0
"""`curfew load` on an Ethereum node. The node is anvil, a package of npm that ./dev load-evm installs; what became of the
transactions is asked of the node itself. Where it has to say what no good node does, a server of this file takes its place."""

import http.server
import threading
import urllib.request

from load import *

ANVIL = ROOT / "build" / "npm" / "tests" / "load" / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
# The first of the keys that every anvil has money for (they are in its manual).
RICH = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
OTHER = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
OTHERS_ADDRESS = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
CHAIN = 31337
ETHER = 10**18


def call(port, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=WITHIN) as answer:
        answer = json.load(answer)
    assert "error" not in answer, answer
    return answer["result"]


class Node:
    """One that listens, with a block each second."""

    def __init__(self, options="--block-time 1"):
        if not ANVIL.is_file():
            raise Skip("the Ethereum node is not there: ./dev load-evm installs it")
        self.port, self.options = free_port(), options
        self.url, self.websocket = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        argv = [str(ANVIL), "--port", str(self.port), "--order", "fifo", "--chain-id", str(CHAIN), *shlex.split(self.options)]
        said = temporary(f"node-{next(names)}")  # a file, since it says much, and waits where nobody reads
        with open(said, "wb") as file:
            self.process = start(argv, stdout=file, stderr=file, env={**environment(), "HOME": temporary("home"), "NO_COLOR": "1"})
        until(lambda: "Listening on" in read_file(said) or not self.process.alive(), "the node listens", 60)
        assert self.process.alive(), read_file(said)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def call(self, method, *params):
        return call(self.port, method, *params)

    def number(self, method, *params):
        return int(self.call(method, *params), 16)

    def blocks(self):
        last = self.number("eth_blockNumber")
        return [self.call("eth_getBlockByNumber", hex(i), True) for i in range(last + 1)]

    def transactions(self, without=()):
        """All of the chain, in its order, but those of these senders."""
        return [each for block in self.blocks() for each in block["transactions"] if each["from"] not in without]

    def statuses(self, transactions):
        return [self.call("eth_getTransactionReceipt", each["hash"])["status"] for each in transactions]


RICH_ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def profile(node, **more):
    """The path of one, for a node or a URL."""
    url = node if isinstance(node, str) else node.url
    scenario = {"name": "transfers", "kind": "evm-transfer", **more}
    path = temporary(f"profile-{next(names)}.json")
    with open(path, "w") as file:
        json.dump({"endpoints": [url], "scenarios": [scenario]}, file)
    return path


def keys(*lines):
    path = temporary(f"keys-{next(names)}")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def evm(result):
    """What the section says: {name: value}."""
    (section,) = result["sections"]
    assert section["name"] == "evm", section
    return {row["name"]: row["value"] for row in section["rows"]}


def inclusion(result):
    return result["sections"][0]["latency"]


def by_sender(transactions):
    nonces = collections.defaultdict(list)
    for each in transactions:
        nonces[each["from"]].append(int(each["nonce"], 16))
    return nonces


def assert_in_order(transactions, accounts):
    """That each account's nonces stand in the chain from 0 on without a gap."""
    nonces = by_sender(transactions)
    assert len(nonces) == accounts, nonces.keys()
    for sender, found in nonces.items():
        assert found == list(range(len(found))), (sender, found)


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


def refused(path, *wanted, options="--requests 10"):
    """A run that ends before it begins, with one reason."""
    load = Load(f"--profile {path} {options}")
    load.wait(1, 60)
    for words in wanted:
        assert words in load.errors(), load.errors()
    assert load.result().admitted == 0


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


def sent(node, least, without=(RICH_ADDRESS,)):
    until(lambda: len(node.transactions(without)) >= least, f"{least} transactions are in the chain", 60)


@limit(180)
def test_a_node_that_is_killed_and_comes_back_as_a_new_chain():
    """Its chain is new, and all nonces are 0 again: nobody has money but those of the key file."""
    node = Node()
    path = profile(node, keys=keys(RICH, OTHER), collector="websocket", websocket=node.websocket)
    load = Load(f"--profile {path} --threads 2 --duration inf --grace 20s --timeout 5s")
    sent(node, 20, without=())
    node.kill()
    node.start()
    sent(node, 20, without=())
    result = load.stop()
    told, transactions = evm(result), node.transactions()
    assert told["resyncs"] > 0 and told["reorganizations"] > 0 and told["outages"] > 0, told
    assert result.ok() > 0 and result.failures() > 0, result.ended()
    assert_in_order(transactions, 2)
    assert told["included"] == len(transactions), (told, len(transactions))
    assert told["reorganized_out"] > 0, told


@limit(180)
def test_a_node_that_is_killed_and_comes_back_with_its_state():
    """It forgets what is not in its last state: nonces may be smaller than before."""
    state = temporary("state.json")
    node = Node(f"--block-time 1 --state {state} --state-interval 1")
    path = profile(node, keys=keys(RICH, OTHER), collector="polling", poll="100ms")
    load = Load(f"--profile {path} --threads 2 --duration inf --grace 20s --timeout 5s")
    sent(node, 20, without=())
    until(lambda: os.path.exists(state) and os.path.getsize(state) > 0, "a state is saved", 60)
    node.kill()
    node.start()
    before = node.number("eth_getTransactionCount", OTHERS_ADDRESS, "latest")
    until(lambda: node.number("eth_getTransactionCount", OTHERS_ADDRESS, "latest") > before + 5, "it goes on", 60)
    result = load.stop()
    told = evm(result)
    assert told["resyncs"] > 0, told  # whether polling has met the time in which nobody listened is up to chance
    assert result.ok() > 0 and result.failures() > 0, result.ended()


def presign(path, count, code=0):
    file = temporary(f"presigned-{next(names)}")
    argv = curfew("load", "--profile", path, "--presign", file, "--requests", str(count))
    got, out, err = finished(argv, env=environment())
    assert got == code and not out, (got, out, err)
    return file, err


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


class Wrong(http.server.BaseHTTPRequestHandler):
    """A node that knows no account, and says garbage when it is asked to take a transaction."""

    protocol_version = "HTTP/1.1"
    garbage = b'{"jsonrpc":"2.0","id":'
    results = {"eth_chainId": "0x1", "eth_gasPrice": "0x1", "eth_getTransactionCount": "0x0", "eth_getBalance": "0xffffffffffffffff",
               "eth_blockNumber": "0x0"}  # fmt: skip
    lies = {}

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = asked["method"]
        if method == "eth_sendRawTransaction" or method in self.lies:
            body = self.lies.get(method, self.garbage).replace(b"ID", b"%d" % asked["id"])
        else:
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": self.results.get(method)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def wrong_node(lies):
    handler = type("Handler", (Wrong,), {"lies": lies})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


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
    refused(profile(wrong_node({}), accounts=4), "newest block")


def test_errors_of_the_node_are_told():
    error = b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"nonce too low"}}'
    url = wrong_node({"eth_sendRawTransaction": error})
    result = loaded(f"--profile {profile(url, accounts=1, collector='none')} --requests 1", code=1)
    assert result.ended() == {"rpc_error": 1}, result.ended()
    assert evm(result)["nonce_errors"] == 1 and evm(result)["resyncs"] == 1, evm(result)
