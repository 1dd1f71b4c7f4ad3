"""JupyterLab as ``workbench lab`` starts it: with the extension, and a folder of guided notebooks to work in."""

from __future__ import annotations

from workbench.notebook.lab.desk import guided_notebooks, prepare_desk
from workbench.notebook.lab.starting import lab_arguments, start

__all__ = ["guided_notebooks", "lab_arguments", "prepare_desk", "start"]
