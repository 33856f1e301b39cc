# SPDX-License-Identifier: Apache-2.0
"""A WebSocket's client by hand, over a Client."""

import frames
from harness import WITHIN, now
from wire import get


def handshake(path="/ws", *fields):
    wanted = ["Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {frames.KEY}", "Sec-WebSocket-Version: 13"]
    return get(path, *wanted, *fields)


class WebSocket:
    def __init__(self, gate, path="/ws", opened=True, **options):
        self.client = gate.client(**options)
        self.client.send(handshake(path))
        if opened:
            self.opened()

    def opened(self):
        """Reads the answer, which has to be a 101."""
        answer = self.client.whole()
        assert answer.status == 101, answer
        assert answer.get("Sec-WebSocket-Accept") == frames.accept_key(), answer
        assert answer.get("Upgrade").lower() == "websocket" and "upgrade" in answer.get("Connection").lower(), answer
        return self

    def send(self, opcode, payload=b"", **options):
        self.client.send(frames.frame(opcode, payload, masked=True, **options))
        return self

    def close(self, code=1000, reason=b""):
        self.client.send(frames.close_frame(code, reason, masked=True))
        return self

    def frame(self, within=WITHIN):
        """The next frame, whatever it is."""
        deadline = now() + within
        while not (parsed := frames.parse_frame(self.client.buffer)):
            self.client.fill(deadline)
        frame, length = parsed
        del self.client.buffer[:length]
        assert not frame.masked, "a server's frame is masked"
        return frame

    def echo(self, payload, opcode=frames.TEXT):
        frame = self.send(opcode, payload).frame()
        assert (frame.opcode, frame.payload) == (opcode, payload), frame

    def until_close(self, within=WITHIN):
        """Reads on to the close frame; returns its code, and the data frames before it."""
        data = []
        while (frame := self.frame(within)).opcode != frames.CLOSE:
            data.append(frame)
        return frames.close_code(frame.payload), data

    def assert_ended(self, code=1001, answer=True, within=WITHIN):
        """That a close frame comes and nothing behind it, and that after our answer the connection is closed."""
        got, data = self.until_close(within)
        assert got == code, got
        if answer:
            self.close(got)
        self.client.assert_closed(within)
        return data
