"""By which indexes a search is answered."""

from __future__ import annotations

import re
from typing import Any

from workbench.store import Store
from workbench.store.profiles import searching

__all__ = ["plan_of"]

_INDEX = re.compile(r"(?:using|Bitmap Index Scan on) (profiles_\w+)")


def plan_of(store: Store, **filters: Any) -> str:
    """The indexes of profiles that the plans of a search use; a sequential scan of profiles is shouted."""
    seen: list[str] = []

    def explained(_: str, work: Any, **__: Any) -> Any:
        con = store._connected()

        class Explaining:
            def execute(self, query: Any, values: Any = None) -> Any:
                if isinstance(query, bytes):
                    seen.extend(row[0] for row in con.execute(b"EXPLAIN " + query, values).fetchall())
                return con.execute(query, values)

        with con.transaction():
            return work(Explaining())

    original = store.run
    store.run = explained  # type: ignore[method-assign]
    try:
        searching.search(store, "p.id, p.id, p.id, 0", lambda row: row, **filters)
    finally:
        store.run = original  # type: ignore[method-assign]
    if any("Seq Scan on profiles" in line for line in seen):
        return "SEQUENTIAL SCAN"
    used = {name for line in seen for name in _INDEX.findall(line)}
    return ", ".join(sorted(used))
