// A box to look addresses up in: typed or pasted, also out of a report.

import { button, data, make, plural } from "../common/dom.js";
import { chip } from "../common/looks.js";
import { panel } from "../common/panel.js";
import { grown } from "../common/tree.js";

function render(context) {
  const { model } = context;
  const { root, status, ask, on, say, end } = panel(context, "wb-lookup", "Look up addresses");
  const field = make("textarea", {
    class: "wb-field wb-asked", rows: 1, spellcheck: "false", "aria-label": "Addresses, or text with addresses in it",
    placeholder: "An address, or any text with addresses in it: 185.220.101[.]4",
  });
  field.value = model.get("text");
  const grow = () => { field.rows = Math.min(8, field.value.split("\n").length); };
  const look = () => (field.value.trim() ? ask({ do: "look", text: field.value.slice(0, 1000000) }) : say("Type or paste an address first.", "error"));
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    look();
  });
  field.addEventListener("paste", () => setTimeout(() => { grow(); look(); }));
  const results = make("div", { class: "wb-results", role: "list", "aria-label": "What was found" });
  root.append(make("div", { class: "wb-ask" }, field, button("Look up", "Look up (Enter)", look, "wb-button wb-main")), status, results);

  const shown = new Map(); // address → its opened card
  on("rows", () => {
    const rows = model.get("rows");
    shown.clear();
    results.replaceChildren(...rows.map((row) => {
      const body = make("div", { class: "wb-opened" });
      const item = make("details", { role: "listitem", ontoggle: () => { if (item.open && !body.firstChild) ask({ do: "open", address: row.address }); } },
        make("summary", {}, chip(row.verdict), " ", data(row.address, "wb-mono"), " ", make("span", { class: "wb-quiet" }, data(row.line))), body);
      shown.set(row.address, { item, body });
      return item;
    }));
    const left = model.get("left");
    if (left) results.append(make("p", { class: "wb-quiet" }, `… and ${plural(left, "address", "addresses")} more: wb.triage takes them all`));
  });
  on("cards", () => {
    for (const [address, tree] of Object.entries(model.get("cards"))) {
      const place = shown.get(address);
      if (!place || place.body.firstChild) continue;
      place.body.append(grown(tree));
      place.item.open = true;
    }
  });
  return end;
}

export default { render };
