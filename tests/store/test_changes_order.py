"""Whatever the order in which transactions begin, write, commit or are rolled back, and wherever a stream is cut off and
resumed: what was committed last of each profile is told, and nothing is told twice."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.store.watching.changes import Place, changed_since, place, wanted

WRITERS = 3
_ROUND = count()
STEP = st.one_of(
    st.tuples(st.just("create"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("update"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("delete"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("commit"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("roll back"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("read"), st.integers(1, 3)),
    st.tuples(st.just("read part"), st.integers(2, 4)),
)


class Writer:
    """One connection with its own profiles, of which it knows what is committed."""

    def __init__(self, con: Any, prefix: str) -> None:
        self.con, self.prefix, self.made = con, prefix, 0
        self.committed: dict[str, int] = {}
        self.pending: dict[str, int] = {}

    def create(self) -> None:
        self.begin()
        self.made += 1
        address = f"{self.prefix}.{self.made}"
        self.con.execute(
            "INSERT INTO profiles (address, owner, secrecy) SELECT %s, organisation, 2 FROM members WHERE role = current_user",
            (address,),
        )
        self.pending[address] = 1

    def change(self, what: str) -> None:
        known = {**self.committed, **self.pending}
        if not known:
            return
        self.begin()
        address = next(reversed(known))
        self.con.execute(f"UPDATE profiles SET {what} WHERE address = %s", (address,))
        self.pending[address] = known[address] + 1

    def begin(self) -> None:
        if not self.con.info.transaction_status:
            self.con.execute("BEGIN")

    def end(self, how: str) -> None:
        if self.con.info.transaction_status:
            self.con.execute(how)
        if how == "COMMIT":
            self.committed.update(self.pending)
        self.pending.clear()


@pytest.fixture(scope="module")
def scene(shared_town: Any) -> Any:
    cons = [shared_town.sql("ines") for _ in range(WRITERS)]
    yield shared_town.store("ida"), cons
    for con in cons:
        con.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=40))
def test_everything_committed_is_told_once(scene: Any, steps: list[tuple[str, int]]) -> None:
    store, cons = scene
    number = next(_ROUND)
    writers = [Writer(con, f"{10 + number // 256}.{number % 256}.{i}") for i, con in enumerate(cons)]
    conditions = wanted(within=f"{10 + number // 256}.{number % 256}.0.0/16")
    here = place(store)
    told: list[tuple[str, int]] = []

    def read(limit: int, keep: int | None = None) -> bool:
        """A page, of which the client sees all or only the first before it is cut off."""
        nonlocal here
        page = changed_since(store, here, conditions, limit)
        seen = page.items if keep is None else page.items[:keep]
        told.extend((change.thing.address, change.thing.version) for change in seen)
        if len(seen) == len(page.items):
            here = page.place
            return page.more
        here = Place.parse(str(seen[-1].place))
        return True

    for what, which in steps:
        if what == "read":
            read(which)
        elif what == "read part":
            read(which, 1)
        elif what == "create":
            writers[which].create()
        elif what in ("update", "delete"):
            change = "notes = notes || 'x'" if what == "update" else "deleted_at = now()"
            writers[which].change(change)
        else:
            writers[which].end("COMMIT" if what == "commit" else "ROLLBACK")
    for writer in writers:
        writer.end("COMMIT" if writer.made % 2 else "ROLLBACK")
    while read(3):
        pass
    assert len(told) == len(set(told)), "something was told twice"
    last: dict[str, int] = {}
    for address, version in told:
        assert version > last.get(address, 0), "an older version was told after a newer one"
        last[address] = version
    assert last == {address: version for writer in writers for address, version in writer.committed.items()}
