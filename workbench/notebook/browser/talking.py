"""Widgets whose front end asks Python to do something, and is told how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from workbench.notebook.browser.modules import stylesheet
from workbench.notebook.browser.widget import Widget
from workbench.notebook.telling import told

__all__ = ["Talking"]

_EXPECTED = (ValueError, LookupError, OSError)


class Talking(Widget):
    """Every question ``{"do": NAME, …}`` is answered by one ``message``: what the action named so in :meth:`acts`
    said, or the error in the user's words. Nothing that fails takes the widget with it."""

    message = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, *, entry: str = "", **options: Any) -> None:
        super().__init_subclass__(entry=entry, **options)
        if entry:
            cls._css = stylesheet("common/theme.css", "card/card.css", "card/panel.css")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._answers = 0
        self.on_msg(self._heard)

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        """What the front end may ask for."""
        return {}

    def tell(self, text: str, kind: str = "quiet", **more: Any) -> None:
        """Answer, or say something unasked."""
        self._answers += 1
        self.message = {"kind": kind, "text": text, "number": self._answers, **more}

    def _heard(self, _: Any, content: Any, buffers: Any = None) -> None:
        act = self.acts().get(str(content.get("do"))) if isinstance(content, dict) else None
        if act is None:
            return
        try:
            answer = act(content)
        except Exception as error:
            unexpected = "" if isinstance(error, _EXPECTED) else f"{type(error).__name__}: "
            self.tell(f"{unexpected}{told(error)}", "error")
            return
        if isinstance(answer, dict):
            self.tell(kind=answer.pop("kind", "good"), text=answer.pop("text", ""), **answer)
        else:
            self.tell(answer or "", "good")
