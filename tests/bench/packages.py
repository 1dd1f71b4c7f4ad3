"""Packages of PyPI that the benchmarks measure against: pinned, installed each into a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["database", "installed", "reader"]


def database(folder: Path, version: str) -> Path:
    """The plevin database of a date; 18 MB. It carries the licences of its sources and is not passed on."""
    target = installed(folder, f"db-{version}", f"plevin-db=={version}")
    (path,) = target.rglob("*.plv")
    return path


def reader(folder: Path, of: str) -> Path:
    """A folder with the reader that understands ``of``, a database: its format changed in September 2026."""
    if [int(part) for part in of.split(".")[:3]] < [2026, 9, 20]:
        return installed(folder, "reader-1", "plevin==0.1.11", "pyzstd==0.20.0", "backports.zstd==1.8.0", "typing-extensions==4.16.0")  # fmt: skip
    return installed(folder, "reader-2", "plevin==0.2.3")


def installed(folder: Path, name: str, *packages: str) -> Path:
    """``packages`` unpacked in ``folder/name``, fetched unless they are there already."""
    target = folder / name
    if not target.exists():
        print(f"fetching {packages[0]} …", file=sys.stderr)
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(target),
            *packages,
        ]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return target
