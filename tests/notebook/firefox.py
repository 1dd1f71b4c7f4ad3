"""Firefox as it is installed, spoken to in WebDriver BiDi, which it speaks itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Firefox", "firefox"]

_PREFERENCES = """user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
"""
"""Whatever is asked of the net goes to a proxy that is not there."""


class Firefox:
    """One window. :meth:`run` evaluates an expression in the page, promises awaited."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = count(1)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._say("session.new", capabilities={})
        self._say("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._context = self._say("browsingContext.getTree")["contexts"][0]["context"]

    def _say(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._number)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            heard: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
            if heard.get("method") == "log.entryAdded" and heard["params"]["level"] == "error":
                self.errors.append(str(heard["params"]["text"]))
            if heard.get("method") == "network.beforeRequestSent":
                self.requests.append(heard["params"]["request"]["url"])
            if heard.get("id") != number:
                continue
            if heard["type"] == "error":
                raise AssertionError(f"{method}: {heard['error']}: {heard['message']}")
            result: dict[str, Any] = heard["result"]
            return result

    def open(self, file: Path) -> None:
        self._say("browsingContext.navigate", context=self._context, url=file.as_uri(), wait="complete")

    def run(self, expression: str) -> Any:
        text = f"(async () => JSON.stringify(await ({expression})))()"
        told = self._say(
            "script.evaluate", expression=text, target={"context": self._context}, awaitPromise=True
        )
        if told["type"] == "exception":
            raise AssertionError(told["exceptionDetails"]["text"])
        value = told["result"].get("value")
        return None if value is None else json.loads(value)

    def press(self, *keys: str) -> None:
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._say("input.performActions", context=self._context, actions=[{"type": "key", "id": "keys", "actions": actions}])  # fmt: skip


@contextmanager
def firefox() -> Iterator[Firefox]:
    """A Firefox without a screen and with a profile of its own; skips where there is none."""
    client = pytest.importorskip("websockets.sync.client", reason="needs websockets, of the dev group")
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("needs Firefox: apt-get install firefox-esr")
    with tempfile.TemporaryDirectory(prefix="workbench-firefox-", ignore_cleanup_errors=True) as home:
        profile = Path(home) / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(_PREFERENCES)
        running = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={"HOME": home, "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        late = threading.Timer(60, running.kill)  # one that says nothing is ended
        late.start()
        try:
            assert running.stderr is not None
            address = next((found[1] for line in running.stderr if (found := re.search(r"BiDi listening on (ws://\S+)", line))), None)  # fmt: skip
            late.cancel()
            if address is None:
                pytest.skip(f"{program} does not start here, or speaks no WebDriver BiDi")
            with client.connect(f"{address}/session", max_size=None, open_timeout=60) as socket:
                yield Firefox(socket)
        finally:
            late.cancel()
            running.terminate()
            running.wait(60)
