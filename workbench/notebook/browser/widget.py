"""What the widgets share: a front end put together from files, and HTML for where no widget can be shown."""

from __future__ import annotations

from typing import Any

try:
    import anywidget
except ModuleNotFoundError:
    raise ModuleNotFoundError("widgets need the extra lab: pip install 'ip-workbench[lab]'", name="anywidget") from None  # fmt: skip

from workbench._front_end import front_end
from workbench.notebook.browser.modules import joined, stylesheet

__all__ = ["Widget", "front_end"]


class Widget(anywidget.AnyWidget):
    """A widget whose class names its files: ``class Card(Widget, entry="card/main.js", style="card/card.css")``, both
    below ``assets/``. The module at ``entry`` may import others by relative paths; before ``style`` stands
    ``common/theme.css``. Text of data reaches the page as ``textContent`` alone: ``common/dom.js`` knows no other way.
    """

    _esm: Any = ""
    _css: Any = ""

    def __init_subclass__(cls, *, entry: str = "", style: str = "", **options: Any) -> None:
        if entry:
            cls._esm = joined(entry)
            cls._css = stylesheet("common/theme.css", *([style] if style else []))
        super().__init_subclass__(**options)

    def static_html(self) -> str:
        """What is shown where there are no widgets: on a forge, in nbconvert, in a notebook opened later."""
        return ""

    def __str__(self) -> str:
        return f"<{type(self).__name__}>"

    def __repr__(self) -> str:
        return str(self)  # not the bytes of all its traits

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = str(self)
        if html := self.static_html():
            data["text/html"] = html
        return data, metadata
