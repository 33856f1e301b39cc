# SPDX-License-Identifier: Apache-2.0
"""The page at /docs in a browser: the schema as a form, a call from it, the lines of a stream as they come."""

import json

from browser import Page
from serve import *


class Docs:
    """A page that shows a function's form."""

    def __init__(self, serve, dark=False):
        self.page = Page(f"http://127.0.0.1:{serve.port}/docs", dark)
        until(lambda: self.page.run("document.body?.dataset.ready") == "yes", "the form is there")

    def fill(self, **values):
        for name, value in values.items():
            self.page.run(f"document.forms[0].elements[{json.dumps(name)}].value = {json.dumps(value)}")

    def press(self, name):
        self.page.run(f"document.getElementById('{name}').click()")

    def said(self):
        return self.page.text("said")

    def envelope(self):
        return json.loads(self.page.text("answer"))

    def lines(self):
        return self.page.run("[...document.querySelectorAll('#lines code')].map((line) => line.textContent)")

    def close(self):
        """Nothing was wrong with the page; what the browser says of statuses is not that."""
        errors = [error for error in self.page.close() if error.get("source") != "network"]
        assert not errors, errors
        until(lambda: not [line for line in survivors() if "chrom" in line and " Z " not in line], "the browser is gone")


@plain
@limit(120)
def test_docs_call_the_function_from_a_form():
    serve = Serve()
    docs = Docs(serve)
    assert docs.page.text("name") == "act" and docs.page.text("id") == serve.json("/id")
    docs.fill(do="usage words 3", value='{"big": 12345678901234567890}')
    docs.press("invoke")
    until(lambda: docs.said().startswith("200 ("), "the answer")
    answer = docs.page.text("answer")
    assert docs.envelope()["usage"] == [{"value": 3, "name": "words"}], answer
    docs.fill(do="fail 418 teapot")
    docs.press("invoke")
    until(lambda: docs.said().startswith("418: teapot"), "the failure")
    docs.fill(value="{")
    docs.press("invoke")
    assert docs.said() == "Something in the form is no JSON."
    assert docs.page.run("document.forms[0].elements.value.getAttribute('aria-invalid')") == "true"
    docs.press("precheck")
    until(lambda: docs.said().startswith("200 ("), "the precheck")
    docs.close()
    serve.stop()


@plain
@limit(120)
def test_docs_show_the_lines_of_a_stream_until_the_end():
    serve = Serve(function="stream")
    docs = Docs(serve, dark=True)
    log = temporary("call")
    docs.fill(do="yield 3 log begun hold flood 1000", log=log)
    docs.press("invoke")
    until(lambda: len(docs.lines()) == 3, "the lines, before the function has returned")
    assert docs.said() == "200, 3 lines so far"
    assert [json.loads(line)["output"] for line in docs.lines()] == [0, 1, 2]
    docs.press("leave")
    until(lambda: docs.said() == "You left: its token is cancelled.", "the page has left")
    open(log + ".go", "w", encoding="utf-8").close()
    until(lambda: serve.running() == 0, "what is written to a client that has left comes back as a reset")
    docs.fill(do="yield 3 hold", log=temporary("other"))
    docs.press("invoke")
    until(lambda: len(docs.lines()) == 3, "the lines of the second call")
    serve.signal()
    until(lambda: docs.said().startswith(f"503: {STOPPED}"), "the last line")
    assert len(docs.lines()) == 4
    docs.close()
    serve.end()
