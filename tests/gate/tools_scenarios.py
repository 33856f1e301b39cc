# SPDX-License-Identifier: Apache-2.0
"""Clients and servers that people use: curl; WebSocket libraries; Python's own server, unmodified, behind it."""

import shutil
import sys

from gate import *
from pattern import pattern


def curl(gate, *arguments, code=0):
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    scheme = "https" if gate.face.tls else "http"
    trust = ["--cacert", gate.certificate[0]] if gate.face.tls else []
    words = [word.replace("URL", f"{scheme}://localhost:{gate.port}") for word in arguments]
    got, out, err = finished(["curl", "-sS", "-4", "--http1.1", *trust, *words])
    assert got in (code if isinstance(code, tuple) else (code,)), (words, got, err)
    return out


@faces(*ALL)
def test_curl_gets_posts_uploads_and_follows_interim_answers(face):
    gate = Gate(face)
    assert curl(gate, "URL/body?size=6", "-o", temporary("got")) == ""
    with open(temporary("got"), "rb") as file:
        assert file.read() == pattern(6)
    path = temporary("upload")
    with open(path, "wb") as file:
        file.write(pattern(3000000))
    curl(gate, "-T", path, "URL/body", "-o", "/dev/null")  # Expect: 100-continue
    curl(gate, "-T", path, "-H", "Transfer-Encoding: chunked", "URL/body", "-o", "/dev/null")
    assert [event["length"] for event in gate.origin.events("body") if event["length"]] == [3000000] * 2
    assert curl(gate, "--data", "a=b", "URL/echo").endswith("a=b")
    assert "103" in curl(gate, "-i", "URL/interim?kind=103")
    assert curl(gate, "-I", "URL/body").startswith("HTTP/1.1 200")
    assert curl(gate, "-w", "%{num_connects}", "-o", "/dev/null", "-o", "/dev/null", "URL/body", "URL/body") == "10"
    curl(gate, "URL/close?at=body", "-o", "/dev/null", code=(18, 56))
    gate.stop()


@faces(PLAIN, TLS, CHILD)
def test_curl_across_the_end(face):
    gate = Gate(face)
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    scheme = "https" if face.tls else "http"
    process = start(["curl", "-sSk", "-4", f"{scheme}://localhost:{gate.port}/held?size=1000000", "-o", temporary("got")])
    gate.origin.event("request", path="/held")
    gate.drain()
    gate.origin.release()
    assert process.wait() == 0, process.errors()
    assert os.path.getsize(temporary("got")) == 1000000
    gate.end()


PYTHON_CLIENT = """
import asyncio, ssl, sys, websockets

async def main(url):
    trust = ssl._create_unverified_context() if url.startswith("wss") else None
    async with websockets.connect(url, ssl=trust) as socket:
        for size in 0, 100, 70000, 300000:
            await socket.send("x" * size)
            assert await socket.recv() == "x" * size
        await (await socket.ping())
        print("up", flush=True)
        try:
            await socket.recv()
        except websockets.ConnectionClosed as end:
            print(end.rcvd.code, end.rcvd_then_sent, flush=True)

asyncio.run(main(sys.argv[1]))
"""

NODE_CLIENT = """
const WebSocket = require(process.argv[3]);
const socket = new WebSocket(process.argv[2], {rejectUnauthorized: false});
socket.on('open', () => socket.send('x'.repeat(300000)));
socket.on('message', (data) => { if (data.length === 300000) console.log('up'); });
socket.on('close', (code) => { console.log(code + ' True'); });
"""


def python_client(url):
    return [library_python("websockets"), "-c", PYTHON_CLIENT, url]


def node_client(url):
    for folder in "/usr/share/nodejs/ws", "/usr/lib/node_modules/ws":
        if shutil.which("node") and os.path.exists(folder):
            return ["node", "-e", NODE_CLIENT, "x", url, folder]
    raise Skip("node-ws is not installed")


def talk_to_the_end(face, client):
    gate = Gate(face)
    scheme = "wss" if face.tls else "ws"
    process = start(client(f"{scheme}://127.0.0.1:{gate.port}/ws"))
    assert process.line() == "up"
    gate.signal()
    assert process.line() == "1001 True"
    assert process.wait() == 0, process.errors()
    assert gate.end()["counts"]["websockets_closed"] == 1


@faces(PLAIN, TLS, CHILD)
def test_42_a_library_of_python_sees_1001(face):
    talk_to_the_end(face, python_client)


@faces(PLAIN, TLS)
def test_42_a_library_of_node_sees_1001(face):
    talk_to_the_end(face, node_client)


def test_40_an_ordinary_server_behind_it_loses_nothing():
    """Python's own http.server, which dies at once when it is told to."""
    folder = temporary("site")
    os.mkdir(folder)
    with open(f"{folder}/index.html", "wb") as file:
        file.write(b"hello\n")
    port = free_port()
    server = [sys.executable, "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1", "--directory", folder, str(port)]
    gate = Gate(PLAIN, upstream=f"http://127.0.0.1:{port}", command=server, origin=None)
    clients = start([str(BUILD / "tests" / "examples" / "load_client"), str(gate.port), "kept", "16"])
    clients.expect("running", within=30)
    gate.stop()
    counted = json.loads(clients.line(30))
    assert counted["lost"] == counted["unsent"] == 0 and counted["answered"] >= 160, counted
