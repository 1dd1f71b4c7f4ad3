"""The pure rule of :mod:`workbench.secrecy` and the answers of the database are the same.

Random organisations, clients, members, clearances and levels, among them RED with recipients, are put into one
database; then every member asks over a connection of her own, before and after levels are set and after she and the
others have been moved about. What hangs on a profile is asked for as well: it goes with the profile, links and alerts
with both their ends, and history and audit also with who could see the profile then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from workbench.secrecy import TLP, Marking, Member, Organisation, may_see

ORGANISATIONS = 3
ROLES = ("ines", "ida", "otto", "clara", "pia")
KINDS = ("profiles", "investigations", "entities", "watchlists")
_WORLD = count()

SEEN = """
    SELECT 'profiles', id::text FROM profiles WHERE id = ANY (%(all)s)
    UNION ALL SELECT 'matching tag', unnest(matching(NULL, false, ARRAY[%(tag)s], NULL, 1000))::text
    UNION ALL SELECT 'matching text', unnest(matching(%(tag)s, false, NULL, NULL, 1000))::text
    UNION ALL SELECT 'matching network', unnest(matching(NULL, false, ARRAY[%(tag)s], '10.0.0.1', 1000))::text
    UNION ALL SELECT 'investigations', id::text FROM investigations WHERE id = ANY (%(all)s)
    UNION ALL SELECT 'entities', id::text FROM entities WHERE id = ANY (%(all)s)
    UNION ALL SELECT 'watchlists', id::text FROM watchlists WHERE id = ANY (%(all)s)
    UNION ALL SELECT 'evidence', profile::text FROM evidence WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'sightings', profile::text FROM sightings WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'footprint', profile::text FROM footprint WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'investigation links', investigation::text || profile FROM investigation_profiles WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'entity links', entity::text || profile FROM entity_profiles WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'alerts', watchlist::text || profile FROM alerts WHERE profile = ANY (%(all)s) AND cause LIKE 'told%%'
    UNION ALL SELECT 'history', profile::text || version FROM profile_history WHERE profile = ANY (%(all)s)
    UNION ALL SELECT 'audit', subject::text || ' ' || action FROM audit WHERE subject = ANY (%(all)s) AND kind = 'profiles' AND action <> 'read row'
    UNION ALL SELECT 'audit', subject::text || ' ' || action || ' found' FROM unnest(audit_lines(%(all)s, NULL, NULL, NULL, NULL, NULL, NULL, 1000)) AS line
        JOIN audit ON id = line WHERE kind = 'profiles' AND action <> 'read row'
    UNION ALL SELECT 'audit', subject::text || ' ' || action || ' found by time' FROM unnest(audit_lines(NULL, NULL, %(actions)s, %(since)s, NULL, NULL, NULL, 1000)) AS line
        JOIN audit ON id = line WHERE subject = ANY (%(all)s) AND kind = 'profiles'
    UNION ALL SELECT 'audit line hidden', line::text FROM unnest(audit_lines(%(all)s, NULL, NULL, NULL, NULL, NULL, NULL, 1000)
        || audit_lines(NULL, NULL, NULL, %(since)s, NULL, NULL, NULL, 1000)) AS line LEFT JOIN audit ON id = line WHERE id IS NULL
"""


@dataclass
class Thing:
    """A secret thing as the model has it; ``named`` is one list for as long as the thing stays RED."""

    kind: str
    id: UUID
    owner: int
    level: TLP
    named: list[str]
    history: list[tuple[int, TLP, list[str]]] = field(default_factory=list)
    acts: list[tuple[str, TLP, list[str]]] = field(default_factory=list)
    version: int = 1


people = st.lists(
    st.tuples(st.integers(0, ORGANISATIONS - 1), st.sampled_from(TLP), st.integers(0, 9).map(bool)),
    min_size=len(ROLES),
    max_size=len(ROLES),
)
society = st.fixed_dictionaries({
    "community": st.lists(st.booleans(), min_size=ORGANISATIONS, max_size=ORGANISATIONS),
    "clients": st.sets(
        st.tuples(st.integers(0, ORGANISATIONS - 1), st.integers(0, ORGANISATIONS - 1)).filter(
            lambda pair: pair[0] != pair[1]
        ),
        max_size=3,
    ),
    "people": people,
})  # fmt: skip
marked = st.tuples(
    st.integers(0, ORGANISATIONS - 1), st.sampled_from(TLP), st.sets(st.integers(0, len(ROLES) - 1), max_size=3)
)  # fmt: skip
relabelled = st.tuples(
    st.integers(0, 7), st.sampled_from(TLP), st.sets(st.integers(0, len(ROLES) - 1), max_size=3)
)
worlds = st.fixed_dictionaries({
    "before": society,
    "after": society,
    "profiles": st.lists(marked, min_size=1, max_size=4),
    "others": st.lists(marked, min_size=3, max_size=3),
    "relabelled": st.lists(relabelled, max_size=6),
})  # fmt: skip


class World:
    """One example, in the model and in the database."""

    def __init__(self, town: Any, con: psycopg.Connection, members: dict[str, psycopg.Connection]) -> None:
        self.con, self.members = con, members
        self.roles = [town.role(name) for name in ROLES]
        self.tag = f"world-{uuid4().hex[:12]}"
        self.number = next(_WORLD)
        self.organisations = [
            con.execute(
                "INSERT INTO organisations (name) VALUES (%s) RETURNING id", (f"{self.tag} {n}",)
            ).fetchone()[0]
            for n in range(ORGANISATIONS)
        ]
        self.begun = con.execute("SELECT clock_timestamp()").fetchone()[0]
        self.things: list[Thing] = []
        self.society: Any = None

    def settle(self, society: Any) -> None:
        """Make organisations and members what they are in a society."""
        self.society = society
        with self.con.transaction():
            self.con.execute("DELETE FROM clients WHERE owner = ANY (%s)", (self.organisations,))
            for organisation, inside in zip(self.organisations, society["community"], strict=True):
                self.con.execute(
                    "UPDATE organisations SET in_community = %s WHERE id = %s", (inside, organisation)
                )
            for owner, client in society["clients"]:
                self.con.execute("INSERT INTO clients VALUES (%s, %s)", (self.organisations[owner], self.organisations[client]))  # fmt: skip
            for role, (organisation, level, active) in zip(self.roles, society["people"], strict=True):
                self.con.execute("UPDATE members SET organisation = %s, active = %s WHERE role = %s", (self.organisations[organisation], active, role))  # fmt: skip
                self.con.execute("UPDATE clearances SET level = %s WHERE role = %s", (int(level), role))

    def add(self, kind: str, owner: int, level: TLP, named: set[int]) -> Thing:
        columns = {
            "profiles": ("address, tags, notes", [f"10.0.0.0/{8 + len(self.things)}", [self.tag], self.tag]),
            "investigations": ("name", [f"{self.tag} {len(self.things)}"]),
            "entities": ("kind, name", ["malware", self.tag]),
            "watchlists": ("name, asn", [self.tag, 4200000000]),
        }
        names, values = columns[kind]
        roles = [self.roles[n] for n in named] if level == TLP.RED else []
        row = self.con.execute(
            f"INSERT INTO {kind} (owner, secrecy, {names}) VALUES (%s, %s{', %s' * len(values)}) RETURNING id",
            (self.organisations[owner], int(level), *values),
        ).fetchone()
        for role in roles:
            self.con.execute(
                "INSERT INTO recipients (role, thing, named_by) VALUES (%s, %s, 'x')", (role, row[0])
            )
        thing = Thing(kind, row[0], owner, level, roles)
        thing.acts.append(("create", level, roles))
        self.things.append(thing)
        return thing

    def hang(self) -> None:
        """Something of each kind on each profile, and links of all to all."""
        investigation, entity, watchlist = (self._of(kind)[0].id for kind in KINDS[1:])
        for profile in self._of("profiles"):
            self.con.execute(
                "INSERT INTO evidence (profile, source, category) VALUES (%s, 's', 'tor')", (profile.id,)
            )
            self.con.execute("INSERT INTO sightings (profile, first_seen, last_seen) VALUES (%s, now(), now())", (profile.id,))  # fmt: skip
            self.con.execute("INSERT INTO footprint (profile, kind, value, source) VALUES (%s, 'domain', 'a.example', 's')", (profile.id,))  # fmt: skip
            self.con.execute("INSERT INTO investigation_profiles (investigation, profile) VALUES (%s, %s)", (investigation, profile.id))  # fmt: skip
            self.con.execute("INSERT INTO entity_profiles (entity, profile, relation) VALUES (%s, %s, 'uses')", (entity, profile.id))  # fmt: skip
            self.con.execute(
                "INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says) "
                "SELECT w.id, w.audience, p.id, p.audience, 'told ' || p.id, 'x' FROM watchlists w, profiles p WHERE w.id = %s AND p.id = %s",
                (watchlist, profile.id),
            )

    def relabel(self, index: int, level: TLP, named: set[int]) -> None:
        """Set a level, as the first member who may; where nobody may, the first of the organisation is refused."""
        thing = self.things[index % len(self.things)]
        roles = [
            self.roles[n] for n in sorted(named) if self._active(n) and self._member(n).clearance == TLP.RED
        ]
        for n, role in enumerate(self.roles):
            me = self._member(n)
            future = Marking(level, self._organisation(thing.owner), frozenset([*roles, role]))
            allowed = (
                self._active(n) and self.society["people"][n][0] == thing.owner
                and may_see(me, self._marking(thing.level, thing)) and may_see(me, future)
            )  # fmt: skip
            ask = self.members[ROLES[n]].execute
            arguments = (
                thing.kind,
                thing.id,
                thing.version,
                int(level),
                roles if level == TLP.RED else None,
            )
            query = "SELECT set_secrecy(%s, %s, %s, %s::smallint, 'because', %s::name[])"
            if not allowed:
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.NoDataFound)):
                    ask(query, arguments)
                continue
            ask(query, arguments)
            self._relabelled(thing, level, {*roles, role} if level == TLP.RED else set())
            return

    def _relabelled(self, thing: Thing, level: TLP, named: set[str]) -> None:
        thing.history.append((thing.version, thing.level, thing.named))
        thing.acts.append(("update", thing.level, thing.named))
        thing.acts.append(("set secrecy", thing.level, thing.named))
        thing.version += 1
        if level == thing.level == TLP.RED:
            thing.named[:] = named
        else:
            thing.level, thing.named = level, list(named)

    def expected(self, n: int) -> Counter[tuple[str, str]]:
        """What the rule lets the member see."""
        found: Counter[tuple[str, str]] = Counter()
        if not self._active(n):
            return found
        me = self._member(n)
        seen = [thing for thing in self.things if may_see(me, self._marking(thing.level, thing))]
        for thing in seen:
            found[(thing.kind, str(thing.id))] += 1
        profiles = [thing for thing in seen if thing.kind == "profiles"]
        for profile in profiles:
            for child in ("matching tag", "matching text", "matching network", "evidence", "sightings", "footprint"):  # fmt: skip
                found[(child, str(profile.id))] += 1
            for kind, link in (
                ("investigations", "investigation links"),
                ("entities", "entity links"),
                ("watchlists", "alerts"),
            ):
                for other in (thing for thing in seen if thing.kind == kind):
                    found[(link, f"{other.id}{profile.id}")] += 1
            for version, level, named in profile.history:
                if may_see(me, self._marking(level, profile, named)):
                    found[("history", f"{profile.id}{version}")] += 1
            for action, level, named in profile.acts:
                own = self.society["people"][n][0] == profile.owner
                if own and may_see(me, self._marking(level, profile, named)):
                    for how in ("", " found", " found by time"):
                        found[("audit", f"{profile.id} {action}{how}")] += 1
        return found

    def answered(self, n: int) -> Counter[tuple[str, str]]:
        """What the database gives her."""
        actions = ["create", "update", "set secrecy"]
        values = {"all": [thing.id for thing in self.things], "tag": self.tag, "actions": actions, "since": self.begun}  # fmt: skip
        return Counter(self.members[ROLES[n]].execute(SEEN, values).fetchall())

    def agree(self) -> None:
        for n, role in enumerate(self.roles):
            assert self.answered(n) == self.expected(n), role

    def _of(self, kind: str) -> list[Thing]:
        return [thing for thing in self.things if thing.kind == kind]

    def _active(self, n: int) -> bool:
        active: bool = self.society["people"][n][2]
        return active

    def _organisation(self, n: int) -> Organisation:
        clients = frozenset(f"o{client}" for owner, client in self.society["clients"] if owner == n)
        return Organisation(f"o{n}", clients, self.society["community"][n])

    def _member(self, n: int) -> Member:
        organisation, level, _ = self.society["people"][n]
        return Member(self.roles[n], self._organisation(organisation), level)

    def _marking(self, level: TLP, thing: Thing, named: list[str] | None = None) -> Marking:
        return Marking(
            level, self._organisation(thing.owner), frozenset(thing.named if named is None else named)
        )


@pytest.fixture(scope="module")
def connections(shared_town: Any) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    con = shared_town.superuser()
    con.execute("SET synchronous_commit = off")
    members = {name: shared_town.sql(name) for name in ROLES}
    yield shared_town, con, members
    for each in (con, *members.values()):
        each.close()


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(world=worlds)
def test_the_database_shows_what_the_rule_allows_and_nothing_else(connections: Any, world: Any) -> None:
    made = World(*connections)
    made.settle(world["before"])
    for owner, level, named in world["profiles"]:
        made.add("profiles", owner, level, named)
    for kind, (owner, level, named) in zip(KINDS[1:], world["others"], strict=True):
        made.add(kind, owner, level, named)
    made.hang()
    made.agree()
    for index, level, named in world["relabelled"]:
        made.relabel(index, level, named)
    made.agree()
    made.settle(world["after"])
    made.agree()
