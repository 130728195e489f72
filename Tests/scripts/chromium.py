"""A real Chromium without a window, driven over its pipe with the DevTools protocol. The standard library is all it needs.

    with Chromium() as browser:
        browser.navigate("file:///tmp/report/index.html")
        browser.evaluate("document.title")
        browser.click("#more")
        browser.screenshot("page.png")
        assert browser.errors == [] and browser.requests == []

Names are not resolved, so that a page can't fetch anything from elsewhere; addresses such as 127.0.0.1 work.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ["chromium", "chromium-browser", "google-chrome"]


def program():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class ChromiumError(Exception):
    """The browser, or a script in the page, went wrong."""


class Chromium:
    """One browser with one page, in a profile of its own that is gone afterwards.

    Every call ends within `limit` seconds, or raises ChromiumError.
    """

    def __init__(self, width=1280, height=900, limit=30):
        self.limit = limit
        # What the page wrote to the console as an error, threw, or could not load.
        self.errors = []
        # Addresses that the page asked for, its own and data: left out.
        self.requests = []
        self._size = (width, height)
        self._number = 0
        self._session = None
        self._buffer = b""
        self._loaded = False
        self._address = None

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="flexmig-chromium-")
        (command_end, self._out), (self._in, answer_end) = os.pipe(), os.pipe()
        # The browser reads descriptor 3 and writes 4; from 10 on they are in nobody's way.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (command_end, answer_end)]
        os.close(command_end), os.close(answer_end)
        arguments = [
            program() or NAMES[0], "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self._profile}",
            "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--mute-audio", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--window-size=%d,%d" % self._size]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        shell = f'exec "$@" 3<&{ends[0]} 4>&{ends[1]} {ends[0]}<&- {ends[1]}>&-'
        self._log = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                ["bash", "-c", shell, "chromium", *arguments], pass_fds=ends, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        finally:
            for end in ends:
                os.close(end)
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ["Page", "Runtime", "Log", "Network"]:
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for end in (self._out, self._in):
            os.close(end)
        # Without its pipe it ends by itself; what doesn't is ended, all of its own session.
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, **parameters):
        """Calls a method of the protocol and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise ChromiumError(f"the browser ended before {method}: {self._said()}") from None
        wanted, deadline = self._number, time.monotonic() + self.limit
        while True:
            answer = self._receive(deadline, method)
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]

    def _receive(self, deadline, why):
        """The next message; events are noted on the way."""
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise ChromiumError(f"{why}: no answer within {self.limit} s; the browser said: {self._said()}")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise ChromiumError(f"{why}: the browser ended: {self._said()}")
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _said(self):
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace")

    def _note(self, event, found):
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            details = found["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and found["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in found["args"]))
        elif event == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.errors.append(f"{found['entry']['text']} {found['entry'].get('url', '')}".strip())
        elif event == "Network.requestWillBeSent":
            address = found["request"]["url"]
            if address != self._address and not address.startswith("data:"):
                self.requests.append(address)

    def navigate(self, address):
        """Opens an address and waits until it is loaded and its scripts have run."""
        self._loaded, self._address = False, address
        failed = self.call("Page.navigate", url=address).get("errorText")
        if failed:
            raise ChromiumError(f"{address}: {failed}")
        deadline = time.monotonic() + self.limit
        while not self._loaded:
            self._receive(deadline, address)

    def evaluate(self, expression):
        """The value of an expression in the page, awaited where it is a promise. It must be one that JSON has."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ChromiumError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def until(self, expression, seconds=None):
        """Waits until an expression is true in the page, and returns its value."""
        deadline = time.monotonic() + (seconds or self.limit)
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise ChromiumError(f"never true: {expression}")
            self.evaluate("new Promise(done => setTimeout(done, 20))")

    def middle(self, selector):
        """The middle of an element, scrolled into view, in the window's pixels."""
        place = self.evaluate(
            "(() => { const it = document.querySelector(%s); if (!it) return null; it.scrollIntoView({block: 'center'});"
            "const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
            % json.dumps(selector))
        if place is None:
            raise ChromiumError(f"the page has no {selector}")
        return place

    def _mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector, times=1):
        """Clicks on the middle of an element with the mouse; twice is a double-click."""
        x, y = self.middle(selector)
        for number in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self._mouse(kind, x, y, button="left", clickCount=number)

    def move(self, selector):
        """Points at the middle of an element."""
        self._mouse("mouseMoved", *self.middle(selector))

    def wheel(self, selector, turn):
        """Turns the wheel over the middle of an element; up is negative."""
        x, y = self.middle(selector)
        self._mouse("mouseWheel", x, y, deltaX=0, deltaY=turn)

    def type(self, selector, text):
        """Puts the cursor into an element and types."""
        self.click(selector)
        self.call("Input.insertText", text=text)

    def screenshot(self, path):
        """Writes the whole page as PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))
