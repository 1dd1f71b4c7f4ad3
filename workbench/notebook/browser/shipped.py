"""The assets of the package, and data, in the form in which they stand inside one HTML file."""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["asset", "data_uri", "packed", "packed_asset", "script"]

_ASSETS = Path(__file__).parents[1] / "assets"


@cache
def asset(name: str) -> str:
    """A text file of ``assets/``."""
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def script(name: str) -> str:
    """A script of ``assets/``, fit to stand between script tags. Links to source maps, which a browser would
    try to fetch, are taken out."""
    text = re.sub(r"//# sourceMappingURL=\S*", "", asset(name))
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def data_uri(name: str, kind: str) -> str:
    """A binary file of ``assets/`` as a ``data:`` URL."""
    return f"data:{kind};base64,{base64.b64encode((_ASSETS / name).read_bytes()).decode('ascii')}"


def packed(value: Any) -> str:
    """JSON, compressed, as base64: small, and without a character that means anything in HTML."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("ascii"), 6, mtime=0)).decode("ascii")


@cache
def packed_asset(name: str) -> str:
    """A JSON file of ``assets/``, packed as :func:`packed` does."""
    return packed(json.loads(asset(name)))
