// One address: what the board knows at once, and the evidence that Python is asked for.

import { button, data, make, moment, number } from "../common/dom.js";
import { chip, LOOKS } from "../common/looks.js";
import { tlpLabel } from "../common/tlp.js";
import { flagsOf } from "./table.js";

const PATIENCE = 6000; // milliseconds until the kernel is taken to be busy or gone

export class Details {
  constructor(board) {
    this.board = board;
    this.row = -1;
    this.element = make("aside", { class: "wb-details", "aria-label": "The address opened", hidden: true });
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape") { board.close(); event.stopPropagation(); } });
  }

  show(row, focus) {
    const { columns, facts, model } = this.board;
    this.row = row;
    this.element.hidden = row < 0;
    if (row < 0) return;
    const text = (name) => columns[name].values[columns[name].codes[row]];
    const code = text("country");
    const address = columns.address.at(row);
    const where = [text("city"), facts.countries[code] ?? code].filter(Boolean).join(", ");
    const place = columns.place[row];
    const near = place < columns.places.size && !columns.places.exact[place] ? " (only the country is known)" : "";
    const met = columns.times && !Number.isNaN(columns.last[row]) ? `${moment(columns.first[row])} – ${moment(columns.last[row])}` : "";
    const rows = [
      ["Where", where && `${where}${near}`], ["Network", text("network")], ["Prefix", text("prefix")], ["Type", text("type")],
      ["Flags", flagsOf(columns.flags[row], facts.flags)], ["Hits", number(columns.hits[row])], ["Met", met],
    ].filter(([, value]) => value);
    this.evidence = make("div", { class: "wb-evidence" }, make("p", { class: "wb-quiet" }, "Asking the snapshot …"));
    const closer = button("✕", "Close (Esc)", () => this.board.close(), "wb-icon");
    closer.setAttribute("aria-label", "Close");
    this.element.replaceChildren(
      make("header", {}, make("h3", { class: "wb-mono", tabindex: -1 }, data(address)), closer),
      make("p", { class: "wb-judged" }, chip(LOOKS[columns.verdict[row]].name),
        make("span", {}, " reputation ", make("b", {}, String(columns.reputation[row])), "/100 · confidence ", make("b", {}, (columns.confidence[row] / 100).toFixed(2)))),
      make("p", { class: "wb-reasons" }, data(text("reasons"))),
      make("dl", {}, rows.map(([name, value]) => [make("dt", {}, name), make("dd", {}, data(value))])),
      make("h4", {}, "Evidence"), this.evidence,
      make("p", { class: "wb-quiet" }, `Snapshot ${facts.snapshot}, intel as of ${facts.asOf}`));
    this.element.scrollTop = 0;
    if (focus) this.element.querySelector("h3").focus();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.evidence.replaceChildren(make("p", { class: "wb-quiet" }, "The kernel does not answer: it is busy, or was stopped. The reasons above are of the same evidence.")), PATIENCE);
    model.send({ kind: "evidence", row });
  }

  /** What Python answered; it may be about a row left meanwhile. */
  heard({ row, items, profiles, error }) {
    if (row !== this.row) return;
    clearTimeout(this.waiting);
    if (error) return this.evidence.replaceChildren(make("p", { class: "wb-error" }, data(error)));
    this.evidence.replaceChildren(
      items.length
        ? make("ol", {}, items.map((item) => make("li", {},
            make("div", { class: "wb-what" }, make("b", {}, data(item.what)), make("span", { class: "wb-weight", title: "The chance that this entry alone makes the address hostile" }, item.weight.toFixed(2))),
            make("div", { class: "wb-bar", "aria-hidden": "true" }, bar(item.weight)),
            make("div", { class: "wb-quiet" }, data(item.title), ` · ${item.seen} · reliability ${item.reliability} · `, data(item.licence)),
            make("div", { class: "wb-quiet" }, data(item.entry, "wb-mono"), item.note && [" · ", data(item.note)]))))
        : make("p", { class: "wb-quiet" }, "No list names it."),
      profiles.length > 0 && make("h4", {}, "Profiles"),
      ...profiles.map((profile) => make("p", {}, tlpLabel(profile.level), ` threat ${profile.threat} `, profile.tags.map((tag) => make("span", { class: "wb-trait" }, data(tag))), make("span", { class: "wb-notes" }, data(profile.notes)))));
    for (const child of [...this.evidence.childNodes]) if (child.nodeType === Node.TEXT_NODE) child.remove();
  }
}

function bar(share) {
  const full = make("i");
  full.style.width = `${Math.round(Math.min(1, share) * 100)}%`;
  return full;
}
