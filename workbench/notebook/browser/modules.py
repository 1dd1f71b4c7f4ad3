"""ES modules of ``assets/`` joined into one: a widget's front end is a single text, and nothing is fetched.

Each module keeps a scope of its own. Understood is what the modules here are written in: named imports from relative
paths, ``export`` before a function, class or constant, and, in the one at the top, ``export default``. A file that
exports nothing that way is a vendored script of the older kind, which fills in ``exports``.
"""

from __future__ import annotations

import re
from functools import cache
from posixpath import dirname, join, normpath

from workbench.notebook.browser.shipped import asset

__all__ = ["joined", "stylesheet", "unexported"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_NAME = re.compile(r"^\s*(\w+)(?: as (\w+))?\s*$")


@cache
def joined(entry: str) -> str:
    """The module ``assets/<entry>`` with everything it imports, as the text of one module.

    Raises:
        ValueError: modules import each other in a circle, a name is not exported, or a line is not understood.
    """
    order: dict[str, frozenset[str]] = {}
    parts: list[str] = []
    _add(entry, (), order, parts)
    return "\n".join(parts)


@cache
def stylesheet(*names: str) -> str:
    """Files of ``assets/`` as one style sheet."""
    return "\n".join(map(asset, names))


@cache
def unexported(name: str) -> str:
    """A module of ``assets/`` that imports nothing, as a part of a script."""
    return re.sub(r"^export (?=const|class|function|async)", "", asset(name), flags=re.MULTILINE)


def _add(name: str, above: tuple[str, ...], order: dict[str, frozenset[str]], parts: list[str]) -> None:
    if name in above:
        raise ValueError(f"modules import each other: {' → '.join((*above, name))}")
    if name in order:
        return
    text = re.sub(r"//# sourceMappingURL=\S*", "", asset(name))

    def imported(found: re.Match[str]) -> str:
        path = normpath(join(dirname(name), found[2]))
        _add(path, (*above, name), order, parts)
        names = [_NAME.match(each) for each in found[1].split(",") if each.strip()]
        missing = [each and each[1] for each in names if each is None or each[1] not in order[path]]
        if missing and order[path]:
            raise ValueError(f"{name}: {path} does not export {missing[0]}")
        chosen = ", ".join(f"{each[1]}: {each[2] or each[1]}" for each in names if each)
        return f"const {{ {chosen} }} = {_identifier(path)};\n"

    text = _IMPORT.sub(imported, text)
    if not above:
        rest = re.search(r"^import\b.*|^export (?!default\b|const|class|(?:async )?function).*", text, re.MULTILINE)  # fmt: skip
        if rest:
            raise ValueError(f"{name}: not understood: {rest[0]}")
        parts.append(text)
        return
    exports = frozenset(found[2] for found in _EXPORT.finditer(text))
    text = _EXPORT.sub(r"\1", text)
    if rest := re.search(r"^(?:import|export)\b.*", text, re.MULTILINE):
        raise ValueError(f"{name}: not understood: {rest[0]}")
    given = f"return {{ {', '.join(sorted(exports))} }};" if exports else "return exports;"
    before = "" if exports else "const exports = {}, module = { exports };\n"
    parts.append(f"const {_identifier(name)} = (() => {{\n{before}{text}\n{given}\n}})();")
    order[name] = exports


def _identifier(path: str) -> str:
    return "_" + re.sub(r"\W", "_", path)
