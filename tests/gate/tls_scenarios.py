# SPDX-License-Identifier: Apache-2.0
"""TLS in front: versions, names, a new certificate without a lost request, and an end that says so."""

import ssl

from gate import *
from pattern import pattern
from wire import Ended, get


def trusting_only(cert):
    context = ssl.create_default_context(cafile=cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@faces(TLS, TLS_CHILD)
def test_tls_certificate_and_alpn(face):
    gate = Gate(face)
    with wire.Client(gate.address, tls=trusting_only(gate.certificate[0])) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.get("/body").status == 200
        assert client.socket.version() == "TLSv1.3"
    gate.stop()


@faces(TLS)
def test_tls_versions(face):
    gate = Gate(face)
    for version, works in (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False):
        context = wire.trusting()
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with wire.Client(gate.address, tls=context) as client:
                assert client.get("/body").status == 200 and works
        except ssl.SSLError:
            assert not works, version
    gate.stop()


def replace_certificate(gate, name):
    cert, key = certificate(name)
    os.replace(key, gate.certificate[1])
    os.replace(cert, gate.certificate[0])


def presented(gate):
    with gate.client() as client:
        return ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(binary_form=True))


@faces(TLS, TLS_CHILD)
def test_tls_a_new_certificate_on_sighup(face):
    gate = Gate(face)
    old = gate.client()
    old.get("/body")
    before = presented(gate)
    replace_certificate(gate, "renewed")
    assert presented(gate) == before, "it changed unasked"
    gate.signal(signal.SIGHUP)
    until(lambda: gate.lines(event="reloaded"), "it was read again")
    assert presented(gate) == read_file(gate.certificate[0]) != before
    assert old.get("/body").status == 200, "a connection that is open keeps the old one"
    gate.stop()


@faces(TLS)
def test_tls_a_bad_certificate_on_sighup_changes_nothing(face):
    gate = Gate(face)
    before = presented(gate)
    stranger = certificate("stranger")
    for number, (cert, key) in enumerate([(b"no PEM", None), (None, read_file(stranger[1]).encode()), (b"", b"")]):
        kept = [read_file(path) for path in gate.certificate]
        for path, content in zip(gate.certificate, (cert, key)):
            if content is not None:
                with open(path, "wb") as file:
                    file.write(content)
        gate.signal(signal.SIGHUP)
        until(lambda: len(gate.lines(event="not_reloaded")) == number + 1, "it was refused")
        assert presented(gate) == before
        for path, text in zip(gate.certificate, kept):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    assert gate.lines(event="not_reloaded")[0]["level"] == "error"
    gate.stop()


@faces(PLAIN)
def test_sighup_without_tls_ends_nothing(face):
    gate = Gate(face)
    for _ in range(3):
        gate.signal(signal.SIGHUP)
    assert gate.get("/body").status == 200
    gate.stop()


@faces(TLS)
def test_tls_under_reloads_no_request_is_lost(face):
    gate = Gate(face)
    for number in range(20):
        gate.signal(signal.SIGHUP)
        assert gate.get(f"/body?size={number * 1000}").body == pattern(number * 1000)
    gate.stop()


@faces(TLS)
def test_tls_the_end_of_a_body_is_told_by_close_notify(face):
    """A body that ends with the connection must not look whole where it was cut."""
    gate = Gate(face)
    with gate.client() as client:
        answer = client.ask("GET /body?size=100000&chunked=1000 HTTP/1.0\r\n\r\n")
        assert answer.body == pattern(100000) and client.ended == "closed"
    with gate.client() as client:
        answer = client.send("GET /reset?at=chunks HTTP/1.0\r\n\r\n").answer()
        assert answer.status == 502 or answer.end in ("cut", "reset"), answer
    gate.stop()


@faces(TLS)
def test_tls_plain_http_gets_no_request_through(face):
    gate = Gate(face, "--head-timeout 2s")
    for text in get("/bad"), b"\x16\x03\x01" + b"x" * 1000, b"\x80\x2e\x01\0\x02", b"\0" * 100:
        with wire.connected(gate.address) as plain:
            plain.settimeout(WITHIN)
            plain.sendall(text)
            try:
                while plain.recv(1000):
                    pass
            except ConnectionResetError:
                pass
    assert gate.get("/body").status == 200 and not gate.origin.requests("/bad")
    gate.stop()


def test_tls_refusals_at_the_start():
    """One line, exit 2, nothing opened."""
    cert, key = certificate("good")
    other = certificate("other")[1]
    encrypted = temporary("encrypted.key")
    subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", encrypted], check=True, stderr=subprocess.DEVNULL)
    wrong = temporary("wrong.pem")
    with open(wrong, "w", encoding="utf-8") as file:
        file.write("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    pairs = [("/nonexistent.pem", key), (cert, "/nonexistent.key"), (wrong, key), (cert, other), (cert, wrong), (cert, encrypted), ("/", key), (cert, "")]
    for each in pairs:
        gate = Gate(PLAIN, f"--tls-cert {each[0]} --tls-key '{each[1]}'", origin=None, ready=False)
        gate.needs_curfew("these options")
        assert gate.process.wait() == 2, (each, gate.log())
        text = gate.log()
        assert text.count("\n") == 1 and text.startswith("curfew gate: "), (each, text)
        assert "--tls" in text or each[0] in text or each[1] in text, (each, text)
