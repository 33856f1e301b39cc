# SPDX-License-Identifier: Apache-2.0
"""Clients and servers that people use: libraries of Python and Node, and a page in a browser."""

import selectors
import shutil
import threading

from browser import Page
from relay import *

PYTHON = """
import asyncio, inspect, json, ssl, sys, websockets

async def main(url, role, fields):
    trust = ssl._create_unverified_context() if url.startswith("wss") else None
    names = inspect.signature(websockets.connect).parameters
    headers = {"additional_headers" if "additional_headers" in names else "extra_headers": json.loads(fields)}
    async with websockets.connect(f"{url}/v1/{role}", ssl=trust, compression=None, **headers) as socket:
        print("open", flush=True)
        try:
            if role == "client":
                await socket.send(json.dumps("hello"))
                print(await socket.recv(), flush=True)
            while True:
                message = json.loads(await socket.recv())
                if role == "server" and "frame" in message:
                    await socket.send(json.dumps({"conn_id": message["conn_id"], "frame": ["echo", message["frame"]]}))
        except websockets.ConnectionClosed as end:
            print(end.rcvd.code, end.rcvd.reason, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""

NODE = """
const [url, role, fields, library] = process.argv.slice(2);
const WebSocket = require(library);
const socket = new WebSocket(`${url}/v1/${role}`, {headers: JSON.parse(fields), rejectUnauthorized: false});
socket.on('open', () => { console.log('open'); if (role === 'client') socket.send(JSON.stringify('hello')); });
socket.on('message', (data) => {
	if (role === 'client') { console.log(String(data)); return; }
	const message = JSON.parse(String(data));
	if ('frame' in message) socket.send(JSON.stringify({conn_id: message.conn_id, frame: ['echo', message.frame]}));
});
socket.on('close', (code, reason) => console.log(`${code} ${reason}`));
"""

PAGE = """
<!doctype html><title>a client</title><p id="state"></p><script>
const socket = new WebSocket(`ws://${location.host}/v1/client`);
const say = (text) => { document.getElementById('state').textContent = text; };
socket.onopen = () => socket.send('"hello"');
socket.onmessage = (message) => say(message.data);
socket.onclose = (event) => say(`${event.code} ${event.reason} ${event.wasClean}`);
</script>
"""


def python(relay, role, fields):
    return [library_python("websockets"), "-c", PYTHON, relay_url(relay), role, json.dumps(fields)]


def node(relay, role, fields):
    for folder in "/usr/share/nodejs/ws", "/usr/lib/node_modules/ws":
        if shutil.which("node") and os.path.exists(folder):
            return ["node", "-e", NODE, "x", relay_url(relay), role, json.dumps(fields), folder]
    raise Skip("node-ws is not installed")


def relay_url(relay):
    return f"{'wss' if relay.face.tls else 'ws'}://127.0.0.1:{relay.port}"


def talk_to_the_end(face, program):
    relay = Relay(face)
    own = {"X-Relay-Server": "desk", "User-Agent": "test/1"}
    server = start(program(relay, "server", {**own, "X-Relay-Version": "1"}))
    assert server.line() == "open"
    until(lambda: relay.lines(event="registered"), "the server is registered")
    phones = [start(program(relay, "client", {**own, "X-Relay-Token": "secret"})) for _ in range(3)]
    for phone in phones:
        assert phone.line() == "open"
        assert json.loads(phone.line()) == ["echo", "hello"]
    relay.signal()
    for each in [*phones, server]:
        assert each.line() == "1001 shutting down"
        assert each.wait() == 0, each.errors()
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 4, report


@faces(PLAIN, TLS_THREADS)
def test_42_a_library_of_python_on_both_sides(face):
    talk_to_the_end(face, python)


@faces(PLAIN, TLS_THREADS)
def test_42_a_library_of_node_on_both_sides(face):
    talk_to_the_end(face, node)


class HeaderProxy:
    """What a browser's page needs in front of the relay: the headers that it cannot send, put behind the request's
    first line; and the page itself for everything else."""

    def __init__(self, relay, fields):
        self.relay, self.fields = relay, fields
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(65536)
            if not part:
                return
            head += part
        if not head.startswith(b"GET /v1/"):
            body = PAGE.encode()
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            client.close()
            return
        first, rest = head.split(b"\r\n", 1)
        upstream = wire.connected(self.relay.address)
        upstream.settimeout(None)
        upstream.sendall(b"\r\n".join([first, *[field.encode() for field in self.fields], rest]))
        pass_on(client, upstream)

    def close(self):
        self.listener.close()


def pass_on(one, other):
    """All bytes of two sockets in both directions, to the end of both."""
    selector = selectors.DefaultSelector()
    selector.register(one, selectors.EVENT_READ, other)
    selector.register(other, selectors.EVENT_READ, one)
    while selector.get_map():
        for key, _ in selector.select():
            data = key.fileobj.recv(65536)
            if data:
                key.data.sendall(data)
                continue
            selector.unregister(key.fileobj)
            try:
                key.data.shutdown(socket.SHUT_WR)
            except OSError:
                pass
    one.close()
    other.close()


@limit(120)
@plain
def test_42_a_page_in_a_browser_is_closed_in_order():
    relay = Relay(PLAIN)
    server = relay.server().held()
    proxy = HeaderProxy(relay, ["X-Relay-Server: desk", "X-Relay-Token: secret"])
    page = Page(f"http://127.0.0.1:{proxy.port}/")
    envelope = server.envelope(60)
    assert envelope["frame"] == "hello", envelope
    server.tell(envelope["conn_id"], '"welcome"')
    until(lambda: page.text("state") == '"welcome"', "the page has got it")
    relay.signal()
    assert server.notice() == (envelope["conn_id"], GONE)
    server.assert_closed(GONE)
    until(lambda: page.text("state") == "1001 shutting down true", "the page has seen the close")
    assert page.close() == []
    assert relay.process.wait() == 0 and relay.report()["counts"]["websockets_closed"] == 2
    proxy.close()
