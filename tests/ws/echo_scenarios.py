# SPDX-License-Identifier: Apache-2.0
"""The WebSocket module, as an echo program, with real clients: python3-websockets and npm's ws."""

import asyncio
import signal

from harness import Skip, finished, fixture, start

try:
    import websockets
except ImportError:
    websockets = None

LIMIT = 1000000
SIZES = 0, 1, 125, 126, 4095, 4096, 65535, 65536, LIMIT


def echo():
    process = start([fixture("ws_echo"), "/echo", str(LIMIT)])
    return process, f"ws://127.0.0.1:{process.line().split()[1]}"


def with_client(talk):
    """Runs talk(connect, process), which returns whether it has stopped the program: connect() opens a connection that
    takes anything."""
    if not websockets:
        raise Skip("python3-websockets is not installed")
    process, url = echo()

    def connect(path="/echo", **options):
        return websockets.connect(url + path, max_size=None, **options)

    if not asyncio.run(talk(connect, process)):
        process.signal(signal.SIGTERM)
    assert process.wait() == 0


async def closed_with(socket_):
    """What the server's close frame says, behind everything else."""
    try:
        while True:
            await socket_.recv()
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def test_websockets_gets_back_what_it_sends():
    async def talk(connect, _process):
        async with connect() as socket_:
            for size in SIZES:
                for message in "x" * size, b"\xff" * size:
                    await socket_.send(message)
                    assert await socket_.recv() == message
            await socket_.send(["frag", "mén", "ted"])
            assert await socket_.recv() == "fragménted"
            await (await socket_.ping(b"are you there"))

    with_client(talk)


def test_websockets_is_told_why_it_ends():
    async def talk(connect, _process):
        socket_ = await connect()
        await socket_.send("x" * (LIMIT + 1))
        assert await closed_with(socket_) == (1009, "message too big")
        socket_ = await connect()
        await socket_.close(4000, "bye")
        assert socket_.close_code == 4000

    with_client(talk)


def test_websockets_is_closed_at_the_end_behind_what_it_sent():
    async def talk(connect, process):
        sockets = [await connect() for _ in range(20)]
        for socket_ in sockets:
            await socket_.send("last")
        process.signal(signal.SIGTERM)
        for socket_ in sockets:
            assert await socket_.recv() == "last"
            assert await closed_with(socket_) == (1001, "shutting down")
        return True

    with_client(talk)


NODE = """
const WebSocket = require('/usr/share/nodejs/ws');
const sizes = %s;
const socket = new WebSocket(process.argv[2] + '/echo', {perMessageDeflate: true});
let at = 0;
const next = () => at < 2 * sizes.length
  ? socket.send(at %% 2 ? 'x'.repeat(sizes[at >> 1]) : Buffer.alloc(sizes[at >> 1], 255))
  : socket.ping('are you there');
socket.on('open', next);
socket.on('message', (data, isBinary) => {
  if (data.length !== sizes[at >> 1] || isBinary === Boolean(at %% 2)) process.exit(3);
  at++;
  next();
});
socket.on('pong', data => { if (String(data) !== 'are you there') process.exit(4); socket.close(4001, 'bye'); });
socket.on('close', code => { console.log(code); process.exit(0); });
"""


def test_npm_ws_gets_back_what_it_sends():
    process, url = echo()
    code, out, err = finished(["node", "-e", NODE % list(SIZES), "-", url])
    if "Cannot find module" in err:
        raise Skip("node-ws is not installed")
    assert (code, out) == (0, "4001\n"), err
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
