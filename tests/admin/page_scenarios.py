# SPDX-License-Identifier: Apache-2.0
"""The page of /status in a browser: what a stranger reads there, before and during the end."""

import re
import signal

from browser import Page
from face_scenarios import HOSTILE, Served
from harness import *


def cells(page, id):
    """The texts of a table's rows."""
    return page.run(f"[...document.getElementById('{id}').rows].map((row) => [...row.cells].map((cell) => cell.textContent))")


def opened(served):
    page = Page(f"http://127.0.0.1:{served.admin}/status")
    until(lambda: page.text("now") == "running", "the page is live")
    assert page.text("contact") == "live"
    return page


@plain
@limit(120)
def test_page_follows_the_process_to_its_end():
    served = Served(announce_ms=500)
    page = opened(served)
    assert page.text("title") == "curfew fixture"
    assert page.text("left") == "Nothing has asked the process to end."
    assert page.run("document.getElementById('certificate').hidden") is True, "it has none from an authority"
    served.tell("hold 2 work")
    slow = served.slow()
    until(lambda: page.text("in-flight") == "1", "the request in flight")
    page.run(  # each phase that it shows, however late we look
        "window.shown = []; new MutationObserver(() => window.shown.push(document.getElementById('now').textContent))"
        ".observe(document.getElementById('now'), {childList: true, characterData: true, subtree: true})"
    )
    served.stop()
    until(lambda: "announcing" in (page.run("window.shown") or []), "the announcement")
    until(lambda: page.text("now") == "draining", "the drain")
    assert "SIGTERM from pid" in page.text("cause")
    assert re.match(r"1\d\.\d s left; ", page.text("left"))
    assert page.run("document.getElementById('left-bar').firstElementChild.clientWidth") > 0
    assert ["thing", "work 1"] in [row[:2] for row in cells(page, "holds")]
    served.tell("answer")
    assert slow.recv(4096)
    until(lambda: page.text("drained") == "1", "the request is drained")
    served.tell("release")
    served.end()
    until(lambda: page.text("contact") == "the process has ended", "the last event")
    assert page.text("now") == "done" and page.text("total") == "0"
    assert page.run("document.querySelectorAll('#requests-plot path.over')[0].getAttribute('d').length") > 10
    assert page.close() == []


@plain
@limit(120)
def test_names_are_text_and_many_are_cut_short():
    served = Served()
    served.tell("hold 300 " + HOSTILE)
    page = opened(served)
    assert page.text("listed") == "the 100 oldest of 301"
    assert cells(page, "holds")[1][1] == HOSTILE + " 0"
    assert page.run("document.images.length + document.querySelectorAll('td *').length") == 0
    assert page.text("kinds") == "300 \u00d7 thing1 \u00d7 listener"
    served.tell("release")
    served.stop()
    served.end()
    assert page.close() == []


@plain
@limit(120)
def test_page_says_when_it_has_no_contact():
    served = Served()
    page = opened(served)
    served.process.signal(signal.SIGKILL)
    until(lambda: page.text("contact") == "no contact, trying again", "the loss of contact")
    page.close()
