"""A page in headless Chromium, driven by the DevTools protocol over a pipe: what it shows, what it asks for, what it
complains of, and pictures of it."""
import base64
import json
import os
import subprocess
import threading

from support import browser, waiting


PERMISSIONS = ["clipboardReadWrite", "clipboardSanitizedWrite"]


class Problem(AssertionError):
    """What the browser said to a command of ours."""


class Chromium:
    """A browser of its own; `page()` opens pages in it."""

    def __init__(self, profile):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # It reads commands from its descriptor 3, and writes replies and events to 4.
        script = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
        flags = [*browser.FLAGS, "--remote-debugging-pipe", "--force-color-profile=srgb", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, str(to_browser), str(from_browser), "--", "chromium", *flags, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._changed = threading.Condition()
        self._replies = {}
        self._last = 0
        self._ended = False
        self._pages = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        text = b""
        while True:
            piece = os.read(self._in, 1 << 16)
            if not piece:
                break
            *messages, text = (text + piece).split(b"\0")
            for message in messages:
                self._heard(json.loads(message))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _heard(self, message):
        with self._changed:
            if "id" in message:
                self._replies[message["id"]] = message
                self._changed.notify_all()
            else:
                page = self._pages.get(message.get("sessionId"))
                if page:
                    page.heard(message["method"], message["params"])

    def ask(self, method, session=None, **params):
        """Sends a command and returns its result."""
        with self._changed:
            self._last += 1
            number = self._last
        command = {"id": number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        with self._changed:
            came = self._changed.wait_for(lambda: number in self._replies or self._ended, waiting.PATIENCE)
            if not came or number not in self._replies:
                raise Problem(f"Chromium did not answer {method}")
            reply = self._replies.pop(number)
        if "error" in reply:
            raise Problem(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def page(self, width=1440, height=900, dark=False):
        context = self.ask("Target.createBrowserContext")["browserContextId"]  # storage of its own
        self.ask("Browser.grantPermissions", permissions=PERMISSIONS, browserContextId=context)
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        with self._changed:
            self._pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        page.size(width, height)
        page.prefers(dark)
        return page

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._out)
        os.close(self._in)


class Page:
    def __init__(self, chromium, session):
        self._chromium = chromium
        self._session = session
        self.complaints = []  # of the console, uncaught errors and the browser's own
        self.asked = []  # URLs of all requests, whichever part of the page made them
        self.width = 0

    def heard(self, method, params):
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([a.get("value", a.get("description")) for a in params["args"]]))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])

    def ask(self, method, **params):
        return self._chromium.ask(method, self._session, **params)

    def size(self, width, height):
        self.width = width
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def prefers(self, dark):
        value = "dark" if dark else "light"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def open(self, url):
        result = self.ask("Page.navigate", url=url)
        assert "errorText" not in result, result

    def run(self, script):
        """The value of an expression, awaited if it is a promise."""
        result = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            raise Problem(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def until(self, script, what):
        """Waits until an expression is true, and returns it."""

        def now():
            try:
                return self.run(script)
            except Problem:  # it is just being loaded
                return None

        return waiting.until(now, f"{what}; the page complains of {self.complaints}")

    def picture(self, path):
        """Of the whole page, however long it is."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": size["height"], "scale": 1}
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))
