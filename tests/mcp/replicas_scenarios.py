# SPDX-License-Identifier: Apache-2.0
"""Three replicas with one key, each at an address of its own of the loopback: requests that reach another one than
the session's owner, an owner that is gone, and ids that nobody has given."""

import base64
import hashlib
import hmac

from mcp import *

NAMES = ["1", "2", "3"]


class Replica(Mcp):
    """The one called N listens at 127.0.0.N, on the same port as the others."""

    def __init__(self, name, port, key, options="", **more):
        self.name, place = name, f"127.0.0.{name}"
        self.own = f"--replica {name} --peer-url http://127.0.0.{{replica}}:{port} --session-key-file {key} {options}"
        super().__init__(PLAIN, self.own, listen=f"{place}:{port}", **more)
        self.address = (place, port)


def replicas(names=NAMES, **more):
    port, key = free_port(), temporary("key")
    with open(key, "wb") as file:
        file.write(os.urandom(64))
    return [Replica(name, port, key, **more) for name in names]


def through(session, gateway):
    """The same session, asked of another replica."""
    other = object.__new__(Session)
    other.gateway, other.id, other.last = gateway, session.id, 1000
    return other


def carried(owner, away, marker, count=1, id=None):
    """A call that came to another replica, and is in flight at its owner: the count-th there."""
    call = away.begin("hold", f'{{"marker":{marker}}}', id)
    until(lambda: owner.metrics()["curfew_mcp_calls_in_flight"] == count, "its owner has it")
    return call


def stop(gateways):
    for gateway in gateways:
        gateway.signal()
    for gateway in gateways:
        assert gateway.process.wait() == 0, gateway.log()
    assert_no_survivors()


def test_requests_reach_the_owner_whichever_replica_gets_them():
    gateways = replicas()
    for owner in gateways:
        session = owner.session()
        assert session.id.startswith(owner.name + "."), session.id
        for n in range(12):
            reply = through(session, gateways[n % 3]).ask("echo", f'{{"n":9007199254740993,"m":{n}}}')
            assert f'"params":{{"n":9007199254740993,"m":{n}}}' in reply.got()[0]
    assert [len(gateway.keepers()) for gateway in gateways] == [1, 1, 1]
    stop(gateways)


def test_streams_and_what_belongs_to_calls_pass_through_another_replica():
    gateways = replicas()
    session = gateways[0].session()
    away = through(session, gateways[1])
    stream = away.listen()
    away.tell(message("notifications/x", '{"n":1}'))
    assert stream.seen()["params"] == {"n": 1}
    reply = away.ask("progress 3", '{"_meta":{"progressToken":"t"}}')
    assert [m["params"]["progress"] for m in reply.messages[:-1]] == [1, 2, 3]
    call = carried(gateways[0], away, 1, id=5)
    through(session, gateways[2]).tell(message("notifications/cancelled", '{"requestId":5}'))
    released = through(session, gateways[2]).ask("release")  # beside whose answer the child may be heard, too
    reply = reply_of(call)
    told = [line for line in away.seen(stream, released, reply) if line["method"] == "notifications/cancelled"]
    assert told and told[0]["params"]["requestId"] == reply.got()[1]["id"], told
    assert through(session, gateways[2]).end() in (200, 204)
    assert session.ask("echo").status == 404
    stop(gateways)


def test_an_owner_that_was_killed_is_answered_404_for():
    gateways = replicas()
    session = gateways[0].session()
    assert through(session, gateways[1]).ask("echo").status == 200
    gateways[0].process.signal(signal.SIGKILL)
    gateways[0].process.wait()
    until(lambda: (reap(), not survivors())[1], "its keepers are gone")
    reply = through(session, gateways[1]).ask("echo")
    assert reply.status == 404 and reply.error()["code"] == -32001, reply.answer
    assert gateways[1].session().ask("echo").status == 200
    stop(gateways[1:])


def test_an_owner_that_came_back_does_not_know_its_sessions():
    gateways = replicas()
    session = gateways[0].session()
    assert through(session, gateways[1]).ask("echo").status == 200
    gateways[0].stop()
    gateways[0].start(gateways[0].own)
    gateways[0].ready()
    assert through(session, gateways[1]).ask("echo").status == 404
    stop(gateways)


def test_a_call_that_another_replica_carries_is_answered_at_the_end_of_either():
    gateways = replicas()
    session = gateways[0].session()
    away = through(session, gateways[1])
    calls_ = [carried(gateways[0], away, n, n + 1) for n in range(5)]
    gateways[1].signal()
    gateways[0].drain()
    session.ask("release")
    assert [reply_of(call).got()[1]["params"]["marker"] for call in calls_] == [0, 1, 2, 3, 4]
    for gateway in gateways[:2]:
        assert gateway.process.wait() == 0
        assert gateway.report()["forced"] == [], gateway.report()
    stop(gateways[2:])


def forged(session):
    """Ids that look like ours, of another replica."""
    replica, number, mac = session.id.split(".")
    right = base64.urlsafe_b64encode(hmac.new(b"other key", f"{replica}.{number}".encode(), hashlib.sha256).digest()[:16])
    yield f"2.{number}.{mac}"
    yield f"{replica}.{number}.{right.decode().rstrip('=')}"
    yield f"2.{number}.{right.decode().rstrip('=')}"
    yield f"{replica}.{number[:-1]}.{mac}"
    yield f"{replica}.{number}."
    yield f"{replica}.{number}"
    yield f"9@127.0.0.2/.{number}.{mac}"


def test_a_forged_id_never_causes_a_request():
    """Asked of the third; the first and the second would have counted it."""
    gateways = replicas()
    session = gateways[0].session()
    known = [gateway.metrics()["curfew_requests_in_flight"] for gateway in gateways]
    before = [requests(gateway) for gateway in gateways[:2]]
    for id in forged(session):
        with gateways[2].client() as client:
            answer = client.ask(post(message("echo", id=1), session=id), "POST")
        assert answer.status == 404, f"{id}: {answer}"
    assert [requests(gateway) for gateway in gateways[:2]] == before
    assert gateways[2].metrics()["curfew_mcp_passed_on_total"] == 0 and known == [0, 0, 0]
    assert through(session, gateways[2]).ask("echo").status == 200
    assert gateways[2].metrics()["curfew_mcp_passed_on_total"] == 1
    stop(gateways)


def requests(gateway):
    return sum(value for name, value in gateway.metrics().items() if name.startswith("curfew_requests_total"))


def test_a_replica_with_another_key_knows_no_session_of_ours():
    ours, theirs = replicas(["1"])[0], replicas(["2"])[0]
    session = ours.session()
    assert through(session, theirs).ask("echo").status == 404
    stop([ours, theirs])
