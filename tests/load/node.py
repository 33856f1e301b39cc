# SPDX-License-Identifier: Apache-2.0
"""An Ethereum node for `curfew load`: anvil, a package of npm that ./dev load-evm installs. What became of the transactions is
asked of the node itself. Where it has to say what no good node does, a server of this file takes its place."""

import http.server
import platform
import re
import threading
import urllib.request

from load import *

ANVIL = ROOT / "build" / "npm" / "tests" / "load" / platform.machine() / "node_modules" / ".bin" / "anvil"
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


# Each transaction has its block, at once. This node loses sight of one that comes while the one of the nonce before it is made
# into a block (it stays queued for ever; 1 run of 250 of 60 transactions): so each is of an account of its own (rich_keys).
AT_ONCE = "--accounts 100"


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
        self.said = temporary(f"node-{next(names)}")  # a file, since it says much, and waits where nobody reads
        with open(self.said, "wb") as file:
            self.process = start(argv, stdout=file, stderr=file, env={**environment(), "HOME": temporary("home"), "NO_COLOR": "1"})
        until(lambda: "Listening on" in read_file(self.said) or not self.process.alive(), "the node listens", 60)
        assert self.process.alive(), read_file(self.said)

    def rich_keys(self, count):
        """The path of a file of as many, whose accounts have money."""
        found = re.findall(r"^\(\d+\) (0x\w{64})$", read_file(self.said), re.M)
        assert len(found) >= count, found
        return keys(*found[:count])

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


def sent(node, least, without=(RICH_ADDRESS,)):
    until(lambda: len(node.transactions(without)) >= least, f"{least} transactions are in the chain", 60)


def refused(path, *wanted, options="--requests 10"):
    """A run that ends before it begins, with one reason."""
    load = Load(f"--profile {path} {options}")
    load.wait(1, 60)
    for words in wanted:
        assert words in load.errors(), load.errors()
    assert load.result().admitted == 0


def presign(path, count, code=0):
    file = temporary(f"presigned-{next(names)}")
    argv = curfew("load", "--profile", path, "--presign", file, "--requests", str(count))
    got, out, err = finished(argv, env=environment())
    assert got == code and not out, (got, out, err)
    return file, err


def block(number):
    """An empty one."""
    return {"number": hex(number), "hash": "0x" + f"{number + 1:064x}", "parentHash": "0x" + f"{number:064x}", "gasUsed": "0x0", "transactions": []}


class Front:
    """Answers for a node, in front of one or in its place. lies: {method: the whole answer, with ID where its number is to be};
    silent: {method: after how many answers it gets none any more}. What it was asked is counted."""

    results = {"eth_chainId": hex(CHAIN), "eth_gasPrice": "0x1", "eth_getTransactionCount": "0x0", "eth_getBalance": "0xffffffffffffffff",
               "eth_blockNumber": "0x0", "eth_getBlockByNumber": block(0)}  # fmt: skip

    def __init__(self, node=None, lies={}, silent={}):
        self.node, self.lies, self.silent = node, lies, silent
        self.asked, self.answered, self.lock = collections.Counter(), collections.Counter(), threading.Lock()
        handler = type("Handler", (Call,), {"front": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def until_asked(self, method, count=1):
        until(lambda: self.asked[method] >= count, f"{count} times {method}", 30)

    def until_answered(self, method, count=1):
        until(lambda: self.answered[method] >= count, f"{count} answers to {method}", 30)

    def answer(self, body):
        """None: there is none."""
        asked = json.loads(body)
        method = asked["method"]
        with self.lock:
            self.asked[method] += 1
            if self.asked[method] > self.silent.get(method, math.inf):
                return None
        if method in self.lies:
            return self.lies[method].replace(b"ID", b"%d" % asked["id"])
        if self.node:
            request = urllib.request.Request(self.node.url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=WITHIN) as answer:
                return answer.read()
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": self.results.get(method)}).encode()


class Call(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body together: else Nagle waits for an acknowledgement that waits, too

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        body = self.front.answer(asked)
        if body is None:
            self.rfile.read(1)  # until it is given up
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        with self.front.lock:
            self.front.answered[json.loads(asked)["method"]] += 1

    def log_message(self, *arguments):
        pass


GARBAGE = b'{"jsonrpc":"2.0","id":'


def wrong_node(lies):
    """The URL of one that knows no account, and says garbage when it is asked to take a transaction."""
    return Front(lies={"eth_sendRawTransaction": GARBAGE, **lies}).url


def tls_front(node):
    """A node behind TLS: its URLs for calls and for a WebSocket, and the certificate, which is of localhost."""
    cert, key = certificate()
    port = free_port()
    argv = [curfew_path(), "gate", "--upstream", node.url, "--listen", f"127.0.0.1:{port}", "--tls-cert", cert, "--tls-key", key, "--grace", "1s"]
    start(argv, env=environment()).err.until("event=ready")
    return f"https://localhost:{port}", f"wss://localhost:{port}", cert
