"""A page in Debian's chromium, headless, driven over its DevTools protocol."""

import base64
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from websockets.sync.client import connect


class Browser:
    """One chromium with one page; `errors` and `requests` grow while it is open. Ends with the `with` block."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.errors = []  # what the console, the page's exceptions and its policy complained of
        self.requests = []  # addresses that the page asked for, its own and data: left out
        self._last_id = 0
        self._session = None

    def __enter__(self):
        flags = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "--hide-scrollbars", "--disable-gpu"]
        flags += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # chromium refuses to run as root otherwise
        log = (self.folder / "chromium.log").open("wb")
        self.process = subprocess.Popen(
            ["chromium", *flags, "about:blank"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        self._connection = contextlib.ExitStack()
        self._socket = self._connection.enter_context(connect(self._address(), max_size=None, proxy=None))
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")
        return self

    def _address(self, seconds=60):
        port_file = self.folder / "DevToolsActivePort"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = port_file.read_text().split("\n") if port_file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            assert self.process.poll() is None, (self.folder / "chromium.log").read_text(errors="replace")
            time.sleep(0.05)
        raise AssertionError("chromium did not open its port")

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self._connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __call__(self, method, **parameters):
        """One command of the protocol; what the page tells meanwhile is noted."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._last_id:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _note(self, event):
        what, told = event.get("method"), event.get("params", {})
        if what == "Runtime.exceptionThrown":
            self.errors.append(told["exceptionDetails"]["exception"].get("description", str(told)))
        elif what == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.errors.append(str(told["args"]))
        elif what == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.errors.append(told["entry"]["text"])
        elif what == "Page.javascriptDialogOpening":
            self.errors.append("a dialog: " + told["message"])
        elif what == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("data:", "file:")):
            self.requests.append(told["request"]["url"])

    def open(self, path, width=1200, height=900, dark=False):
        """Opens a file and waits until it is loaded and drawn."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        address = pathlib.Path(path).resolve().as_uri()
        self("Page.navigate", url=address)
        drawn = f"document.readyState === 'complete' && location.href === {json.dumps(address)}"
        deadline = time.monotonic() + 60
        while not self.run(drawn):
            assert time.monotonic() < deadline, f"{path} did not load"
            time.sleep(0.02)

    def run(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def key(self, name):
        text = {"text": name} if len(name) == 1 else {}
        self("Input.dispatchKeyEvent", type="keyDown", key=name, **text)
        self("Input.dispatchKeyEvent", type="keyUp", key=name)

    def drag(self, start, end):
        """With the left button from one point of the window to the other."""
        for kind, (x, y), buttons in (
            ("mouseMoved", start, 0),
            ("mousePressed", start, 1),
            ("mouseMoved", end, 1),
            ("mouseReleased", end, 0),
        ):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=buttons, clickCount=1)

    def screenshot(self, path, top, bottom):
        """Of the page's full width, between two heights."""
        clip = {"x": 0, "y": top, "width": self.run("innerWidth"), "height": bottom - top, "scale": 1}
        png = self("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(png["data"]))

    def pdf(self):
        return base64.b64decode(self("Page.printToPDF")["data"])
