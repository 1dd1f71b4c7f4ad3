"""A store as its administrator has it: its state, its organisations, members and logins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.secrecy import TLP
from workbench.store.administering.upgrading import newest, upgrade
from workbench.store.errors import NotFound, StoreError, plain

if TYPE_CHECKING:
    import psycopg

__all__ = ["Administration", "MemberRow", "OrganisationRow", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """State of a store: ``schema`` is the migration it is at (None: no store), ``newest`` what this version wants."""

    server: str
    schema: str | None
    newest: str
    counts: dict[str, int]

    def __str__(self) -> str:
        if self.schema is None:
            return f"PostgreSQL {self.server}: no store; make one: workbench store init"
        if self.schema == self.newest:
            state = "up to date"
        elif self.schema > self.newest:
            state = f"newer than {self.newest} of this version: update the workbench"
        else:
            state = f"behind {self.newest}: workbench store migrate"
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"PostgreSQL {self.server}: schema {self.schema}, {state}\n{counts}"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as the administrator set her up. ``countries``: those she may use the API from, None for any."""

    role: str
    organisation: str
    clearance: TLP
    countries: list[str] | None
    display_name: str
    active: bool

    def __str__(self) -> str:
        who = f"{self.role} ({self.display_name})" if self.display_name else self.role
        state = f"cleared up to {self.clearance}" if self.active else "suspended"
        where = f", API from {', '.join(self.countries)} only" if self.countries else ""
        return f"{who} of {self.organisation}, {state}{where}"


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation; ``client_of`` are those whose TLP:AMBER is for it too."""

    name: str
    in_community: bool
    client_of: list[str]

    def __str__(self) -> str:
        place = "in the community" if self.in_community else "outside the community"
        return f"{self.name}: {place}" + "".join(f", client of {owner}" for owner in self.client_of)


class Administration:
    """A connection of the database's administrator: a superuser, or a role that may create roles and owns the
    database. Use it in a ``with`` block.

    Raises:
        Unreachable: no connection.
    """

    def __init__(self, url: str) -> None:
        import psycopg

        self._url = url
        with plain("the store"):
            self.con: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)

    def __enter__(self) -> Administration:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def migrate(self) -> Status:
        """Make the schema, or bring it up to this version, in one transaction: all of it or nothing.

        Raises:
            StoreError: the server is older than PostgreSQL 15, or the store newer than this version.
            PermissionError: the role may not create roles or schemas.
        """
        if self.con.info.server_version < 150000:
            raise StoreError(f"PostgreSQL 15 or newer is needed, this is {self._server()}")
        self._not_newer(self.status())
        upgrade(self._url)
        return self.status()

    def _not_newer(self, state: Status) -> None:
        if state.schema is not None and state.schema > state.newest:
            raise StoreError(
                f"the store is at schema {state.schema}, newer than this version of the workbench, which knows "
                f"{state.newest}: update the workbench; nothing was changed"
            )

    def status(self) -> Status:
        """Version of the server and the schema, and how much is in it."""
        (there,) = self._one("SELECT to_regclass('workbench.migrations')")
        schema = self._one("SELECT version_num FROM workbench.migrations")[0] if there else None
        counts: dict[str, int] = {}
        if schema:
            with plain("the store"), self._as_warden():
                for name in ("organisations", "members", "profiles", "investigations"):
                    counts[name] = int(self._one(f"SELECT count(*) FROM workbench.{name}")[0])
        return Status(self._server(), schema, newest(), counts)

    def add_organisation(
        self, name: str, *, client_of: Iterable[str] = (), in_community: bool | None = None
    ) -> None:
        """Add an organisation, or set whose client it is and whether it belongs to the community: a new one does unless
        told otherwise, one that is there stays as it is.

        Raises:
            NotFound: an organisation it is to be client of does not exist.
        """
        with plain(f"organisation {name!r}"), self.con.transaction(), self._as_warden():
            self.con.execute(
                "INSERT INTO workbench.organisations AS o (name, in_community) VALUES (%s, coalesce(%s, true)) "
                "ON CONFLICT (name) DO UPDATE SET in_community = coalesce(%s, o.in_community)",
                (name, in_community, in_community),
            )
            for owner in client_of:
                self.con.execute(
                    "INSERT INTO workbench.clients (owner, client) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (self._organisation(owner), self._organisation(name)),
                )

    def remove_client(self, owner: str, client: str) -> None:
        """From now on ``client`` sees no AMBER of ``owner``."""
        with plain(f"client {client!r}"), self.con.transaction(), self._as_warden():
            self.con.execute(
                "DELETE FROM workbench.clients WHERE owner = %s AND client = %s",
                (self._organisation(owner), self._organisation(client)),
            )

    def add_member(
        self,
        role: str,
        organisation: str,
        clearance: TLP | str = TLP.AMBER,
        *,
        display_name: str = "",
        countries: Iterable[str] | None = None,
        password: str | None = None,
    ) -> None:
        """Make a database role a member of an organisation, creating the role if there is none, or change what
        she is cleared for.

        ``countries`` are the ISO 3166-1 alpha-2 codes she may use the API from; None: any.

        Raises:
            NotFound: no such organisation.
            ValueError: a code is not one of a country.
            StoreError: the role is a superuser or may bypass the policies.
        """
        from psycopg import sql

        from workbench.enrichment.countries import country_code

        allowed = sorted({country_code(text) for text in countries}) if countries is not None else None
        level = TLP.parse(clearance)
        with plain(f"member {role!r}"), self.con.transaction():
            self._make_role(role)
            if password is not None:
                self.con.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(password)
                    )
                )
            with self._as_warden():
                self.con.execute(
                    "INSERT INTO workbench.members (role, organisation, display_name) VALUES (%s, %s, %s) ON CONFLICT (role) "
                    "DO UPDATE SET organisation = excluded.organisation, display_name = excluded.display_name, active = true",
                    (role, self._organisation(organisation), display_name),
                )
                self.con.execute(
                    "INSERT INTO workbench.clearances (role, level, countries) VALUES (%s, %s, %s) "
                    "ON CONFLICT (role) DO UPDATE SET level = excluded.level, countries = excluded.countries",
                    (role, int(level), allowed),
                )

    def add_api_login(self, role: str, *, password: str | None = None) -> None:
        """Make a role that the API server logs in as: by itself it sees nothing, and it may take on every member's.

        Raises:
            StoreError: the role is there and is a member, a superuser, or may bypass the policies.
        """
        from psycopg import sql

        name = sql.Identifier(role)
        with plain(f"login {role!r}"), self.con.transaction():
            found = self.con.execute(
                "SELECT rolsuper OR rolbypassrls OR pg_has_role(rolname, 'workbench_member', 'USAGE') FROM pg_roles WHERE rolname = %s",
                (role,),
            ).fetchone()
            if found is None:
                self.con.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            elif found[0]:
                raise StoreError(
                    f"{role} is a member, a superuser, or bypasses row-level security: give the API a role of its own"
                )
            if password is not None:
                self.con.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
                )
            self.con.execute(sql.SQL("GRANT workbench_api TO {}").format(name))

    def organisations(self) -> list[OrganisationRow]:
        """All of them, by name."""
        with plain("the organisations"), self.con.transaction(), self._as_warden():
            found = self.con.execute(
                "SELECT o.name, o.in_community, array(SELECT w.name FROM workbench.clients c JOIN workbench.organisations w ON w.id = c.owner "
                "WHERE c.client = o.id ORDER BY 1) FROM workbench.organisations o ORDER BY 1"
            ).fetchall()
        return [OrganisationRow(*row) for row in found]

    def organisation(self, name: str) -> OrganisationRow:
        """One of them.

        Raises:
            NotFound: there is none of this name.
        """
        for each in self.organisations():
            if each.name == name:
                return each
        raise NotFound(f"there is no organisation {name!r}")

    def members(self) -> list[MemberRow]:
        """All of them, also those suspended, by organisation and role."""
        with plain("the members"), self.con.transaction(), self._as_warden():
            found = self.con.execute(
                "SELECT m.role::text, o.name, c.level, c.countries::text[], m.display_name, m.active FROM workbench.members m "
                "JOIN workbench.organisations o ON o.id = m.organisation JOIN workbench.clearances c USING (role) ORDER BY 2, 1"
            ).fetchall()
        return [
            MemberRow(role, organisation, TLP(level), countries, name, active)
            for role, organisation, level, countries, name, active in found
        ]

    def make_server_roles(self) -> None:
        """Make the roles that every store on this server rests on, where they are not there."""
        from workbench.store.administering.migrations.steps import SQL

        with plain("the roles"):
            self.con.execute((SQL / "roles.sql").read_text(encoding="utf-8").encode())

    def make_roles(self) -> list[str]:
        """Make the database roles of the members that this server does not have, as after a restore; their names."""
        known = {row[0] for row in self.con.execute("SELECT rolname FROM pg_roles").fetchall()}
        made = []
        for member in self.members():
            with plain(f"member {member.role!r}"), self.con.transaction():
                self._make_role(member.role)
            if member.role not in known:
                made.append(member.role)
        return made

    def suspend_member(self, role: str) -> None:
        """From now on she sees nothing, over an open connection too. :meth:`add_member` lets her in again.

        Raises:
            NotFound: no such member.
        """
        with plain(f"member {role!r}"), self.con.transaction(), self._as_warden():
            done = self.con.execute("UPDATE workbench.members SET active = false WHERE role = %s", (role,))
            if done.rowcount == 0:
                raise NotFound(f"there is no member {role!r}")

    def _make_role(self, role: str) -> None:
        from psycopg import sql

        name = sql.Identifier(role)
        found = self.con.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", (role,)
        ).fetchone()
        if found is None:
            self.con.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        elif found[0]:
            raise StoreError(
                f"{role} is a superuser or bypasses row-level security: no policy would hold for it"
            )
        self.con.execute(sql.SQL("GRANT workbench_member TO {}").format(name))
        # On 15 it is the API role's NOINHERIT that keeps it from having the member's rights all the time.
        apart = " WITH INHERIT FALSE, SET TRUE" if self.con.info.server_version >= 160000 else ""
        self.con.execute(sql.SQL("GRANT {} TO workbench_api" + apart).format(name))

    def _organisation(self, name: str) -> Any:
        found = self.con.execute("SELECT id FROM workbench.organisations WHERE name = %s", (name,)).fetchone()
        if found is None:
            raise NotFound(
                f"there is no organisation {name!r}: add it first: workbench store organisation NAME"
            )
        return found[0]

    def _as_warden(self) -> _Role:
        return _Role(self.con, "workbench_warden")

    def _server(self) -> str:
        version = self.con.info.server_version
        return f"{version // 10000}.{version % 10000}"

    def _one(self, query: str) -> Any:
        row = self.con.execute(query.encode()).fetchone()
        assert row is not None
        return row


class _Role:
    """For a block, another role: the administrator herself sees no row."""

    def __init__(self, con: psycopg.Connection[Any], role: str) -> None:
        self._con, self._role = con, role

    def __enter__(self) -> None:
        from psycopg import sql

        self._con.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self._role)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not self._con.info.transaction_status.name.startswith("INERROR"):
            self._con.execute("RESET ROLE")
