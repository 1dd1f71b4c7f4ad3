"""Completion on tab where IPython's own does not reach: ``df["src_ip"].ip.``, which jedi cannot follow, and the
public names of ``wb``, ``wb.intel`` …, without what they import."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

__all__ = ["register"]

_ATTRIBUTE = re.compile(r"(?P<owner>[\w.\[\]'\"\s,-]*[\w\])])\.(?P<start>\w*)$")


def register(shell: Any) -> None:
    """Add to the completer of a session, once."""
    completer = getattr(shell, "Completer", None)
    if completer is None or not hasattr(completer, "custom_matchers"):
        return
    if not any(getattr(matcher, "workbench", False) for matcher in completer.custom_matchers):
        completer.custom_matchers.append(_matcher(shell))


def _matcher(shell: Any) -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def names_of_the_workbench(context: Any) -> Any:
        found = _ATTRIBUTE.search(context.line_with_cursor[: context.cursor_position])
        names = _names(found["owner"].strip(), shell) if found else None
        if found is None or names is None:
            return {"completions": []}
        shown = [name for name in names if name.startswith(found["start"])]
        return {
            "completions": [SimpleCompletion(name, type="property") for name in shown],
            "matched_fragment": found["start"],
            "suppress": bool(shown),  # jedi would add what the module imports
        }

    names_of_the_workbench.workbench = True
    return names_of_the_workbench


def _names(owner: str, shell: Any) -> list[str] | None:
    """The names of what an expression gives, if that is of the workbench and can be had without running code."""
    from IPython.core.guarded_eval import EvaluationContext, guarded_eval

    accessor = owner.endswith(".ip")
    if not accessor and not re.fullmatch(r"\w+(\.\w+)*", owner):
        return None
    try:
        thing = guarded_eval(
            owner.removesuffix(".ip"),
            EvaluationContext(globals=shell.user_global_ns, locals=shell.user_ns, evaluation="limited"),
        )
    except Exception:  # not to be had without running code, or not there
        return None
    if accessor and type(thing).__module__.partition(".")[0] == "pandas":
        return sorted(name for name in dir(thing.ip) if not name.startswith("_"))
    if isinstance(thing, ModuleType) and thing.__name__.partition(".")[0] == "workbench":
        return sorted(getattr(thing, "__all__", ())) or None
    return None
