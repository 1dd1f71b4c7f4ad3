"""What the widgets share: a front end put together from files, and HTML for where no widget can be shown."""

from __future__ import annotations

import os
from typing import Any

try:
    import anywidget
except ModuleNotFoundError:
    raise ModuleNotFoundError("widgets need the extra lab: pip install 'ip-workbench[lab]'", name="anywidget") from None  # fmt: skip

from workbench.notebook.browser.modules import joined, stylesheet

__all__ = ["Widget", "front_end"]

_SIGNS = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "VSCODE_IPC_HOOK_CLI", "COLAB_RELEASE_TAG")
"""What kernels find in their environment that were started for somebody who looks: by a Jupyter server for a notebook
or console, by VS Code, by Colab. Papermill and nbconvert leave none of them."""


def front_end() -> bool:
    """Whether widgets are likely to be shown: there is a kernel, and a front end that somebody looks at.

    A kernel that was started from within another, as for a report, has nobody who looks. ``WORKBENCH_WIDGETS``
    (``1`` or ``0``) in the environment decides where this guesses wrong.
    """
    said = os.environ.get("WORKBENCH_WIDGETS")
    if said is not None:
        return said.strip().lower() not in ("", "0", "no", "off", "false")
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    if getattr(get_ipython(), "kernel", None) is None:
        return False
    own = str(os.getpid())
    return os.environ.setdefault("WORKBENCH_KERNEL", own) == own and any(map(os.environ.get, _SIGNS))


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
