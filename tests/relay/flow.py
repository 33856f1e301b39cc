# SPDX-License-Identifier: Apache-2.0
"""A server and clients that send to each other as fast as they can, with sequence numbers."""

import ssl
import threading

from relay import *

ON_THE_WAY = 200  # messages of one client each way: what is still to be read at the end has a bound


class Duplex:
    """A socket that one thread reads while others write, each message whole; Python's own TLS does not bear that."""

    def __init__(self, plain, tls):
        self.plain, self.tls = plain, None
        self.settimeout, self.close = plain.settimeout, plain.close
        self.writing, self.using = threading.Lock(), threading.Lock()
        if tls:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = wire.trusting().wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
            while not self.asked(self.tls.do_handshake):
                self.plain.sendall(self.outgoing.read())
                self.fill()

    def asked(self, ask):
        """Does what TLS can do now; returns whether that was all. Its own words leave with the next message."""
        with self.using:
            try:
                ask()
            except ssl.SSLWantReadError:
                return False
        return True

    def fill(self):
        data = self.plain.recv(1 << 18)
        with self.using:
            self.incoming.write(data) if data else self.incoming.write_eof()

    def recv(self, most):
        if not self.tls:
            return self.plain.recv(most)
        got = []
        while not self.asked(lambda: got.append(self.tls.read(most))):
            self.fill()
        return got[0]

    def sendall(self, data):
        with self.writing:
            if self.tls:
                with self.using:
                    self.tls.write(data)
                    data = self.outgoing.read()
            self.plain.sendall(data)


def duplex(relay):
    client = wire.Client(relay.address)
    client.socket = Duplex(client.socket, relay.face.tls)
    return client


class Way:
    """Messages in one direction between a client and its server."""

    def __init__(self):
        self.sent = self.came = 0
        self.room = threading.Semaphore(ON_THE_WAY)


class Flow:
    """They send until they are closed; what is wrong stands in .wrong."""

    def __init__(self, relay, id, count):
        self.server = relay.server(id, client=duplex(relay)).held()
        self.phones = [relay.connect(id, client=duplex(relay)).known(self.server) for _ in range(count)]
        self.names = [phone.name for phone in self.phones]
        self.up, self.down = {name: Way() for name in self.names}, {name: Way() for name in self.names}
        self.closed, self.noticed, self.wrong = {}, {}, []
        parts = [(part, phone) for phone in self.phones for part in (self.hear, self.talk, self.talk_server)]
        self.threads = [threading.Thread(target=self.guard, args=part, daemon=True) for part in [*parts, (self.hear_server,)]]
        for thread in self.threads:
            thread.start()

    def guard(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as wrong:  # shown by the test, in its own thread
            self.wrong.append(f"{function.__name__}: {type(wrong).__name__} {wrong}")

    def talk(self, phone):
        """Client to server, until the client has answered the close: all that was sent before counts."""
        way = self.up[phone.name]
        while way.room.acquire() and phone.name not in self.closed:
            phone.say(f'[{way.sent},"{"u" * 100}"]')
            way.sent += 1
        phone.close(GONE)

    def hear(self, phone):
        name = phone.name
        while (frame := phone.data()).opcode != frames.CLOSE:
            self.follow(self.down[name], f"{name} down", json.loads(frame.payload)[0])
        self.closed[name] = frames.close_code(frame.payload)
        self.up[name].room.release()
        self.down[name].room.release()
        rest = phone.client.rest()
        if rest:
            self.wrong.append(f"{name} got {rest[:100]} behind its close frame")

    def talk_server(self, phone):
        way = self.down[phone.name]
        while way.room.acquire() and phone.name not in self.closed:
            self.server.tell(phone.name, f'[{way.sent},"{"d" * 100}"]')
            way.sent += 1

    def hear_server(self):
        while (frame := self.server.data()).opcode != frames.CLOSE:
            envelope = json.loads(frame.payload)
            name = envelope["conn_id"]
            if "close_code" in envelope:
                self.noticed[name] = envelope["close_code"]
            elif name in self.noticed:
                self.wrong.append(f"a frame of {name} behind its notice")
            else:
                self.follow(self.up[name], f"{name} up", envelope["frame"][0])
        self.closed["server"] = frames.close_code(frame.payload)
        self.join(self.threads[:-1])
        self.server.close(GONE)
        self.server.client.assert_closed()

    def follow(self, way, what, number):
        if number != way.came:
            self.wrong.append(f"{what}: {number} after {way.came - 1}")
        way.came = number + 1
        way.room.release()

    def has_passed(self, count):
        """Whether so many have come each way."""
        assert not self.wrong, self.wrong
        return all(way.came > count for way in [*self.up.values(), *self.down.values()])

    def join(self, threads):
        for thread in threads:
            thread.join(2 * WITHIN)  # all of that passes through threads of one Python
            assert not thread.is_alive(), f"somebody was not closed: {self.wrong} {self.closed}"

    def assert_whole(self):
        """That all is closed, and that all which was sent to the server has come."""
        self.join(self.threads)
        assert not self.wrong, self.wrong
        assert self.closed == {name: GONE for name in [*self.names, "server"]}, self.closed
        assert self.noticed == {name: GONE for name in self.names}, self.noticed
        for name, way in self.up.items():
            assert way.came == way.sent, f"{name}: {way.came} of {way.sent}"
