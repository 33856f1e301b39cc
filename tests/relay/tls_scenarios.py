# SPDX-License-Identifier: Apache-2.0
"""Certificates that are files: another one without a restart, under connections that stay; and a listener that breaks."""

import ssl

from relay import *


def replace_certificate(relay, name):
    cert, key = certificate(name)
    os.replace(key, relay.certificate[1])
    os.replace(cert, relay.certificate[0])


def presented(relay):
    with relay.client() as client:
        return ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(binary_form=True))


@faces(TLS, TLS_THREADS)
def test_tls_a_new_certificate_on_sighup(face):
    """Whoever comes from then on gets it; who is there goes on, and is still closed in order at the end."""
    relay = Relay(face)
    server, phone = relay.pair()
    before = presented(relay)
    replace_certificate(relay, "renewed")
    assert presented(relay) == before, "it changed unasked"
    relay.signal(signal.SIGHUP)
    relay.told(event="reloaded", file=relay.certificate[0])
    assert presented(relay) == read_file(relay.certificate[0]) != before
    late = relay.connect().known(server)
    for each in phone, late:
        each.say("1")
        server.got(each.name, "1").tell(each.name, "2")
        assert each.text() == "2"
    relay.signal()
    for each in phone, late:
        each.assert_closed(GONE)
    assert {server.notice()[0] for _ in range(2)} == {phone.name, late.name}
    server.assert_closed(GONE)
    report = relay.end()
    assert report["counts"]["websockets_closed"] == 3 and not report["forced"], report


@faces(TLS)
def test_tls_a_certificate_that_cannot_be_served_on_sighup_changes_nothing(face):
    relay = Relay(face)
    server, phone = relay.pair()
    before = presented(relay)
    stranger = certificate("stranger")
    os.replace(stranger[1], relay.certificate[1])
    relay.signal(signal.SIGHUP)
    relay.told(event="not_reloaded", level="error")
    assert presented(relay) == before
    relay.connect().known(server)
    phone.say("1")
    server.got(phone.name, "1")
    relay.stop()


@faces(PLAIN)
def test_sighup_without_tls_ends_nothing(face):
    relay = Relay(face)
    server, phone = relay.pair()
    for _ in range(3):
        relay.signal(signal.SIGHUP)
    phone.say("1")
    server.got(phone.name, "1")
    assert relay.health()["status"] == "ok"
    relay.stop()


@faces(PLAIN, TLS_THREADS)
def test_a_listener_that_breaks_ends_it_with_1(face):
    """Somebody has shut down the socket that the service manager had handed over: nobody could come any more."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)

        def hand_over(argv):
            return ["bash", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{listener.fileno()}', "bash", *argv]

        relay = Relay(face, listen="activated", wrap=hand_over, pass_fds=[listener.fileno()], ready=False)
        relay.address = listener.getsockname()[1]
        relay.ready()
        server, phone = relay.pair()
        listener.shutdown(socket.SHUT_RDWR)
        phone.assert_closed(GONE)
        assert server.notice() == (phone.name, GONE)
        server.assert_closed(GONE)
        report = relay.end(code=1)
    assert report["cause"]["kind"] == "failure" and "listen" in report["cause"]["text"], report
    assert report["counts"]["websockets_closed"] == 2 and report["exit_code"] == 1, report
    assert relay.lines(event="ended", level="error"), relay.log()
