// The triage board: puts its parts together, keeps what is chosen, and draws each change once a frame.

import { button, data, keepKeys, make, number, roving, say, settled } from "../common/dom.js";
import { LOOKS } from "../common/looks.js";
import { followTheme } from "../common/theme.js";
import { Actions } from "./actions.js";
import { Bars } from "./bars.js";
import { boardColumns } from "./columns.js";
import { Crossfilter } from "./crossfilter.js";
import { Details } from "./details.js";
import { counted, Filters } from "./filters.js";
import { WorldMap } from "./map.js";
import { Orders } from "./order.js";
import { Search } from "./search.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";

let boards = 0;

class Board {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.id = `wb-board-${++boards}`;
    this.facts = model.get("_facts");
    this.columns = boardColumns(model.get("_rows"), model.get("_places"), model.get("_events"));
    this.size = this.columns.size;
    this.filter = new Crossfilter(this.columns, this.facts.time?.bins ?? 0);
    this.filters = new Filters(this.columns, this.facts);
    this.orders = new Orders(this.columns);
    this.search = new Search(this.columns, this.facts.countries);
    this.sorting = { name: null, descending: false };
    this.order = this.orders.by(null);
    this.picked = new Uint8Array(this.size);
    this.pickedCount = 0;
    this.opened = -1;
    this.known = {}; // of each dimension what was last applied, to apply only what changed
    this.parts();
    this.redraw = settled(() => this.draw());
    this.tellPython = settled(() => this.sendFilters(), 150);
    this.tellSelection = settled(() => this.sendSelection(), 150);
    this.filters.take(model.get("filters") ?? {});
    this.takeSelection();
    this.input.value = this.filters.text;
    this.changed(true);
    this.forget = this.listen();
  }

  parts() {
    const { facts, columns, filter, filters } = this;
    const changed = () => this.changed();
    this.chips = LOOKS.map((look, kind) => {
      const count = make("b", {});
      const chip = make("button", { type: "button", class: "wb-verdict", hidden: true, onclick: () => this.toggleIn("verdict", kind) },
        make("span", { class: `wb-chip wb-${look.name}` }, make("span", { "aria-hidden": "true" }, `${look.mark} `), look.name), count);
      return { chip, count };
    });
    this.flags = facts.flags.map((name, code) => {
      const count = make("b", {});
      return { chip: make("button", { type: "button", class: "wb-flag", hidden: true, onclick: () => this.toggleIn("flag", code) }, name === "concern" ? "of concern" : name, " ", count), count };
    });
    this.input = make("input", {
      type: "search", class: "wb-field wb-search", placeholder: "Search address, network, AS, name … ( / )", "aria-label": "Search in addresses, networks, places and reasons",
      oninput: () => { filters.text = this.input.value; this.changed(); },
    });
    this.words = make("div", { class: "wb-words", role: "group", "aria-label": "Filters in force" });
    this.map = new WorldMap(this, {
      area: () => filters.area,
      choose: (area) => { filters.area = area; this.changed(); },
      country: (code) => this.toggleIn("country", code),
    });
    const bars = (name, title, nameOf) => new Bars(title, filter[name], () => filters.chosen[name], nameOf, changed);
    this.bars = [
      bars("country", "Countries", (code) => facts.countries[columns.country.values[code]] ?? columns.country.values[code]),
      bars("network", "Networks", (code) => columns.network.values[code]),
      bars("type", "Types", (code) => columns.type.values[code]),
    ];
    this.timeline = facts.time && new Timeline(facts.time, filter.times, () => filters.time, (window) => { filters.time = window; this.changed(); });
    this.table = new Table(this);
    this.details = new Details(this);
    this.actions = new Actions(this);
    const verdicts = make("div", { class: "wb-chips", role: "group", "aria-label": "Verdicts: choose to filter" }, this.chips.map(({ chip }) => chip));
    const flags = make("div", { class: "wb-chips", role: "group", "aria-label": "Flags: choose to filter" }, this.flags.map(({ chip }) => chip));
    this.reach = [roving(verdicts), roving(flags)];
    const wide = button("⤢", "Fill the screen", () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()), "wb-icon");
    wide.setAttribute("aria-label", "Fill the screen");
    this.root.style.setProperty("--wb-height", `${facts.height}px`);
    this.root.style.setProperty("--wb-rows", `${this.size * 27 + 48}px`); // no taller than its lines
    let longest = 15; // of the worst, and of IPv6
    for (let row = 0; row < Math.min(this.size, 1000); row++) longest = Math.max(longest, columns.address.at(row).length);
    this.root.style.setProperty("--wb-wide", `${Math.ceil(longest * 7.25 + 15)}px`);
    this.root.append(
      make("div", { class: "wb-head" },
        make("h2", {}, data(facts.title)),
        make("p", { class: "wb-quiet" }, `${counted(this.size, this.size)} · intel as of ${facts.asOf} · snapshot `, make("span", { class: "wb-mono" }, facts.snapshot),
          facts.concern.length > 0 && [" · of concern: ", data(facts.concern.map(({ name }) => name).join(", "))],
          facts.notes.map((note) => ` · ${note}`)),
        wide),
      make("div", { class: "wb-filter" }, verdicts, flags, this.input, this.words),
      make("div", { class: "wb-panels" }, this.map.element, this.bars.map((each) => each.element), this.timeline && this.timeline.element),
      make("div", { class: "wb-middle" }, this.table.grid, this.details.element),
      this.actions.element);
    keepKeys(this.root);
    this.root.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** What else calls: Python, the theme. Returns what ends it. */
  listen() {
    const { model } = this;
    const heard = (message, buffers) => {
      if (message.kind === "evidence") this.details.heard(message);
      else this.actions.heard(message, buffers);
    };
    const filters = () => {
      if (JSON.stringify(model.get("filters")) === JSON.stringify(this.filters)) return;
      this.filters.take(model.get("filters") ?? {});
      this.input.value = this.filters.text;
      this.changed(true);
    };
    const selection = () => { if (this.takeSelection()) this.redraw(); };
    model.on("msg:custom", heard);
    model.on("change:filters", filters);
    model.on("change:_selected", selection);
    const theme = followTheme(this.root, () => { this.map.repaint(); this.timeline?.resized(); });
    return () => {
      model.off("msg:custom", heard);
      model.off("change:filters", filters);
      model.off("change:_selected", selection);
      theme();
    };
  }

  destroy() {
    this.forget();
    for (const part of [this.map, this.table, this.timeline]) part?.destroy();
  }

  toggleIn(name, code) {
    const chosen = this.filters.chosen[name];
    if (!chosen.delete(code)) chosen.add(code);
    this.changed();
  }

  /** A filter has changed. `quiet` where Python knows already. */
  changed(quiet) {
    this.moved = true;
    this.redraw();
    if (!quiet) this.tellPython();
  }

  sortBy(name) {
    const { sorting } = this;
    const down = ["hits", "reputation", "confidence", "last", "flags"].includes(name); // the most first
    if (sorting.name !== name) Object.assign(sorting, { name, descending: down });
    else if (sorting.descending === down) sorting.descending = !down;
    else Object.assign(sorting, { name: null, descending: false }); // back to the order of the triage
    this.order = this.orders.by(sorting.name, sorting.descending);
    this.table.sorted(sorting.name, sorting.descending);
    this.filter.arrange(this.order);
    this.table.changed(true);
    this.drawn();
  }

  /** Bring the crossfilter to the filters, as far as they changed, and draw everything. */
  draw() {
    if (this.moved) this.apply();
    this.moved = false;
    const { filter, filters } = this;
    this.chips.forEach(({ chip, count }, kind) => {
      chip.hidden = !this.present.verdicts[kind];
      chip.setAttribute("aria-pressed", filters.chosen.verdict.has(kind) ? "true" : "false");
      say(count, number(filter.verdicts[kind]));
    });
    this.flags.forEach(({ chip, count }, code) => {
      chip.hidden = !this.present.flags[code];
      chip.setAttribute("aria-pressed", filters.chosen.flag.has(code) ? "true" : "false");
      say(count, number(filter.flags[code]));
    });
    for (const reach of this.reach) reach();
    this.words.replaceChildren(
      ...filters.words().map(({ name, text, remove }) => make("button", { type: "button", class: "wb-word", title: "Take this filter away", onclick: () => { remove(); this.input.value = filters.text; this.changed(); } },
        make("span", { class: "wb-quiet" }, `${name} `), data(text), " ✕")),
      ...(filters.any ? [button("Clear all", "Take all filters away (Esc)", () => this.clear())] : []));
    this.map.paint();
    for (const bars of this.bars) bars.paint();
    this.timeline?.paint();
    this.table.changed(this.applied);
    this.applied = false;
    this.actions.changed(filter.shown, counted(filter.shown, this.size));
    this.drawn();
  }

  apply() {
    const { filter, filters, columns, known } = this;
    const unlike = (name, value) => {
      const text = JSON.stringify(value);
      const differs = known[name] !== text;
      known[name] = text;
      return differs;
    };
    const chosen = (name, size) => {
      if (!filters.chosen[name].size) return null;
      const found = new Uint8Array(size);
      for (const code of filters.chosen[name]) found[code] = 1;
      return found;
    };
    if (unlike("verdict", [...filters.chosen.verdict])) filter.byCode("verdict", columns.verdict, chosen("verdict", LOOKS.length));
    for (const name of ["country", "network", "type"])
      if (unlike(name, [...filters.chosen[name]])) filter.byCode(name, columns[name].codes, chosen(name, columns[name].values.length));
    if (unlike("flag", [...filters.chosen.flag])) {
      const bits = [...filters.chosen.flag].reduce((sum, code) => sum | (1 << code), 0);
      filter.byRow("flag", bits ? (row) => (columns.flags[row] & bits) !== 0 : null);
    }
    if (unlike("text", filters.text.trim())) {
      const found = this.search.find(filters.text);
      filter.byRow("text", found && ((row) => found[row] === 1));
    }
    if (this.facts.time && unlike("time", filters.time)) filter.byTime(filters.time);
    if (unlike("area", filters.area)) {
      const { lat, lon, size } = columns.places;
      const inside = new Uint8Array(size + 1);
      const [west, south, east, north] = filters.area ?? [];
      for (let place = 0; place < size; place++) inside[place] = lon[place] >= west && lon[place] <= east && lat[place] >= south && lat[place] <= north ? 1 : 0;
      filter.byRow("area", filters.area && ((row) => inside[columns.place[row]] === 1));
    }
    filter.recount(this.order);
    this.present ??= this.presence();
    this.applied = true;
  }

  /** Which verdicts and flags there are at all. */
  presence() {
    const { verdict, flags } = this.columns;
    const [verdicts, some] = [Array(LOOKS.length).fill(false), Array(8).fill(false)];
    for (let row = 0; row < this.size; row++) {
      verdicts[verdict[row]] = true;
      for (let rest = flags[row]; rest; rest &= rest - 1) some[31 - Math.clz32(rest & -rest)] = true;
    }
    return { verdicts, flags: some };
  }

  /** Counts up with everything drawn. */
  drawn() {
    this.root.dataset.drawn = Number(this.root.dataset.drawn ?? 0) + 1;
  }

  clear() {
    this.filters.clear();
    this.input.value = "";
    this.changed();
    this.table.grid.focus({ preventScroll: true });
  }

  // What is chosen.

  pick(row, on) {
    if (this.picked[row] === on) return;
    this.picked[row] = on;
    this.pickedCount += on ? 1 : -1;
  }

  toggle(row) {
    if (row === undefined) return;
    this.pick(row, this.picked[row] ? 0 : 1);
    this.choiceChanged();
  }

  chooseRange(from, to) {
    for (let line = Math.min(from, to); line <= Math.max(from, to); line++) this.pick(this.filter.view[line], 1);
    this.choiceChanged();
  }

  /** All that are shown, or, where they are already and `more` is not said, none of them. */
  chooseShown(more) {
    const on = more || this.pickedShown() < this.filter.shown ? 1 : 0;
    for (let line = 0; line < this.filter.shown; line++) this.pick(this.filter.view[line], on);
    this.choiceChanged();
  }

  chooseNone() {
    this.picked.fill(0);
    this.pickedCount = 0;
    this.choiceChanged();
  }

  pickedShown() {
    if (!this.pickedCount) return 0;
    let count = 0;
    for (let line = 0; line < this.filter.shown; line++) count += this.picked[this.filter.view[line]];
    return count;
  }

  choiceChanged() {
    this.table.paint();
    this.actions.changed(this.filter.shown, counted(this.filter.shown, this.size));
    this.tellSelection();
  }

  open(row, focus) {
    if (row === undefined) return;
    this.opened = row;
    this.details.show(row, focus);
    this.table.paint();
  }

  close() {
    this.opened = -1;
    this.details.show(-1);
    this.table.paint();
    this.table.grid.focus({ preventScroll: true });
  }

  // To and from Python.

  sendFilters() {
    const { mask } = this.filter;
    const bits = new Uint8Array(Math.ceil(this.size / 8));
    for (let row = 0; row < this.size; row++) if (mask[row] === 0) bits[row >> 3] |= 1 << (row & 7);
    this.model.set("filters", this.filters.toJSON());
    this.model.set("_shown", new DataView(bits.buffer));
    this.model.save_changes();
  }

  sendSelection() {
    const bits = new Uint8Array(Math.ceil(this.size / 8));
    for (let row = 0; row < this.size; row++) if (this.picked[row]) bits[row >> 3] |= 1 << (row & 7);
    this.model.set("_selected", new DataView(bits.buffer));
    this.model.save_changes();
  }

  /** Whether what Python has chosen is not what is chosen here; then it is. */
  takeSelection() {
    const view = this.model.get("_selected");
    let differs = false;
    for (let row = 0; row < this.size; row++) {
      const on = view && row >> 3 < view.byteLength ? (view.getUint8(row >> 3) >> (row & 7)) & 1 : 0;
      if (this.picked[row] === on) continue;
      this.pick(row, on);
      differs = true;
    }
    return differs;
  }

  pressed(event) {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing) this.input.focus();
    else if (event.key === "Escape" && event.target === this.input && this.input.value) {
      this.input.value = this.filters.text = "";
      this.changed();
    } else if (event.key === "Escape" && event.target === this.input) this.table.grid.focus({ preventScroll: true });
    else if (event.key === "Escape" && this.opened >= 0) this.close();
    else if (event.key === "Escape" && this.filters.any) this.clear();
    else if (event.key === "Escape" && this.pickedCount) this.chooseNone();
    else if (event.target === this.input && ["ArrowDown", "Enter"].includes(event.key)) this.table.grid.focus({ preventScroll: true });
    else return;
    event.preventDefault();
  }
}

function render({ model, el }) {
  const root = make("div", { class: "wb wb-board", role: "region", "aria-label": "Triage board" });
  el.append(root);
  const board = new Board(model, root);
  return () => board.destroy();
}

export default { render };
