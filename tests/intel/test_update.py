"""What an update does to the sources at hand when servers change, fail, or never end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli.commands import workbench
from workbench.intel import (
    Category,
    Layer,
    Reliability,
    Source,
    SourceError,
    fetch,
    holdings,
    library,
    packages,
    refresh,
)
from workbench.intel.locking import locked_if_free
from workbench.intel.providers import keys
from workbench.intel.refresh import Updated, last_failures, update
from workbench.intel.updates import Updates, bars


class Site:
    """Files by path, each with its ETag; ``asked`` holds path and If-None-Match of every request."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etags = True
        self.modified: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.endless: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        self.meeting: threading.Barrier | None = None
        self.closing = threading.Event()
        self.url = ""

    def source(self, name: str, *paths: str, **changes: Any) -> Source:
        locations = tuple(f"{self.url}/{path}" for path in (paths or (name,)))
        made = Source(
            id=name, title=name, parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B, licence="own",
            attribution="tests", category=Category.ATTACKER, location=locations, refresh=timedelta(0),
        )  # fmt: skip
        return replace(made, **changes)


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            state.asked.append((self.path, self.headers.get("If-None-Match")))
            if state.meeting is not None:
                state.meeting.wait(20)
            if path in state.endless:
                self.send_response(200)
                self.end_headers()
                while not state.closing.wait(0.05):
                    self.wfile.write(b"9.9.9.9\n")
                return
            if path in state.redirects:
                self.send_response(302)
                self.send_header("Location", state.redirects[path])
                self.end_headers()
                return
            body = state.files.get(path)
            etag = f'"{hash(body)}"'
            if body is None:
                self.send_error(404)
            elif state.etags and self.headers.get("If-None-Match") == etag:
                self.send_response(304)
                self.end_headers()
            else:
                self.send_response(200)
                if state.etags:
                    self.send_header("ETag", etag)
                if path in state.modified:
                    self.send_header("Last-Modified", state.modified[path])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    state.closing.set()
    httpd.shutdown()
    httpd.server_close()


def run(*sources: Source, **options: Any) -> list[Updated]:
    return update(
        [s.id for s in sources], catalogue={s.id: s for s in sources}, allow_private=True, **options
    )


def outcome(*sources: Source, **options: Any) -> list[str]:
    return [result.status for result in run(*sources, **options)]


def test_of_several_files_the_unchanged_are_asked_for_only_where_another_changed(
    home: Path, site: Site
) -> None:
    site.files |= {"v4": b"9.9.9.1\n", "v6": b"2001:4860::1\n"}
    both = site.source("both", "v4", "v6")
    assert outcome(both) == ["updated"]
    site.asked.clear()
    assert outcome(both) == ["unchanged"]
    assert len(site.asked) == 2
    assert all(etag for _, etag in site.asked)
    site.files["v6"] = b"2001:4860::2\n2001:4860::9\n"
    site.asked.clear()
    assert outcome(both) == ["updated"]
    assert [(path, etag is None) for path, etag in site.asked] == [("/v4", False), ("/v6", False), ("/v4", True)]  # fmt: skip
    built = library.build(only=False)
    assert next(s.entries for s in built.sources if s.id == "both") == 3


def test_several_sources_are_fetched_at_once(home: Path, site: Site) -> None:
    """The server answers none before it was asked for all."""
    names = ["a", "b", "c"]
    site.files |= dict.fromkeys(names, b"9.9.9.1\n")
    site.meeting = threading.Barrier(3)
    assert outcome(*map(site.source, names)) == ["updated"] * 3


def test_the_same_bytes_from_a_server_without_etags_are_no_change(home: Path, site: Site) -> None:
    site.etags = False
    site.files["feed"] = b"9.9.9.1\n"
    feed = site.source("feed")
    assert [outcome(feed), outcome(feed), outcome(feed, force=True)] == [
        ["updated"],
        ["unchanged"],
        ["updated"],
    ]


def test_a_changed_catalogue_entry_is_fetched_though_neither_due_nor_changed(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    feed = site.source("feed", refresh=timedelta(days=1))
    assert [outcome(feed), outcome(feed)] == [["updated"], ["not due"]]
    assert outcome(replace(feed, category=Category.SCANNER)) == ["updated"]
    assert [i.source.category for i in holdings.available() if i.source.id == "feed"] == [Category.SCANNER]


def test_any_failure_is_one_of_its_source_alone(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files |= {"a": b"9.9.9.1\n", "b": b"9.9.9.2\n", "d": b"<!doctype html><html>down</html>"}
    site.redirects["c"] = "https://[::1"
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    real = holdings.add

    def trips(source: Source, *rest: Any) -> holdings.SourceFile:
        if source.id == "b":
            raise ZeroDivisionError("a parser\x1b[31m with a flaw")
        return real(source, *rest)

    monkeypatch.setattr(holdings, "add", trips)
    results = run(*(site.source(name) for name in "abcd"))
    assert [r.status for r in results] == ["updated", "failed", "failed", "failed"]
    assert results[1].detail == "ZeroDivisionError: a parser [31m with a flaw"
    assert [f.id for f in last_failures()] == ["b", "c", "d"]
    assert "HTML" in results[3].detail


def test_the_list_tells_the_last_error_until_the_source_is_well_again(home: Path, site: Site) -> None:
    feed = site.source("feed")
    assert outcome(feed) == ["failed"]
    shown = CliRunner().invoke(workbench, ["intel", "list"], env={"COLUMNS": "200"})
    assert "feed: refresh failed" in shown.stdout
    assert "answered 404" in shown.stdout
    site.files["feed"] = b"9.9.9.1\n"
    assert outcome(feed) == ["updated"]
    assert last_failures() == []


def test_the_list_tells_age_entries_and_licence_and_which_dates_are_of_the_fetching(
    home: Path, site: Site
) -> None:
    site.files |= {"dated": b"# Last update: 2026-08-22\n9.9.9.1\n9.9.9.2\n", "undated": b"9.9.9.1\n"}
    run(site.source("dated"), site.source("undated"))
    shown = CliRunner().invoke(workbench, ["intel", "list"], env={"COLUMNS": "200"})
    lines = {line.split()[0]: " ".join(line.split()) for line in shown.stdout.splitlines() if line.strip()}
    days = (datetime.now(UTC) - datetime(2026, 8, 22, tzinfo=UTC)).days
    assert f"attacker 2026-08-22 {days} d 2 added B own" in lines["dated"]
    assert f"attacker fetched {datetime.now(UTC):%Y-%m-%d} 0 d 1 added" in lines["undated"]
    assert "attacker 2026-10-04" in lines["exercise"]
    assert lines["exercise"].endswith("d 2 pack B Apache-2.0")
    assert "fetched 20" in repr(holdings.available())


def test_a_list_without_a_date_is_as_old_as_the_server_says_and_weighs_less_for_it(
    home: Path, site: Site
) -> None:
    """An abandoned feed answers for years; who fetches it today must not take it for today's."""
    site.files |= {"kept": b"9.9.9.1\n", "left": b"9.9.9.2\n"}
    now = datetime.now(UTC)
    site.modified |= {"kept": format_datetime(now), "left": format_datetime(now - timedelta(days=600))}
    assert outcome(site.source("kept"), site.source("left")) == ["updated", "updated"]
    dated = {item.source.id: item.dated for item in holdings.available()}
    assert dated["left"] == f"{now - timedelta(days=600):%Y-%m-%d}"
    library.build()
    kept, left = wb.lookup("9.9.9.1"), wb.lookup("9.9.9.2")
    assert left.verdict != kept.verdict == "malicious"
    assert left.reputation < kept.reputation / 5
    assert f"{now - timedelta(days=600):%Y-%m-%d}" in repr(left)


@pytest.mark.parametrize(
    "said", ["Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "Sat, 01 Jan 2199 00:00:00 GMT"]
)
def test_a_date_that_cannot_be_is_not_taken_from_a_server(home: Path, site: Site, said: str) -> None:
    site.files["feed"], site.modified["feed"] = b"9.9.9.1\n", said
    assert outcome(site.source("feed")) == ["updated"]
    (added,) = (item for item in holdings.available() if item.origin == "added")
    assert added.dated == f"fetched {datetime.now(UTC):%Y-%m-%d}"


def test_of_several_files_the_oldest_dates_them(home: Path, site: Site) -> None:
    site.files |= {"v4": b"9.9.9.1\n", "v6": b"2001:4860::1\n"}
    site.modified |= {"v4": "Sat, 22 Aug 2026 08:00:00 GMT", "v6": "Sun, 23 Aug 2026 08:00:00 GMT"}
    assert outcome(site.source("both", "v4", "v6")) == ["updated"]
    (added,) = (item for item in holdings.available() if item.origin == "added")
    assert added.dated == "2026-08-22"


def test_being_asked_too_early_does_not_hide_an_error(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    feed = site.source("feed", refresh=timedelta(days=1))
    run(feed)
    del site.files["feed"]
    assert [outcome(feed, force=True), outcome(feed)] == [["failed"], ["not due"]]
    assert [failure.id for failure in last_failures()] == ["feed"]


def test_a_key_goes_to_the_server_and_nowhere_else(home: Path, site: Site) -> None:
    keyed = site.source("keyed", "keyed?token={SOME_TOKEN}")
    assert [(r.status, r.detail) for r in run(keyed, keys={})] == [
        ("skipped", "needs SOME_TOKEN: set the environment variable, or workbench intel key set SOME_TOKEN")
    ]
    (failed,) = run(keyed, keys={"SOME_TOKEN": "s3cret"})
    site.files["keyed"] = b"9.9.9.1\n"
    assert outcome(keyed, keys={"SOME_TOKEN": "s3cret"}) == ["updated"]
    assert [path for path, _ in site.asked] == ["/keyed?token=s3cret"] * 2
    written = "".join(p.read_text("latin-1") for p in home.rglob("*") if p.is_file())
    assert "s3cret" not in failed.detail + written
    assert "SOME_TOKEN" in failed.detail


def test_a_key_of_the_catalogue_comes_from_the_environment_or_the_keyring(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(keys, "_from_keyring", kept.get)
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    site.files["keyed"] = b"9.9.9.1\n"
    keyed = site.source("keyed", "keyed?token={SOME_TOKEN}")
    assert outcome(keyed) == ["skipped"]
    kept["SOME_TOKEN"] = "from-the-keyring"
    assert outcome(keyed, force=True) == ["updated"]
    monkeypatch.setenv("SOME_TOKEN", "from-the-environment")
    assert outcome(keyed, force=True) == ["updated"]
    assert [path.partition("=")[2] for path, _ in site.asked] == ["from-the-keyring", "from-the-environment"]
    told = CliRunner().invoke(workbench, ["intel", "key", "set", "NO_SUCH_KEY"], input="x")
    assert "keys of the catalogue: IPINFO_TOKEN, MAXMIND_LICENSE_KEY" in told.stderr


def test_one_name_is_one_source(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    assert [r.status for r in update("feed", catalogue={"feed": site.source("feed")}, allow_private=True)] == ["updated"]  # fmt: skip


def test_a_folder_gives_all_files_of_a_source_that_has_several(
    home: Path, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("usb")
    alone = folder / "v4-2026-08-22.txt"
    alone.write_text("9.9.9.1\n")
    assert outcome(site.source("one"), files={"one": folder}, offline=True) == ["updated"]
    alone.unlink()
    both = site.source("both", "v4.txt", "v6.txt")
    (folder / "v4.txt").write_text("9.9.9.1\n")
    (failed,) = run(both, files={"both": folder}, offline=True)
    assert "must hold v4.txt and v6.txt" in failed.detail
    (folder / "v6.txt").write_text("2001:4860::1\n")
    assert outcome(both, files={"both": folder}, offline=True) == ["updated"]
    assert next(s.entries for s in library.build().sources if s.id == "both") == 2
    assert site.asked == []


def test_what_a_killed_update_left_is_taken_away_by_a_later_one(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    old, young = (home / "sources" / "feed" / f".fetching-{n}" for n in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
    long_ago = time.time() - 2 * refresh.ABANDONED
    os.utime(old, (long_ago, long_ago))
    assert outcome(site.source("feed")) == ["updated"]
    assert (old.exists(), young.exists()) == (False, True)


def test_ctrl_c_ends_an_endless_fetch_and_keeps_what_was_there(home: Path, site: Site) -> None:
    site.files |= {"feed": b"9.9.9.1\n", "quick": b"9.9.9.2\n"}
    run(site.source("feed"))
    site.endless.add("feed")
    site.asked.clear()
    # What runs in the background of a shell is born deaf to Ctrl-C.
    script = f"""
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from workbench.intel import Category, Layer, Reliability, Source
from workbench.intel.refresh import update
known = {{n: Source(id=n, title=n, parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B, licence="own",
    attribution="tests", category=Category.ATTACKER, location=({site.url!r} + "/" + n,), refresh=timedelta(0)) for n in ("quick", "feed")}}
try:
    update(catalogue=known, allow_private=True, force=True, jobs=2)
except KeyboardInterrupt:
    sys.exit(42)
"""
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ})
    quick = home / "sources" / "quick" / "fetched.json"
    for _ in range(600):
        if quick.exists() and "/feed" in [path for path, _ in site.asked]:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 42
    files = {item.source.id: item.path.read_bytes() for item in holdings.available()}
    assert files["feed"] == b"9.9.9.1\n"
    assert files["quick"] == b"9.9.9.2\n"
    assert list(home.rglob(".fetching-*")) == []
    assert last_failures() == []


def test_what_an_interrupted_update_took_in_is_built_by_the_next_though_nothing_is_new(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    feed = site.source("feed", refresh=timedelta(days=1))
    assert outcome(feed) == ["updated"]
    assert not library.is_built()
    monkeypatch.setattr(refresh, "load", lambda: {"feed": feed})
    shown = CliRunner().invoke(workbench, ["intel", "update"])
    assert shown.exit_code == 0
    assert "not due" in shown.stdout
    assert "feed" in [source.id for source in library.current().sources]
    built = library.snapshot_ids()
    again = CliRunner().invoke(workbench, ["intel", "update"])
    assert library.snapshot_ids() == built
    assert "sources, as of" not in again.stdout


def test_a_source_that_another_process_fetches_is_left_to_it(home: Path, site: Site) -> None:
    site.files |= {"feed": b"9.9.9.1\n", "other": b"9.9.9.2\n"}
    folder = home / "sources" / "feed"
    folder.mkdir(parents=True)
    with locked_if_free(folder, ".updating") as mine:
        assert mine
        results = run(site.source("feed"), site.source("other"))
    assert [(r.id, r.status) for r in results] == [("feed", "skipped"), ("other", "updated")]
    assert results[0].detail == "another process is fetching it"
    assert outcome(site.source("feed")) == ["updated"]


def test_each_source_tells_how_far_it_is(home: Path, site: Site) -> None:
    site.files |= {"short": b"9.9.9.1\n", "long": b"9.9.9.1\n" * 100_000}
    told: dict[str, list[tuple[int, int | None]]] = {"short": [], "long": []}
    outcome(site.source("short"), site.source("long"), progress=lambda name, *far: told[name].append(far))  # type: ignore[arg-type]
    for name, far in told.items():
        assert far[0] == (0, None)
        assert far[-1] == (len(site.files[name]), len(site.files[name]))
        assert [done for done, _ in far] == sorted(done for done, _ in far)


def test_bars_show_what_is_under_way_and_how_many_are_done(home: Path, site: Site) -> None:
    from rich.console import Console

    screen = Console(file=io.StringIO(), force_terminal=True, width=80, legacy_windows=False)
    with bars(3, console=screen) as drawn:
        drawn.progress("feed", 1_500_000, 3_000_000)
        drawn.finished(Updated("other", "failed", "404"))
        drawn.finished(Updated("third", "updated"))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "feed" in shown
    assert "1.5 MB of 3.0 MB" in shown
    assert "2 of 3, 1 failed" in shown


def test_the_results_read_as_a_table_and_say_what_comes_next(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    results = run(site.source("feed"), site.source("gone"))
    assert [line.split()[:2] for line in repr(results).splitlines()[1:3]] == [
        ["updated", "feed"],
        ["failed", "gone"],
    ]
    assert results.summary == "1 updated, 1 failed; wb.intel.build() takes them in"
    hostile = Updates([Updated("x", "failed", "<script>alert(1)</script>")])
    assert "<script>" not in hostile._repr_html_()
    at_hand = holdings.available()
    assert "feed" in repr(at_hand)
    assert "<td" in at_hand._repr_html_()


def test_a_mirror_in_the_own_network_is_fetched_where_ones_own_catalogue_allows_it(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    site.redirects["moved"] = f"{site.url}/feed"
    own = tmp_path_factory.mktemp("etc") / "catalogue.toml"
    monkeypatch.setenv("WORKBENCH_CATALOGUE", str(own))
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    entry = '[{}]\ntitle="x"\nparser="list"\nlayers=["membership"]\ncategory="attacker"\nreliability="B"\nlicence="own"\nattribution="us"\n'
    mirror = entry.format("mirror") + f'location="{site.url}/moved"\nallow_private = true\n'
    other = entry.format("other") + f'location="{site.url.replace("http:", "https:")}/feed"\n'
    own.write_text(mirror + other)
    shown = CliRunner().invoke(workbench, ["intel", "update", "mirror", "other", "--no-build"])
    assert [line.split()[:2] for line in shown.stdout.splitlines()] == [
        ["updated", "mirror"],
        ["failed", "other"],
    ]
    assert (
        "127.0.0.1, inside the own network: not fetched, unless the source has allow_private" in shown.stdout
    )
    assert [path for path, _ in site.asked] == ["/moved", "/feed"]
    own.write_text(mirror.replace("true", '"yes"'))
    shown = CliRunner().invoke(workbench, ["intel", "update", "mirror"])
    assert "allow_private = 'yes'; it must be true or false" in shown.stderr


def test_offline_without_a_file_says_what_is_wanted(home: Path) -> None:
    shown = CliRunner().invoke(workbench, ["intel", "update", "--offline"])
    assert shown.exit_code == 2
    assert "name a file with --from ID=PATH" in shown.stderr
    assert update(offline=True) == []


def test_the_catalogue_tells_what_could_be_fetched_and_the_key_it_needs(home: Path) -> None:
    shown = CliRunner().invoke(workbench, ["intel", "list", "--all"], env={"COLUMNS": "200"})
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    assert "MAXMIND_LICENSE_KEY" in lines["geolite2-city"]
    assert "(by name)" in lines["geolite2-city"]
    assert "1 h" in lines["tor-exits"]


def archive_of(folder: Path, kind: str, content: bytes) -> Path:
    path = folder / ("p-1.0-py3-none-any.whl" if kind == "pypi" else "p-1.0.tgz")
    if kind == "pypi":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("data/list.txt", content)
    else:
        with tarfile.open(path, "w:gz") as tar:
            entry = tarfile.TarInfo("package/data/list.txt")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
            link = tarfile.TarInfo("package/link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    return path


@pytest.mark.parametrize("kind", ["npm", "pypi"])
def test_a_package_that_is_damaged_expands_too_far_or_leads_elsewhere_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is replaced by one that lays a made archive where the real one lays its download."""
    damage = False

    def client(location: str, command: list[str], folder: Path, stop: threading.Event) -> None:
        path = archive_of(folder, kind, b"9.9.9.1\n" * 1000)
        if damage:
            path.write_bytes(path.read_bytes()[:60])

    monkeypatch.setattr(packages, "_run", client)
    target = tmp_path / "list.txt"
    packages.from_package(f"{kind}:p#data/list.txt", target)
    assert target.read_bytes() == b"9.9.9.1\n" * 1000
    with pytest.raises(SourceError, match="has no file link"):
        packages.from_package(f"{kind}:p#link", target)
    monkeypatch.setattr(packages, "MAX_MEMBER", 100)
    with pytest.raises(SourceError, match="8,000 bytes are more than the 100 allowed"):
        packages.from_package(f"{kind}:p#data/list.txt", target)
    damage = True
    with pytest.raises(SourceError, match="is damaged"):
        packages.from_package(f"{kind}:p#data/list.txt", target)


def test_a_package_client_that_never_ends_is_ended(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(SourceError, match="interrupted"):
        packages._run("npm:p#x", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, stop)


def test_notes_that_were_cut_are_no_hindrance(home: Path, site: Site) -> None:
    site.files["feed"] = b"9.9.9.1\n"
    feed = site.source("feed")
    run(feed)
    (home / "sources" / "feed" / "fetched.json").write_text('{"fetched": "20')
    assert outcome(feed) == ["updated"]
    assert json.loads((home / "sources" / "feed" / "fetched.json").read_text())["error"] is None


def test_what_was_fetched_by_a_clock_that_ran_ahead_is_due_all_the_same(home: Path, site: Site) -> None:
    site.files["list"] = b"192.0.2.1\n"
    source = site.source("list", refresh=timedelta(days=1))
    assert [outcome(source), outcome(source)] == [["updated"], ["not due"]]
    notes = home / "sources" / "list" / "fetched.json"
    facts = json.loads(notes.read_text())
    notes.write_text(json.dumps({**facts, "fetched": (datetime.now(UTC) + timedelta(days=4000)).isoformat()}))
    assert outcome(source) == ["unchanged"]
    assert outcome(source) == ["not due"]


def test_in_a_notebook_a_line_tells_how_far_it_is_and_goes_in_the_end(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: Any) -> None:
            shown.append(html.data)

    def display(html: Any, display_id: bool) -> Handle:
        shown.append(html.data)
        return Handle()

    pytest.importorskip("IPython", reason="needs the lab extra")
    monkeypatch.setattr("workbench.intel.updates.in_kernel", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    site.files["feed"] = b"9.9.9.1\n"
    assert outcome(site.source("feed"), site.source("gone")) == ["updated", "failed"]
    assert "0 of 2 sources" in shown[0]
    assert "2 of 2 sources, 1 failed" in shown[-2]
    assert shown[-1] == ""
