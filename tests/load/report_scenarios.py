# SPDX-License-Identifier: Apache-2.0
"""The page of a run in a browser, and its summary: of one that never was."""

import re

from browser import Page
from harness import *

REPORT = BUILD / "tests" / "fixtures" / "load_report"
MARKUP = "</script><b id=\"x\" title='y'>&amp;"


def told(what):
    code, out, _ = finished([str(REPORT), what])
    assert code == 0
    return out


@plain
@limit(120)
def test_the_page_of_a_run_shows_it_without_script_and_network():
    path = temporary("report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(told("html"))
    for dark in False, True:
        page = Page("file://" + path, dark)
        until(lambda: page.run("location.protocol == 'file:' && document.readyState == 'complete'"), "the page")
        assert page.text("ending").startswith("Ended after 30.0 s: its time was over."), page.text("ending")
        assert page.text("target").endswith(MARKUP), page.text("target")
        assert page.text("scheduled") == "30 000 scheduled = 100 dropped + 29 900 admitted"
        assert page.run("document.getElementById('x')") is None, "a text became markup"
        assert page.run("document.scripts.length") == 0
        colour = page.run("getComputedStyle(document.querySelector('#timeline-plot .k-ok')).fill")
        assert re.fullmatch(r"rgb\(\d+, \d+, \d+\)", colour) and colour != "rgb(0, 0, 0)", colour
        assert page.run("document.querySelectorAll('#latency-plot .curve').length") == 2
        assert page.run("document.querySelectorAll('#timeline-plot rect.absence').length") == 1
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert not page.close()


def test_the_summary_has_colour_only_where_it_is_asked_for():
    assert "\033" not in told("summary")
    assert re.sub(r"\033\[\d+m", "", told("colour")) == told("summary")
