"""The report templates: notebooks with a cell tagged ``parameters`` that declares what they take.

A line of that cell is ``name: "kind" = default  # help``, papermill's own convention; ``...`` as default says
that the parameter is needed, and the kinds are those of :data:`workbench.reports.parameters.KINDS`. The first
markdown cell is the title and what the report is good for.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.intel.home import data_path, home
from workbench.reports.parameters import KINDS, Parameter

__all__ = ["Template", "TemplateError", "template", "templates"]


class TemplateError(ValueError):
    """A notebook cannot serve as a template; the message tells which and why."""


@dataclass(frozen=True)
class Template:
    """A notebook to be run with parameters."""

    name: str
    path: Path

    @cached_property
    def notebook(self) -> Any:
        """The notebook, as nbformat reads it."""
        import nbformat

        try:
            return nbformat.read(self.path, as_version=4)
        except Exception as error:
            raise TemplateError(f"{self.path} is no notebook: {error}") from None

    @cached_property
    def title(self) -> str:
        """The first heading."""
        return self._about.partition("\n")[0].lstrip("# ").strip() or self.name

    @cached_property
    def description(self) -> str:
        """What stands below the first heading."""
        return " ".join(self._about.partition("\n")[2].split())

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it takes, in order.

        Raises:
            TemplateError: there is no such cell, or a line of it is not understood.
        """
        from papermill.translators import PythonTranslator

        cells = [c for c in self.notebook.cells if "parameters" in c.metadata.get("tags", [])]
        if len(cells) != 1:
            raise TemplateError(f"{self.path} has {len(cells)} cells tagged 'parameters', one is wanted")
        found = PythonTranslator.inspect(cells[0])
        lines = [line for line in cells[0].source.splitlines() if line.strip() and not line.startswith("#")]
        if len(found) != len(lines):
            raise TemplateError(f'{self.path}: a parameter is one line, name: "kind" = default  # help')
        return tuple(self._parameter(one) for one in found)

    def _parameter(self, one: Any) -> Parameter:
        if one.inferred_type_name not in KINDS:
            kinds = ", ".join(sorted(KINDS))
            raise TemplateError(
                f"{self.path}: {one.name} is of no known kind {one.inferred_type_name!r}; there are: {kinds}"
            )
        try:
            default = ast.literal_eval(one.default)
        except (ValueError, SyntaxError):
            raise TemplateError(f"{self.path}: the default of {one.name} is no plain value") from None
        required = default is ...
        return Parameter(one.name, one.inferred_type_name, None if required else default, required, one.help)

    @cached_property
    def _about(self) -> str:
        first = next((c.source for c in self.notebook.cells if c.cell_type == "markdown"), "")
        return str(first).strip()


def shipped() -> Path:
    """The folder of the templates that ship with the workbench: in the package, or in a checkout."""
    data = data_path()
    return (data / "notebooks" if data.name == "_data" else data.parent / "notebooks") / "reports"


def templates() -> list[Template]:
    """Every template: those that ship, and those in ``reports/templates`` of the workbench's home, which come
    before shipped ones of the same name."""
    found: dict[str, Template] = {}
    for folder in (shipped(), home() / "reports" / "templates"):
        for path in sorted(folder.glob("*.ipynb")):
            found[path.stem] = Template(path.stem, path)
    return [found[name] for name in sorted(found)]


def template(name: str) -> Template:
    """A template by its name, or a notebook by its path.

    Raises:
        LookupError: there is none; the message names those there are.
    """
    if name.endswith(".ipynb"):
        path = Path(name).expanduser().resolve()
        if path.is_file():
            return Template(path.stem, path)
        raise LookupError(f"there is no notebook {name}")
    found = {one.name: one for one in templates()}
    if name not in found:
        raise LookupError(f"there is no report {name!r}; there are: {', '.join(found) or 'none'}")
    return found[name]
