"""IP Workbench: turn a pile of IP addresses into decisions."""

from __future__ import annotations

__version__ = "0.1.0"
