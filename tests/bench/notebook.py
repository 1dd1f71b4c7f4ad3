"""The board and the map as large as they are promised to be, in a real browser.

Run by hand: ``python tests/bench/notebook.py``. 100,000 addresses with 600,000 hits over a week on a board, on the host
page of the tests: how long from a click on a filter, or a key in the search, to the frame that shows it, and how long
the frames are while it is scrolled. 50,000 addresses with places of their own on a map: how long from opening its file until
it takes clicks. Chromium paints without a graphics card here; the JavaScript of each step is told beside it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebook"))
from hosting import Hosted

import workbench as wb

ROWS, HITS, POINTS = 100_000, 600_000, 50_000

_TIMED = """async () => {
  const root = document.querySelector('.wb-board');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const painted = () => new Promise((done) => requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); }));
  const timed = async (act) => {
    const before = root.dataset.drawn;
    const start = performance.now();
    act();
    while (root.dataset.drawn === before) await painted();
    return performance.now() - start;
  };
  const clear = async () => { root.querySelector('.wb-words .wb-button')?.click(); await frame(); await frame(); };
  const found = {};
  const chips = [...root.querySelectorAll('.wb-verdict:not([hidden])')];
  found['verdict chip'] = [];
  for (let i = 0; i < 24; i++) found['verdict chip'].push(await timed(() => chips[i % chips.length].click()));
  await clear();
  found['country or network'] = [];
  for (const entry of [...root.querySelectorAll('.wb-entry:not([hidden])')].slice(0, 24)) found['country or network'].push(await timed(() => entry.click()));
  await clear();
  const input = root.querySelector('.wb-search');
  const type = (text) => timed(() => { input.value = text; input.dispatchEvent(new Event('input')); });
  await type('x');
  found['key in the search'] = [];
  for (const text of ['1', '19', '192', '192.', 'te', 'tele', 'telecom', 'as4134', '10.0.0.0/8', 'amazon', '9.9', '']) found['key in the search'].push(await type(text));
  const plot = root.querySelector('.wb-time .wb-plot');
  const box = plot.getBoundingClientRect();
  const at = (kind, x) => plot.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: box.left + x * box.width, clientY: box.top + 9, button: 0, pointerId: 1 }));
  plot.setPointerCapture = () => undefined;
  found['step of a brush over time'] = [];
  at('pointerdown', 0.2);
  for (let i = 1; i <= 24; i++) found['step of a brush over time'].push(await timed(() => at('pointermove', 0.2 + i / 40)));
  at('pointerup', 0.8);
  await clear();
  found['sort by a column'] = [];
  for (const head of [...root.querySelectorAll('.wb-heads button')].slice(1)) found['sort by a column'].push(await timed(() => head.click()));
  const scroller = root.querySelector('.wb-scroller');
  found['frame while scrolling'] = [];
  let last = await frame();
  for (let i = 0; i < 240; i++) {
    scroller.scrollTop += i < 120 ? 120 : 12000;
    const now = await frame();
    found['frame while scrolling'].push(now - last);
    last = now;
  }
  return found;
}"""


def main() -> None:
    chance = np.random.default_rng(7)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        _board(browser, chance)
        _map(browser, chance)
        browser.close()


def _board(browser: Any, chance: np.random.Generator) -> None:
    numbers = np.unique(chance.integers(2**24, 0xDFFFFFFF, int(ROWS * 1.25)))
    addresses = pa.array([f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()])
    moments = (1_791_000_000 + np.sort(chance.integers(0, 7 * 86_400, HITS))) * 1_000_000
    log = pa.table({
        "src_ip": addresses.take(pa.array(chance.integers(0, len(addresses), HITS))),
        "ts": pa.array(moments, pa.timestamp("us")),
    })  # fmt: skip
    wb.triage(addresses)  # compiled
    start = time.perf_counter()
    board = wb.board(log, {"HK", "RU"}, limit=ROWS)
    print(f"board of {len(board):,} addresses, {HITS:,} hits: made in {time.perf_counter() - start:.2f} s, {(len(board._rows) + len(board._events)) / 1e6:.1f} MB of Arrow")  # fmt: skip
    hosted = Hosted(browser, board)
    hosted.wait("() => Number(document.querySelector('.wb-board')?.dataset.drawn) > 0")
    hosted.page.wait_for_timeout(1000)
    session = hosted.page.context.new_cdp_session(hosted.page)
    session.send("Profiler.enable")
    session.send("Profiler.start")
    found = hosted.page.evaluate(_TIMED)
    profile = session.send("Profiler.stop")["profile"]
    names = {node["id"]: node["callFrame"]["functionName"] for node in profile["nodes"]}
    idle = ("(idle)", "(program)", "(root)")
    busy = sum(
        d for s, d in zip(profile["samples"], profile["timeDeltas"], strict=True) if names[s] not in idle
    )
    for what, times in found.items():
        print(f"  {what:<28} median {np.median(times):5.0f} ms   p95 {np.percentile(times, 95):5.0f} ms")
    steps = sum(map(len, found.values()))
    print(f"  JavaScript of a step, all {steps} together: {busy / steps / 1000:.1f} ms")
    assert not hosted.errors, hosted.errors
    hosted.close()


def _map(browser: Any, chance: np.random.Generator) -> None:
    table = pa.table({
        "address": [f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(POINTS)],
        "latitude": np.clip(chance.normal(40, 18, POINTS), -60, 75), "longitude": chance.uniform(-170, 175, POINTS),
        "verdict": chance.choice(["malicious", "anonymised", "clean"], POINTS), "reasons": ["listed"] * POINTS, "country": ["US"] * POINTS,
    })  # fmt: skip
    wb.map(table.slice(0, 10))
    start = time.perf_counter()
    drawn = wb.map(table)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "map.html"
        drawn.save(str(file))
        print(f"map of {POINTS:,} addresses: made and saved in {time.perf_counter() - start:.2f} s, {file.stat().st_size / 1e6:.1f} MB")  # fmt: skip
        opened = []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            opened.append(page.evaluate("performance.getEntriesByName('workbench-ready')[0].startTime"))
            page.close()
        print(f"  from opening to interactive: {', '.join(f'{ms / 1000:.2f} s' for ms in opened)}")


if __name__ == "__main__":
    main()
