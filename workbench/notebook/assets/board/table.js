// The table: a window over all rows that pass. As many lines are made as there is room for, and filled anew while scrolling.

import { make, moment, number, roving, settled } from "../common/dom.js";
import { LOOKS } from "../common/looks.js";

const LINE = 27;
const SPARE = 6; // lines beyond the edges, so that scrolling shows none empty

/** The columns: name, head, what a cell shows, and more of it on hover. */
function heads(board) {
  const { columns, facts } = board;
  const coded = (name) => (row) => columns[name].values[columns[name].codes[row]];
  const country = coded("country");
  const found = [
    ["verdict", "Verdict", (row) => LOOKS[columns.verdict[row]].name, "left"],
    ["address", "Address", (row) => columns.address.at(row), "mono"],
    ["hits", "Hits", (row) => number(columns.hits[row]), "right"],
    ["country", "Country", (row) => facts.countries[country(row)] ?? country(row), "left"],
    ["network", "Network", coded("network"), "left"],
    ["flags", "Flags", (row) => flagsOf(columns.flags[row], facts.flags), "left"],
    ["reputation", "Rep.", (row) => String(columns.reputation[row]), "right", "Reputation: 0 to 100, 100 worst"],
    ["confidence", "Conf.", (row) => (columns.confidence[row] / 100).toFixed(2), "right", "Confidence: 0 to 1"],
    columns.times ? ["last", "Last met", (row) => (Number.isNaN(columns.last[row]) ? "" : moment(columns.last[row]).slice(5, 16)), "right"] : null,
    ["reasons", "Why", coded("reasons"), "left"],
  ];
  return found.filter(Boolean).map(([name, head, text, align, hint]) => ({ name, head, text, align, hint: hint ?? `Sort by ${head.toLowerCase()}` }));
}

export const flagsOf = (bits, names) => names.filter((_, at) => bits >> at & 1).join(", ");

export class Table {
  constructor(board) {
    this.board = board;
    this.columns = heads(board);
    this.active = 0; // a line of the view
    this.anchor = 0;
    this.lines = [];
    this.heads = this.columns.map((column, at) => make("button", {
      type: "button", class: `wb-cell wb-to-${column.align} wb-is-${column.name}`, title: column.hint, tabindex: -1,
      onclick: () => board.sortBy(column.name),
    }, make("span", {}, column.head), make("span", { class: "wb-arrow", "aria-hidden": "true" })));
    this.all = make("button", {
      type: "button", class: "wb-cell wb-box", title: "Choose all that are shown (Ctrl+A)", "aria-label": "Choose all that are shown", tabindex: -1,
      onclick: () => board.chooseShown(),
    });
    this.body = make("div", { class: "wb-rows", role: "rowgroup" });
    const top = make("div", { class: "wb-row wb-heads", role: "row", "aria-rowindex": 1 },
      [this.all, ...this.heads].map((head, at) => make("div", { role: "columnheader", "aria-colindex": at + 1, "aria-label": at ? null : "Chosen" }, head)));
    roving(top)();
    this.scroller = make("div", { class: "wb-scroller", onscroll: () => this.scrolled() }, top, this.body);
    this.empty = make("p", { class: "wb-nothing wb-quiet", hidden: true }, "No address passes all filters.");
    this.grid = make("div", {
      class: `wb-grid${board.columns.times ? " wb-timed" : ""}`, role: "grid", tabindex: 0, "aria-label": "Addresses", "aria-multiselectable": "true", "aria-colcount": this.columns.length + 1,
    }, this.scroller, this.empty);
    this.scrolled = settled(() => this.paint());
    this.grid.addEventListener("keydown", (event) => this.pressed(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("dblclick", (event) => { if (this.lineOf(event) >= 0) board.open(this.row(this.lineOf(event))); });
    this.watcher = new ResizeObserver(() => this.scrolled());
    this.watcher.observe(this.scroller);
  }

  destroy() {
    this.watcher.disconnect();
  }

  row(line) {
    return this.board.filter.view[line];
  }

  /** The rows that pass have changed: stay at the active row if it still passes. */
  changed(top) {
    const { filter, size } = this.board;
    const room = this.body.style;
    room.height = `${filter.shown * LINE}px`;
    this.grid.setAttribute("aria-rowcount", filter.shown + 1);
    this.empty.hidden = filter.shown > 0 || size === 0;
    if (top) {
      this.scroller.scrollTop = 0;
      this.active = this.anchor = 0;
    }
    this.active = Math.max(0, Math.min(this.active, filter.shown - 1));
    this.paint();
  }

  sorted(name, descending) {
    this.columns.forEach((column, at) => {
      const by = column.name === name;
      this.heads[at].parentElement.setAttribute("aria-sort", by ? (descending ? "descending" : "ascending") : "none");
      this.heads[at].lastChild.textContent = by ? (descending ? " ▾" : " ▴") : "";
    });
  }

  /** Fill the lines in sight. */
  paint() {
    const { filter, size } = this.board;
    const height = this.scroller.clientHeight;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / LINE) - SPARE);
    const last = Math.min(filter.shown, Math.ceil((this.scroller.scrollTop + height) / LINE) + SPARE);
    while (this.lines.length < last - first) this.lines.push(this.line());
    for (let at = 0; at < this.lines.length; at++) {
      const line = this.lines[at];
      const number = first + ((at - (first % this.lines.length) + this.lines.length) % this.lines.length);
      // A line keeps its element while it is in sight: line n is always drawn by element n modulo their number.
      if (number >= last) {
        if (!line.element.hidden) line.element.hidden = true;
        line.number = -1;
        continue;
      }
      this.fill(line, number, this.row(number));
    }
    const box = this.board.pickedShown();
    this.all.textContent = filter.shown && box === filter.shown ? "☑" : box ? "◪" : "☐";
    this.all.disabled = size === 0;
    const active = this.lines.find((line) => line.number === this.active);
    if (active && filter.shown) this.grid.setAttribute("aria-activedescendant", active.element.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  line() {
    const cells = this.columns.map((column, at) => make("span", { class: `wb-cell wb-to-${column.align} wb-is-${column.name}`, role: "gridcell", "aria-colindex": at + 2 }));
    cells[0].append(make("span", { class: "wb-chip" }));
    const box = make("span", { class: "wb-cell wb-box", role: "gridcell", "aria-colindex": 1, "aria-hidden": "true" }, "☐");
    const element = make("div", { class: "wb-row", role: "row", id: `${this.board.id}-${this.lines.length}`, hidden: true }, box, cells);
    this.body.append(element);
    return { element, box, cells, number: -1, row: -1, texts: Array(cells.length).fill(null) };
  }

  fill(line, number, row) {
    const { element, cells, texts } = line;
    const { picked, opened } = this.board;
    if (element.hidden) element.hidden = false;
    if (line.number !== number) {
      line.number = number;
      element.style.transform = `translateY(${number * LINE}px)`;
      element.setAttribute("aria-rowindex", number + 2);
    }
    if (line.row !== row) {
      line.row = row;
      this.columns.forEach((column, at) => {
        const text = column.text(row);
        if (texts[at] === text) return;
        texts[at] = text;
        if (at === 0) {
          const look = LOOKS[this.board.columns.verdict[row]];
          cells[0].firstChild.className = `wb-chip wb-${look.name}`;
          cells[0].firstChild.textContent = `${look.mark} ${look.name}`;
        } else {
          cells[at].textContent = text;
          if (column.align !== "right") cells[at].title = text;
        }
      });
    }
    const state = `wb-row${number === this.active ? " wb-active" : ""}${picked[row] ? " wb-picked" : ""}${row === opened ? " wb-open" : ""}`;
    if (element.className !== state) {
      element.className = state;
      element.setAttribute("aria-selected", picked[row] ? "true" : "false");
      line.box.textContent = picked[row] ? "☑" : "☐";
    }
  }

  /** Move to a line, and bring it into sight. */
  go(line, extend) {
    const { filter } = this.board;
    if (!filter.shown) return;
    this.active = Math.max(0, Math.min(line, filter.shown - 1));
    if (extend) this.board.chooseRange(this.anchor, this.active);
    else this.anchor = this.active;
    const head = this.heads[0].offsetHeight;
    const { scroller } = this;
    if (this.active * LINE < scroller.scrollTop) scroller.scrollTop = this.active * LINE;
    const below = (this.active + 1) * LINE - (scroller.clientHeight - head);
    if (below > scroller.scrollTop) scroller.scrollTop = below;
    this.paint();
    if (this.board.opened >= 0) this.board.open(this.row(this.active));
  }

  pressed(event) {
    const { board } = this;
    if (event.target !== this.grid) return; // a head is a button of its own
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / LINE) - 2);
    const to = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: board.filter.shown - 1 }[event.key];
    if (to !== undefined && !event.altKey) this.go(to, event.shiftKey);
    else if (event.key === " ") board.toggle(this.row(this.active));
    else if (event.key === "Enter") board.open(this.row(this.active), true);
    else if ((event.ctrlKey || event.metaKey) && event.key === "a") board.chooseShown(true);
    else return;
    event.preventDefault();
  }

  lineOf(event) {
    const element = event.target.closest(".wb-row");
    return this.lines.find((line) => line.element === element)?.number ?? -1;
  }

  clicked(event) {
    const line = this.lineOf(event);
    if (line < 0) return;
    const { board } = this;
    const row = this.row(line);
    this.grid.focus({ preventScroll: true });
    if (event.shiftKey) board.chooseRange(this.anchor, line);
    else if (event.ctrlKey || event.metaKey || event.target.closest(".wb-box")) board.toggle(row);
    else board.open(row);
    this.active = line;
    if (!event.shiftKey) this.anchor = line;
    this.paint();
  }
}
