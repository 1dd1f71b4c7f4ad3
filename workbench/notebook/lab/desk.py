"""The folder that ``workbench lab`` opens: the guided notebooks and their sample logs, as copies to work in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from workbench.intel.home import data_path, home
from workbench.intel.writing import sha256_of

__all__ = ["guided_notebooks", "prepare_desk"]

_SHIPPED = ".shipped.json"


def guided_notebooks() -> Path:
    """The notebooks as they ship: inside the installed package, or ``notebooks/`` of a checkout."""
    data = data_path()
    return data / "notebooks" if data.name == "_data" else data.parent / "notebooks"


def prepare_desk(folder: Path | None = None) -> Path:
    """Lay the guided notebooks and samples out in ``folder``, by default ``lab`` in the workbench's home.

    The notebooks read ``../data/samples``, so both lie side by side. What the user changed is never overwritten;
    what she did not is brought up to date with the installed version.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = folder or home() / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / _SHIPPED
    try:
        before = json.loads(record.read_text())
    except (OSError, ValueError):
        before = {}
    shipped: dict[str, str] = {}
    for source, below in ((guided_notebooks(), "notebooks"), (data_path() / "samples", "data/samples")):
        for file in sorted(source.rglob("*")):
            part = file.relative_to(source)
            if not file.is_file() or any(name.startswith((".", "__")) for name in part.parts):
                continue
            name = f"{below}/{part.as_posix()}"
            target = folder / name
            shipped[name] = sha256_of(file)
            if target.exists() and sha256_of(target) != before.get(name):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    record.write_text(json.dumps(shipped, indent=1))
    return folder
