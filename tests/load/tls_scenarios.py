# SPDX-License-Identifier: Apache-2.0
"""TLS that goes wrong: each request has one outcome, and one line tells why."""

import ssl
import subprocess

from load import *
from tls_server import BEFORE, BEHIND, Server

CA = """[ca]
default_ca = d
[d]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = p
copy_extensions = copy
rand_serial = yes
[p]
commonName = supplied
"""


def expired():
    """A certificate of localhost whose time was long ago, and its key."""
    folder = temporary("expired")
    os.mkdir(folder)
    cert, key, request, setting = (f"{folder}/{name}" for name in ("cert", "key", "request", "setting"))
    for path, text in (setting, CA.format(folder=folder)), (f"{folder}/index", ""):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    for command in [
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", request],
        ["ca", "-batch", "-selfsign", "-notext", "-config", setting, "-keyfile", key, "-in", request, "-out", cert]
        + ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
    ]:
        subprocess.run(["openssl", *command], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def reasons(result):
    return [note for note in result.notes if note.startswith("TLS with ")]


def assert_told(load, result, count, reason):
    """All failed in TLS, which is said once."""
    assert result.ended() == {"tls": count}, result.ended()
    assert reasons(result) == [f"TLS with {reason}"], result.notes
    assert load.said().count("TLS with ") == 1 and reason in load.said(), load.said()


def test_tls_a_certificate_that_is_not_believed():
    """Counted for each request, on two threads, and told once."""
    good, old, other = certificate(), expired(), certificate("elsewhere")
    for cert, options, reason in [
        (old, f"--tls-ca {old[0]}", "certificate has expired"),
        (other, f"--tls-ca {other[0]}", "hostname mismatch"),
        (good, f"--tls-ca {other[0]}", "self-signed certificate"),
    ]:
        server = Server(cert)
        load = Load(f"--requests 8 --connections 4 --threads 2 {options}", server.url())
        result = load.end(code=1)
        assert_told(load, result, 8, f"localhost:{server.port} failed: {reason}")
        assert result.connect["total"] == 0, result.connect
        server.until_idle()
        assert server.opened == 8 and server.requests == 0, (server.opened, server.requests)


def test_tls_any_certificate_where_that_is_asked_for():
    server = Server(expired())
    result = loaded("--requests 6 --connections 2 --tls-insecure", server.url("127.0.0.1"))
    assert result.ended() == {"ok": 6} and not reasons(result), (result.ended(), result.notes)
    server.until_idle()


def test_tls_of_an_endpoint_among_others():
    """The others' requests are well, and the one that is meant is named."""
    cert = certificate()
    good, bad = Server(cert), Server(certificate("elsewhere"))
    result = loaded(f"--requests 20 --connections 2 --tls-ca {cert[0]}", good.url(), bad.url())
    assert result.ended() == {"ok": 10, "tls": 10}, result.ended()
    assert len(reasons(result)) == 1 and f"localhost:{bad.port}" in reasons(result)[0], result.notes
    good.until_idle()
    bad.until_idle()


def test_tls_an_old_version():
    """Which our side does not offer; the server says so by an alert."""
    cert = certificate()
    server = Server(cert, version=ssl.TLSVersion.TLSv1_1)
    load = Load(f"--requests 2 --connections 1 --tls-ca {cert[0]}", server.url())
    assert load.end(code=1).ended() == {"tls": 2} and "alert" in load.said(), load.said()
    server.until_idle()


def test_tls_a_handshake_that_goes_wrong():
    """Nothing of a request has left by then: what is no fault of TLS is safe to repeat."""
    cert = certificate()
    stalls = [word for word in BEFORE if BEFORE[word][0] == "connect_timeout"]
    ends = [word for word in BEFORE if word not in stalls]
    for words, options in (ends, "--connections 1"), (stalls, f"--connections {len(stalls)} --timeout 500ms"):
        server = Server(cert, words)
        result = loaded(f"--requests {len(words)} --tls-ca {cert[0]} {options}", server.url(), code=1)
        assert result.ended() == collections.Counter(BEFORE[word][0] for word in words), result.ended()
        until(lambda: server.opened == len(words), "all have come")
        assert result.connect["total"] == 0, result.connect
        server.until_idle()


def test_tls_what_is_no_tls_is_told():
    for word in "plain", "other":
        server = Server(certificate(), [word])
        load = Load("--requests 3 --connections 1 --tls-insecure", server.url())
        assert_told(load, load.end(code=1), 3, f"localhost:{server.port} failed: what came is not TLS")
        server.until_idle()


def test_tls_that_goes_wrong_behind_an_answer():
    """Without close_notify nobody knows whether it was all: what ends with the connection is truncated."""
    cert, words = certificate(), [word for word in BEHIND if word != "ok"]
    server = Server(cert, words)
    result = loaded(f"--requests {2 * len(words)} --connections 1 --tls-ca {cert[0]}", server.url())
    expected = collections.Counter(BEHIND[word][0] for word in words) + collections.Counter(ok=len(words))
    assert result.ended() == expected and server.opened == len(words), (result.ended(), server.opened)
    assert server.requests == 2 * len(words) and not reasons(result), (server.requests, result.notes)
    server.until_idle()


def test_tls_a_signal_in_a_handshake_that_stalls():
    """What waits for it is in flight at the end; the grace bounds it."""
    server = Server(certificate(), ["half"])
    load = Load(f"{FOR_EVER} --connections 3 --grace 500ms --tls-insecure", server.url())
    until(lambda: server.opened == 3, "three connections are there")
    began = load.signal()
    result = load.end(code=1)
    assert result.in_flight == 3 and not result.ended(), (result.in_flight, result.ended())
    assert_below(load.took(began), 5, "the end")
    server.until_idle()
