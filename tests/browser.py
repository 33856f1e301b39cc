# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium, driven through its debugging pipe: JSON messages that end with a NUL."""

import base64
import json
import os
import shutil
import subprocess

from harness import *

COMMAND = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]


class Page:
    """A page that has been opened. errors: what it threw, refused to load or wrote to the console."""

    def __init__(self, url, dark=False, width=1280, height=1000):
        program = shutil.which("chromium")
        if not program:
            raise Skip("there is no chromium")
        reading, theirs_out = os.pipe()
        theirs_in, self.writing = os.pipe()
        self.reader = Reader(reading)
        self.asked, self.session, self.errors = 0, None, []
        script = f'exec 3</proc/self/fd/{theirs_in} 4>/proc/self/fd/{theirs_out}; exec "$@"'  # it reads 3 and writes 4
        self.browser = start(
            ["sh", "-c", script, "sh", program, *COMMAND, "--user-data-dir=" + temporary("browser")],
            pass_fds=[theirs_in, theirs_out],
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log":
            self.ask(domain + ".enable")
        self.size(width, height)
        self.scheme(dark)
        self.ask("Page.navigate", url=url)

    def ask(self, method, **parameters):
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self.reader.until("\0", 60).rstrip("\0"))
            self.note(answer)
            if answer.get("id") == self.asked:
                assert "result" in answer, answer
                return answer["result"]

    def note(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"])
        elif message.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled"):
            entry = parameters.get("entry", parameters)
            if not entry.get("url", "").endswith("/favicon.ico"):
                self.errors.append(entry)

    def scheme(self, dark):
        """Asks for light or dark colours."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[feature])

    def size(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script):
        """What a JavaScript expression gives."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def text(self, id):
        """The text of an element."""
        return self.run(f"document.getElementById({json.dumps(id)})?.textContent")

    def screenshot(self, path):
        image = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))

    def close(self):
        """Ends the browser, and returns what went wrong in the page."""
        os.close(self.writing)
        self.browser.wait()
        return self.errors
