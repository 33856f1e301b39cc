# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames by hand (RFC 6455, 5.2), for both sides: nothing is checked that a test may want to send."""

import base64
import hashlib
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key=KEY):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def mask_bytes(key, payload):
    """The payload masked, or unmasked, as one long number: fast enough for megabytes."""
    if not payload:
        return b""
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, masked=False, reserved=0):
    """One frame; a client's has to be masked."""
    length, mask_bit = len(payload), 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 65536:
        head += struct.pack("!BH", mask_bit | 126, length)
    else:
        head += struct.pack("!BQ", mask_bit | 127, length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask_bytes(key, payload)


def close_frame(code, reason=b"", masked=False):
    return frame(CLOSE, struct.pack("!H", code) + reason, masked=masked)


def close_code(payload):
    """The code of a close frame; 1005, which is never sent, where it has none."""
    return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005


class Frame:
    def __init__(self, opcode, payload, fin, masked):
        self.opcode, self.payload, self.fin, self.masked = opcode, payload, fin, masked

    def __repr__(self):
        return f"Frame({self.opcode}, {self.payload[:40]!r}, fin={self.fin}, {len(self.payload)} bytes)"


def parse_frame(data):
    """The first frame of these bytes and how many it has; None while it is not whole."""
    if len(data) < 2:
        return None
    fin, opcode, masked, length = data[0] >> 7, data[0] & 15, data[1] >> 7, data[1] & 127
    at = 2
    if length >= 126:
        size = 2 if length == 126 else 8
        if len(data) < at + size:
            return None
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    end = at + 4 * masked + length
    if len(data) < end:
        return None
    payload = bytes(data[end - length : end])
    if masked:
        payload = mask_bytes(bytes(data[at : at + 4]), payload)
    return Frame(opcode, payload, bool(fin), bool(masked)), end
