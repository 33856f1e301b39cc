# SPDX-License-Identifier: Apache-2.0
"""Certificates by ACME: from nothing to one that is served, from the cache, renewed, refused; and the end in between."""

import re

from acme import *
from browser import Page


def refused(cache):
    """Starts with a cache that must not be used; returns the line that says why."""
    argv = [fixture("acme_server"), curfew_path(), DOMAIN, cache, DEAD, HOOK, "1000", "1000", "1000"]
    code, _, err = finished(argv, env={**os.environ, "ACME_LISTEN": "127.0.0.1:0"})
    assert code == 2 and err.startswith("curfew fixture: --cert-cache: ") and err.count("\n") == 1, (code, err)
    return err


@plain
@limit(120)
def test_acme_from_nothing_to_a_certificate():
    ca, cache = CA().start(), fresh("cache")
    hook, gate = gated_hook()
    served = Served(ca, cache, hook=hook).up()
    until(lambda: os.path.exists(os.path.join(cache, "private", DOMAIN, "key.pem")), "uacme has made its keys")
    try:
        served.connect()
        raise AssertionError("TLS without a certificate")
    except (ConnectionError, ssl.SSLError, OSError):
        pass
    assert served.ask("/readyz")[0] == 503 and served.ask("/healthz")[0] == 200
    assert served.status() == {**served.status(), "state": "issuing", "serial": None, "not_after": None, "domain": DOMAIN}
    with open(gate, "wb"):
        pass
    issued = served.issued()
    assert served.presented(ca.root()) == leaf(cache)
    assert served.event("ready")["after_ms"] > 0 and served.ask("/readyz")[0] == 200
    status = served.status()
    assert status["state"] == "valid" and status["failures"] == 0 and status["next_ms"] > 0, status
    assert status["serial"] == issued["serial"] and status["not_after"] == issued["not_after"]
    assert os.stat(cache).st_mode & 0o777 == 0o700
    served.stop()


@plain
@limit(120)
def test_acme_starts_from_the_cache_without_the_ca():
    ca, cache = CA().start(), fresh("cache")
    first = Served(ca, cache).up()
    serial = first.issued()["serial"]
    first.stop()
    ca.stop()
    orders = ca.orders()
    again = Served(ca, cache, url=DEAD).up()
    again.event("ready")
    assert again.presented() == leaf(cache)
    assert again.status()["serial"] == serial and again.status()["state"] == "valid"
    assert not again.events("uacme_said") and not again.events("certificate_issued") and ca.orders() == orders
    again.stop()


@plain
@limit(120)
def test_acme_renews_while_connections_stay():
    ca, cache = CA().start(), fresh("cache")
    put_certificate(cache, *dated(-60 * DAY, 20 * DAY))
    before = leaf(cache)
    for time in 1, 20, 3:
        shutil.copy(os.path.join(cache, DOMAIN, "cert.pem"), os.path.join(cache, DOMAIN, f"cert-{time}.pem"))
    hook, gate = gated_hook()
    served = Served(ca, cache, hook=hook).up()
    served.event("ready")
    until(lambda: served.status()["state"] == "renewing", "it is due")
    with served.connect() as old:
        assert ssl.DER_cert_to_PEM_cert(old.getpeercert(binary_form=True)) == before
        says_hello(old)  # one that has never said a word may have to go before uacme is done
        with open(gate, "wb"):
            pass
        served.issued()
        assert served.presented(ca.root()) == leaf(cache) != before
        says_hello(old)
    assert len(served.events("certificate_loaded")) == 2 and len(served.events("ready")) == 1
    replaced = [name for name in os.listdir(os.path.join(cache, DOMAIN)) if name != "cert.pem"]
    assert len(replaced) == 1 and replaced[0] not in ("cert-1.pem", "cert-20.pem", "cert-3.pem"), replaced
    assert read_file(os.path.join(cache, DOMAIN, replaced[0])) == before, "it is not the last"
    served.stop()


@slow
@plain
@limit(120)
def test_acme_renews_what_lives_for_seconds():
    """Shorter than the day in which uacme counts; each connection finds one that is good."""
    ca, cache = CA(certificateValidityPeriod=15).start(), fresh("cache")
    served = Served(ca, cache).up()
    served.issued(count=1)
    root = ca.root()
    served.issued(count=2)
    assert served.presented(root) == leaf(cache)
    serials = [event["serial"] for event in served.events("certificate_loaded")]
    assert len(serials) == len(set(serials)) >= 2, serials
    assert not served.events("certificate_failed"), served.events("certificate_failed")
    served.stop()


@plain
@limit(120)
def test_acme_looks_at_what_is_not_due_and_asks_nobody():
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-DAY, 80 * DAY))
    served = Served(ca, cache, url=DEAD, check_ms=300).up()
    served.event("ready")
    states = set()
    until(lambda: states.add(served.status()["state"]) or states == {"valid", "renewing"}, "it looked")
    until(lambda: served.status()["state"] == "valid", "and let it be")
    assert not served.events("certificate_failed")
    assert not [line for line in served.events("uacme_said") if "https:" in line["line"]]
    served.stop()


@plain
@limit(120)
def test_acme_serves_what_another_program_has_renewed():
    ca, cache = CA(), fresh("cache")
    cert, key = dated(-DAY, 80 * DAY)
    put_certificate(cache, cert, key)
    served = Served(ca, cache, url=DEAD, check_ms=300).up()
    served.event("ready")
    other, key = dated(-DAY, 85 * DAY)
    os.replace(key, os.path.join(cache, "private", DOMAIN, "key.pem"))
    os.replace(other, os.path.join(cache, DOMAIN, "cert.pem"))
    served.event("certificate_loaded", count=2, within=ISSUE_WITHIN)  # behind a look between the two
    assert served.presented() == leaf(cache)
    served.stop()


@slow
@plain
@limit(120)
def test_acme_a_ca_that_is_down_is_asked_again():
    """uacme itself tries for a quarter of a minute."""
    ca, cache = CA(), fresh("cache")
    served = Served(ca, cache).up()
    assert "connect" in served.event("certificate_failed", within=ISSUE_WITHIN)["reason"]
    assert served.ask("/readyz")[0] == 503
    ca.start()
    served.issued()
    assert served.presented(ca.root()) == leaf(cache)
    served.stop()


@plain
@limit(120)
def test_acme_waits_longer_from_failure_to_failure():
    ca, cache = CA().start(), fresh("cache")
    hook, gate = declining_hook()
    served = Served(ca, cache, hook=hook, retry_ms=1500).up()
    first = served.event("certificate_failed", level="error")
    second = served.event("certificate_failed", count=2)
    assert first["next_try_s"] <= 2 < second["next_try_s"] <= 5, (first, second)
    assert first["reason"] and first["domain"] == DOMAIN
    status = served.status()
    assert status["failures"] == 2 and status["failure"] == second["reason"] and status["state"] == "absent", status
    assert 0 < status["next_ms"] <= 4500, status
    with open(gate, "wb"):
        pass
    served.issued()
    assert served.status()["failures"] == 0 and served.status()["failure"] is None
    served.stop()


@plain
@limit(120)
def test_acme_a_ca_that_rejects_and_one_that_forgot_us():
    """The challenge is looked for where nobody answers; then there is another CA, to which our account is strange."""
    ca, cache = CA(), fresh("cache")
    ca.start(httpPort=free_port())
    served = Served(ca, cache, retry_ms=3000).up()
    reason = served.event("certificate_failed", within=ISSUE_WITHIN)["reason"]
    assert "status invalid" in reason and "refused" in reason, reason
    assert os.listdir(os.path.join(cache, ".challenges")) == []
    ca.stop()
    ca.start()
    served.issued()
    assert served.presented(ca.root()) == leaf(cache)
    served.stop()


@plain
@limit(120)
def test_acme_a_ca_of_errors_and_the_old_certificate_stays():
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-60 * DAY, 20 * DAY))
    before = leaf(cache)
    broken = start([sys.executable, "-B", os.path.join(os.path.dirname(__file__), "broken_ca.py"), str(ca.port), ca.cert, ca.key])
    broken.expect("up")
    served = Served(ca, cache).up()
    served.event("ready")
    failed = served.event("certificate_failed", level="warning")
    assert failed["reason"] and served.status()["failure"] == failed["reason"]
    assert served.presented() == before and served.ask("/readyz")[0] == 200
    broken.signal(signal.SIGKILL)
    broken.wait()
    ca.start()
    served.issued()
    assert served.presented(ca.root()) == leaf(cache) != before
    served.stop()


@plain
@limit(120)
def test_acme_a_ca_whose_token_is_a_path():
    """The hook writes a file of that name, so that it is not run; for one that is a token it is."""
    for token in "../evil", "..", "private/key.pem", "a b", "a.b", "good-_1":
        ca, cache, told = CA(), fresh("cache"), fresh("told")
        hook = fresh("hook")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$4" >> {told}\nexec {HOOK} "$@"\n')
        os.chmod(hook, 0o755)
        evil = start([sys.executable, "-B", os.path.join(os.path.dirname(__file__), "broken_ca.py"), str(ca.port), ca.cert, ca.key, token])
        evil.expect("up")
        served = Served(ca, cache, hook=hook, retry_ms=60000).up()
        reason = served.event("certificate_failed", within=ISSUE_WITHIN)["reason"]
        if token == "good-_1":
            assert read_file(told) == "good-_1\ngood-_1\n", read_file(told)
        else:
            assert not os.path.exists(told) and "token" in reason, (token, reason)
        assert not os.path.exists(os.path.join(cache, "evil"))
        evil.signal(signal.SIGKILL)
        evil.wait()
        served.stop()


@plain
@limit(120)
def test_acme_a_cache_that_cannot_be_served_is_replaced():
    for wrong in dated(-60 * DAY, -DAY), dated(-DAY, 80 * DAY, "other.example.org"), (dated(-DAY, 80 * DAY)[0], dated(-DAY, DAY)[1]):
        ca, cache = CA().start(), fresh("cache")
        put_certificate(cache, *wrong)
        served = Served(ca, cache).up()
        assert served.event("certificate_unusable")["file"].endswith("cert.pem")
        served.issued()
        assert len(served.events("ready")) == 1 and served.events("certificate_loaded") and not served.events("certificate_failed")
        assert served.presented(ca.root()) == leaf(cache)
        served.stop()
        ca.stop()


@plain
@limit(120)
def test_acme_the_page_tells_of_the_certificate():
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-60 * DAY, 20 * DAY))
    broken = start([sys.executable, "-B", os.path.join(os.path.dirname(__file__), "broken_ca.py"), str(ca.port), ca.cert, ca.key])
    broken.expect("up")
    served = Served(ca, cache, retry_ms=1500).up()
    failed = served.event("certificate_failed")
    page = Page(f"http://127.0.0.1:{served.admin}/status")
    until(lambda: page.run("document.getElementById('certificate').hidden") is False, "the page is live")
    assert re.fullmatch(rf"{DOMAIN}, (valid|renewing)", page.text("certificate-of")), page.text("certificate-of")
    told = page.text("certificate-until")
    assert re.fullmatch(rf"Valid until {served.status()['not_after']}, for (19 d 23 h|20 d 0 h)\.", told), told
    told = page.text("certificate-failure")
    wanted = rf"The last (try has|[0-9]+ tries have) failed: {re.escape(failed['reason'])}( \(the next comes in .*\))?"
    assert re.fullmatch(wanted, told), told
    assert page.run("document.getElementById('certificate-failure').hidden") is False
    assert page.close() == []
    served.process.signal(signal.SIGTERM)
    assert served.process.wait() == 0


def test_acme_a_run_that_takes_too_long_is_ended():
    ca, cache = CA().start(), fresh("cache")
    served = Served(ca, cache, hook=gated_hook()[0], run_ms=1500, retry_ms=60000).up()
    failed = served.event("certificate_failed")
    assert failed["reason"] == "uacme was not done within 1 s", failed
    assert served.status()["state"] == "absent"
    assert not descendants(served.process.pid)
    served.stop()


@alone
def test_acme_sigterm_while_uacme_runs():
    """It is in the children stage: ended by the stop signal; with a hook that ignores it, killed."""
    for trap, bound in ("", 1.5), ("trap '' TERM; ", 4.5):
        ca, cache = CA().start(), fresh("cache")
        hook, told = fresh("hook"), fresh("told")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n{trap}{HOOK} "$@" || exit 1; echo > {told}; sleep 1000 & wait; wait\n')
        os.chmod(hook, 0o755)
        served = Served(ca, cache, hook=hook).up()
        until(lambda: os.path.exists(told), "the hook runs")
        assert os.listdir(os.path.join(cache, ".challenges")) != []
        sent = now()
        served.stop()
        assert_below(served.process.ended - sent, bound, "the end")
        assert not served.events("certificate_failed")
        ca.stop()


def test_acme_sigterm_between_two_tries():
    ca, cache = CA().start(), fresh("cache")
    served = Served(ca, cache, hook=declining_hook()[0], retry_ms=60000).up()
    served.event("certificate_failed")
    served.stop(within=5)


def test_acme_refuses_a_cache_that_is_not_ours_alone():
    cache = fresh("cache")
    for mode in 0o755, 0o750, 0o701, 0o702:
        os.mkdir(cache)
        os.chmod(cache, mode)
        assert "chmod 700" in refused(cache)
        os.rmdir(cache)
    with open(cache, "wb"):
        pass
    assert "Not a directory" in refused(cache)
    os.unlink(cache)
    assert "cannot make" in refused(os.path.join(cache, "below"))


def test_acme_refuses_a_cache_of_somebody_else():
    if os.geteuid() != 0:
        raise Skip("a folder is given to another user by root only")
    cache = fresh("cache")
    os.mkdir(cache, 0o700)
    os.chown(cache, 12345, 12345)
    assert "belongs to user 12345" in refused(cache)


def get(port, target, method="GET", version="1.1"):
    with socket.create_connection(("127.0.0.1", port), WITHIN) as connection:
        connection.sendall(f"{method} {target} HTTP/{version}\r\nHost: {DOMAIN}\r\n\r\n".encode())
        return only_answer(connection, version)


def test_acme_the_challenge_listener_answers_tokens_only():
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-DAY, 80 * DAY))
    served = Served(ca, cache, url=DEAD).up()
    served.event("ready")
    challenges = os.path.join(cache, ".challenges")
    prefix = "/.well-known/acme-challenge/"
    token = "aB3-_" * 25 + "xyz"
    for name, content in (token, "its answer"), ("empty", ""), ("long", "x" * 1024), (token[:100] + ".x", "dot"):
        with open(os.path.join(challenges, name), "w", encoding="utf-8") as file:
            file.write(content)
    os.symlink("../private/key.pem", os.path.join(challenges, "link"))
    os.mkdir(os.path.join(challenges, "folder"))
    os.mkfifo(os.path.join(challenges, "fifo"))
    assert get(served.challenges, prefix + token) == (200, "its answer")
    assert get(served.challenges, prefix + token, version="1.0") == (200, "its answer")
    odd = ["", "absent", "empty", "long", "link", "folder", "fifo", token + "?x", token + "/", token[:100] + ".x", "x" * 129, ".", ".."]
    odd += ["../private/key.pem", "..%2fprivate%2fkey.pem", "%2e%2e/private/key.pem", "/" + token, "./" + token, token + "%00"]
    for target in [prefix + name for name in odd] + ["/", "/healthz", prefix[:-1], "/" + prefix + token, prefix.upper() + token]:
        assert get(served.challenges, target)[0] in (404, 400), target
    assert get(served.challenges, prefix + token, "POST") == (404, "not found\n")
    assert get(served.challenges, prefix + token, "HEAD")[0] == 404
    shutil.rmtree(challenges)
    os.mkdir(challenges)
    served.stop()


def test_acme_a_silent_connection_to_the_challenge_listener_delays_nobody():
    ca, cache = CA(), fresh("cache")
    put_certificate(cache, *dated(-DAY, 80 * DAY))
    served = Served(ca, cache, url=DEAD).up()
    served.event("ready")
    silent = socket.create_connection(("127.0.0.1", served.challenges), WITHIN)
    served.stop(within=5)
    silent.close()
