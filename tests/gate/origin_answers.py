# SPDX-License-Identifier: Apache-2.0
"""What the origin answers. The first word of the path is the behaviour, the query its numbers.

/echo               all bytes of the request as they came, as the body
/body?size=&chunked=&close=&old=&status=     the pattern of size bytes; chunked (of that many bytes each),
                    ended by the close of the connection, as HTTP/1.0
/trailers?size=     chunked, with trailers X-One and X-Two
/fields             the answer has Set-Cookie twice, hop-by-hop fields, Connection: x-private
/interim?kind=      103, 100 or 102 in front of a 200 (several: 103,103)
/slow-head?ms=      the head comes after so long
/slow-body?parts=&ms=
/held?size=         answers when SIGUSR1 has come; /held-body: head and half of the body at once
/events?ms=         an endless text/event-stream, an event a chunk;  /stream: the same as application/x-ndjson
/cut-events         an event stream that stands still in the middle of an event
/hang               never answers; /hang-unread: nor reads the body
/reset?at=          before, head (in the middle of it), body; /close?at= the same with FIN
/once?how=          the second request on a connection is answered by reset or close, before any byte;
                    held: when SIGUSR1 has come
/raw, /, bytes in hexadecimal, ?then=    these and nothing else; then keep, close, reset or hang
/say?then=          the same with the bytes of the request's body
/early?status=&read=&size=    answers before the body has come; then reads it (1), or closes at once (0)
/count              counts, and answers 200; /status?code=
/exit?code=         the process ends with this code
/health             200 once the file of ?file= exists, else 503
/ws?...             a WebSocket that echoes: see websocket()
/upgrade            any other protocol: a tunnel that echoes bytes
"""

import asyncio
import os

import frames
from pattern import pattern

CRLF = b"\r\n"


def head(request, status, *fields):
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Whatever'}", *fields]
    if request.connection.origin.options.keep_alive:
        lines.append(f"Keep-Alive: {request.connection.origin.options.keep_alive}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


async def plain(request, body, status=200, *fields):
    """A whole answer with a Content-Length, in one write."""
    text = head(request, status, f"Content-Length: {len(body)}", *fields)
    await request.connection.write(text if request.method == "HEAD" else text + body)


async def echo(request):
    await request.read_body()
    await plain(request, request.raw + request.body_raw)


async def body(request):
    await request.read_body()
    content = pattern(request.number("size", 6))
    if request.number("chunked"):
        await request.connection.write(head(request, 200, "Transfer-Encoding: chunked"))
        if request.method != "HEAD":
            step = request.number("chunked")
            for at in range(0, len(content), step):
                await request.connection.write(chunk(content[at : at + step]))
            await request.connection.write(b"0\r\n\r\n")
    elif request.number("close"):
        await request.connection.write(head(request, 200, "Connection: close") + content)
        return False
    elif request.number("old"):
        await request.connection.write(b"HTTP/1.0 200 OK\r\n\r\n" + content)
        return False
    else:
        await plain(request, content, request.number("status", 200))
    return True


async def trailers(request):
    await request.read_body()
    text = head(request, 200, "Transfer-Encoding: chunked", "Trailer: X-One, X-Two")
    text += chunk(pattern(request.number("size", 6))) + b"0\r\nX-One: 1\r\nX-Two: two\r\n\r\n"
    await request.connection.write(text)


async def fields(request):
    await request.read_body()
    more = ("Set-Cookie: a=1", "Set-Cookie: b=2", "X-Private: hop", "Connection: x-private", "Proxy-Connection: close", "X-Kept: yes", "Server: origin", "Date: Thu, 01 Jan 1970 00:00:00 GMT")
    await plain(request, b"fields", 200, *more)


async def interim(request):
    for status in request.query.get("kind", "103").split(","):
        await request.connection.write(head(request, int(status), "Link: </style.css>; rel=preload"))
    await request.read_body()
    await plain(request, b"final")


async def slow_head(request):
    await request.read_body()
    await asyncio.sleep(request.number("ms") / 1000)
    await plain(request, b"late")


async def slow_body(request):
    await request.read_body()
    parts = request.number("parts", 3)
    await request.connection.write(head(request, 200, f"Content-Length: {parts}"))
    for _ in range(parts):
        await asyncio.sleep(request.number("ms") / 1000)
        await request.connection.write(b"x")


async def released(request):
    """Waits for SIGUSR1, or for the other side to go away."""
    reading = asyncio.ensure_future(request.connection.until_gone())
    waiting = asyncio.ensure_future(request.connection.origin.released.wait())
    done, _ = await asyncio.wait([reading, waiting], return_when=asyncio.FIRST_COMPLETED)
    if reading in done:
        waiting.cancel()
        await reading  # raises
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def held(request):
    await request.read_body()
    await released(request)
    await plain(request, pattern(request.number("size", 6)))


async def held_body(request):
    await request.read_body()
    content = pattern(request.number("size", 6))
    half = len(content) // 2
    await request.connection.write(head(request, 200, f"Content-Length: {len(content)}") + content[:half])
    await released(request)
    await request.connection.write(content[half:])


async def endless(request, kind, event):
    await request.read_body()
    await request.connection.write(head(request, 200, f"Content-Type: {kind}", "Transfer-Encoding: chunked"))
    reading = asyncio.ensure_future(request.connection.until_gone())
    number = 0
    while not reading.done():
        await request.connection.write(chunk(event % number))
        number += 1
        await asyncio.wait([reading], timeout=request.number("ms", 20) / 1000)
    await reading


async def events(request):
    await endless(request, "text/event-stream", b"data: %d\n\n")


async def stream(request):
    await endless(request, "application/x-ndjson", b'{"n": %d}\n')


async def cut_events(request):
    await request.connection.write(head(request, 200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked"))
    await request.connection.write(chunk(b"data: whole\n\n") + chunk(b"data: ha"))
    await request.connection.until_gone()


async def hang(request):
    await request.read_body()
    await request.connection.until_gone()


async def hang_unread(request):
    await asyncio.Event().wait()


async def end(request):
    """Ends the connection early, at=before, head or body, how the path says."""
    where = request.query.get("at", "before")
    if where != "early":
        await request.read_body()
    if where == "head":
        await request.connection.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    elif where == "body":
        await request.connection.write(head(request, 200, "Content-Length: 100") + pattern(50))
    elif where == "chunk":
        await request.connection.write(head(request, 200, "Transfer-Encoding: chunked") + b"64\r\n" + pattern(50))
    elif where == "chunks":
        await request.connection.write(head(request, 200, "Transfer-Encoding: chunked") + chunk(pattern(50)))
    if request.path.startswith("/reset"):
        await asyncio.sleep(request.number("ms", 0) / 1000)
        request.connection.reset()
    return False


async def once(request):
    """The first request of a connection is answered; a later one meets its end before any byte."""
    connection = request.connection
    connection.asked = getattr(connection, "asked", 0) + 1
    await request.read_body()
    if "held" in request.query:
        await released(request)
    if connection.asked == 1:
        await plain(request, b"%d" % connection.number)
        return True
    if request.query.get("how") == "reset":
        connection.reset()
    return False


async def raw(request):
    await request.read_body()
    said = request.body_raw if request.path == "/say" else bytes.fromhex(request.path.split("/")[2])
    await request.connection.write(said)
    then = request.query.get("then", "keep")
    if then == "reset":
        request.connection.reset()
    if then == "hang":
        await request.connection.until_gone()
    return then == "keep"


async def early(request):
    """An answer before the body has come, and with read=0 a connection that is closed without it."""
    close = [] if request.number("read") else ["Connection: close"]
    await plain(request, pattern(request.number("size")) or b"early", request.number("status", 413), *close)
    if not request.number("read"):
        return False
    await request.read_body()
    return True


async def count(request):
    await request.read_body()
    request.connection.origin.count()
    await plain(request, b"hello\n")


async def status(request):
    await request.read_body()
    code = request.number("code", 200)
    if code in (204, 304):
        await request.connection.write(head(request, code))
    else:
        await plain(request, b"status", code)


async def leave(request):
    os._exit(request.number("code"))


async def health(request):
    ready = os.path.exists(request.query.get("file", "/"))
    await plain(request, b"ready" if ready else b"not yet", 200 if ready else 503)


async def upgrade(request):
    protocol = request.field("Upgrade", "")
    await request.connection.write(head(request, 101, "Connection: Upgrade", f"Upgrade: {protocol}"))
    while True:
        await request.connection.write(await request.connection.some(65536))


async def websocket(request):
    """Echoes messages; the numbers say otherwise:

    status=403   the handshake is refused;         held=1   it is answered when SIGUSR1 has come
    first=1      a frame comes with the 101;       push=N&size=S   N numbered frames at once
    flood=1      numbered frames without an end;   silent=1   no close frame is ever answered
    close=CODE   we begin the close when SIGUSR1 has come
    part=1       half of a frame of 20 bytes, the rest when SIGUSR1 has come
    """
    connection = request.connection
    if request.number("held"):
        await released(request)
    if request.number("status"):
        await plain(request, b"no", request.number("status"))
        return True
    accept = frames.accept_key(request.field("Sec-WebSocket-Key", ""))
    data = head(request, 101, "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {accept}")
    data += frames.frame(frames.TEXT, b"first") if request.number("first") else b""
    await connection.write(data)
    talking = asyncio.ensure_future(talk(request))
    try:
        await listen(request, talking)
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    return False


async def talk(request):
    """What the origin says unasked."""
    size = request.number("size", 20)
    for number in range(request.number("push")):
        await request.connection.write(frames.frame(frames.BINARY, b"%08d" % number + bytes(size - 8)))
    number = 0
    while request.number("flood"):
        await request.connection.write(frames.frame(frames.BINARY, b"%08d" % number + bytes(size - 8)))
        number += 1
    if request.number("part"):
        whole = frames.frame(frames.BINARY, pattern(20))
        await request.connection.write(whole[:10])
        await request.connection.origin.released.wait()
        await request.connection.write(whole[10:])
    if request.number("close"):
        await request.connection.origin.released.wait()
        await request.connection.write(frames.close_frame(request.number("close"), b"origin"))
        request.connection.closing = True


async def listen(request, talking):
    connection = request.connection
    while True:
        while not (parsed := frames.parse_frame(connection.buffer)):
            await connection.fill()
        got, length = parsed
        connection.take(length)
        payload = got.payload[:1024].decode("latin-1")
        connection.tell("frame", opcode=got.opcode, fin=got.fin, masked=got.masked, payload=payload, length=len(got.payload))
        if got.opcode == frames.CLOSE:
            if request.number("silent"):
                await connection.until_gone()
            if request.number("part"):  # not into the middle of our own frame
                await connection.origin.released.wait()
                await talking
            if not getattr(connection, "closing", False):
                await connection.write(frames.frame(frames.CLOSE, got.payload))
            return
        if got.opcode == frames.PING:
            await connection.write(frames.frame(frames.PONG, got.payload))
        elif got.opcode != frames.PONG and not request.number("mute"):
            await connection.write(frames.frame(got.opcode, got.payload, fin=got.fin))


BEHAVIOURS = {
    "body": body, "close": end, "count": count, "cut-events": cut_events, "early": early, "echo": echo, "events": events, "exit": leave,
    "fields": fields, "hang": hang, "hang-unread": hang_unread, "health": health, "held": held, "held-body": held_body,
    "interim": interim, "once": once, "raw": raw, "reset": end, "say": raw, "slow-body": slow_body, "slow-head": slow_head,
    "status": status, "stream": stream, "trailers": trailers, "upgrade": upgrade, "ws": websocket,
}  # fmt: skip


def prepare():
    pattern(1)


async def answer(request):
    """Does what the path says; returns whether the connection goes on."""
    behaviour = BEHAVIOURS.get(request.path.split("/")[1] if "/" in request.path else "", echo)
    goes_on = await behaviour(request)
    request.connection.tell("answered", path=request.target)
    return goes_on is not False and "close" not in request.field("Connection", "").lower()
