"""A page that shows one widget as anywidget does, with its Python side behind it: no server, no kernel."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Hosted", "hosting", "page_of"]

_PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Host</title><style>body { margin: 12px; background: %(ground)s } </style></head>
<body data-jp-theme-light="%(light)s"><style></style><div id="host"></div></body></html>"""

# What anywidget hands to a front end: a model with get, set, save_changes, on, off and send.
_HOST = """async ({ esm, css, state }) => {
  const bytes = (text) => { const found = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); return new DataView(found.buffer); };
  const text = (view) => { let found = ""; const all = new Uint8Array(view.buffer, view.byteOffset, view.byteLength); for (let i = 0; i < all.length; i += 32768) found += String.fromCharCode(...all.subarray(i, i + 32768)); return btoa(found); };
  const inner = (value) => (value && value.__bytes !== undefined ? bytes(value.__bytes) : value);
  const outer = (value) => (value instanceof DataView ? { __bytes: text(value) } : value);
  const known = new Map(Object.entries(state).map(([name, value]) => [name, inner(value)]));
  const heard = new Map();
  const changed = new Set();
  const emit = (event, ...given) => [...(heard.get(event) ?? [])].forEach((call) => call(...given));
  const model = {
    get: (name) => known.get(name),
    set: (name, value) => { known.set(name, value); changed.add(name); emit(`change:${name}`); },
    save_changes: () => { window.toPython({ kind: "state", state: Object.fromEntries([...changed].map((name) => [name, outer(known.get(name))])) }); changed.clear(); },
    on: (event, call) => heard.set(event, [...(heard.get(event) ?? []), call]),
    off: (event, call) => heard.set(event, (heard.get(event) ?? []).filter((each) => each !== call)),
    send: (content) => window.toPython({ kind: "message", content }),
  };
  window.host = { model, heard: (content, buffers) => emit("msg:custom", content, buffers.map(bytes)), take: (name, value) => { known.set(name, inner(value)); emit(`change:${name}`); } };
  document.querySelector("style + style, body > style").textContent = css;
  const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  window.host.end = await module.default.render({ model, el: document.getElementById("host") });
}"""


class Hosted:
    """A widget on a page. ``page`` is Playwright's; :meth:`pump` carries what Python has to say to the page."""

    def __init__(
        self, browser: Any, widget: Any, *, dark: bool = False, width: int = 1180, height: int = 900
    ) -> None:
        self.widget = widget
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._sent: list[Any] = []
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True)  # fmt: skip
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_content(_PAGE % {"ground": "#111" if dark else "#fff", "light": "false" if dark else "true"})  # fmt: skip
        self.page.expose_function("toPython", self._heard)
        widget.send = lambda content, buffers=None: self._sent.append(("heard", content, [_text(b) for b in buffers or ()]))  # fmt: skip
        state = _state(widget)
        self.page.evaluate(_HOST, {"esm": widget._esm, "css": widget._css, "state": json.loads(json.dumps(state, default=str))})  # fmt: skip
        widget.observe(lambda change: self._sent.append(("take", change["name"], _outer(change["new"]))), list(state))  # fmt: skip
        self._taking = False

    def _heard(self, said: dict[str, Any]) -> None:
        if said["kind"] == "message":
            self.widget._handle_custom_msg(said["content"], [])
            return
        state = {name: _inner(value) for name, value in said["state"].items()}
        before = len(self._sent)
        self.widget.set_state(state)
        del self._sent[before:]  # the page knows what it said

    def pump(self) -> None:
        while self._sent:
            how, first, second = self._sent.pop(0)
            self.page.evaluate("([how, a, b]) => window.host[how](a, b)", [how, first, second])

    def wait(self, condition: str, argument: Any = None) -> None:
        """Until the page says so, with what Python says meanwhile."""
        for _ in range(400):
            self.pump()
            if self.page.evaluate(condition, argument):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"never became true: {condition}")

    def until(self, condition: Any) -> None:
        """Until Python says so."""
        for _ in range(400):
            self.pump()
            if condition():
                return
            self.page.wait_for_timeout(25)
        raise AssertionError("never became true")

    def shot(self, path: Path | str) -> None:
        self.page.screenshot(path=str(path))

    def close(self) -> None:
        self.page.context.close()


def page_of(widget: Any) -> str:
    """A page of its own that shows one widget and has no Python behind it."""
    given = json.dumps({"esm": widget._esm, "css": widget._css, "state": _state(widget)}, default=str)
    text = base64.b64encode(given.encode()).decode("ascii")
    load = f"window.toPython = () => {{}}; ({_HOST})(JSON.parse(new TextDecoder().decode(Uint8Array.from(atob('{text}'), (c) => c.charCodeAt(0)))))"
    return _PAGE % {"ground": "#fff", "light": "true"} + f"<script>{load}</script>"


def _state(widget: Any) -> dict[str, Any]:
    return {name: _outer(getattr(widget, name)) for name in widget.keys if not name.startswith("_model") and name != "layout" and name not in ("_esm", "_css")}  # fmt: skip


def _text(value: bytes | memoryview) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def _outer(value: Any) -> Any:
    return {"__bytes": _text(value)} if isinstance(value, bytes | memoryview) else value


def _inner(value: Any) -> Any:
    return memoryview(base64.b64decode(value["__bytes"])) if isinstance(value, dict) and "__bytes" in value else value  # fmt: skip


@contextmanager
def hosting(browser: Any, ready: str) -> Iterator[Callable[..., Hosted]]:
    """Shows widgets, each until the page says that it is ``ready``; in the end they have run no markup, made no error and
    asked nothing of the network."""
    shown: list[Hosted] = []

    def show(widget: Any, **options: Any) -> Hosted:
        hosted = Hosted(browser, widget, **options)
        hosted.wait(ready)
        shown.append(hosted)
        return hosted

    yield show
    for each in shown:
        assert each.page.evaluate("window.pwned") is None
        assert each.errors == []
        assert [url for url in each.requests if not url.startswith("blob:")] == []
        each.close()
