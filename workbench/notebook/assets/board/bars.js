// Counts by country, network or type as bars, the longest first; the part in the colour of suspicion is hostile.

import { make, number, roving, say } from "../common/dom.js";
import { most } from "./crossfilter.js";

const SHOWN = 40;

export class Bars {
  constructor(title, counts, chosen, nameOf, changed) {
    Object.assign(this, { counts, chosen, nameOf, changed });
    this.list = make("div", { class: "wb-bars", role: "group", "aria-label": `${title}: choose to filter` });
    this.more = make("p", { class: "wb-quiet wb-more" });
    this.element = make("section", { class: "wb-pane" }, make("h3", {}, title), this.list, this.more);
    this.items = [];
    this.reach = roving(this.list);
  }

  item() {
    const name = make("span", { class: "wb-label" });
    const count = make("span", { class: "wb-tally" });
    const [rest, bad] = [make("i", { class: "wb-rest" }), make("i", { class: "wb-bad" })];
    const item = { name, count, rest, bad, code: -1 };
    item.button = make("button", { type: "button", class: "wb-entry", tabindex: -1, onclick: () => this.toggle(item.code) },
      make("span", { class: "wb-track", "aria-hidden": "true" }, bad, rest), name, count);
    this.list.append(item.button);
    return item;
  }

  toggle(code) {
    const chosen = this.chosen();
    if (!chosen.delete(code)) chosen.add(code);
    this.changed();
  }

  paint() {
    const { all, bad } = this.counts;
    const chosen = this.chosen();
    const codes = most(all, SHOWN, chosen);
    let [longest, others] = [1, 0];
    for (const code of codes) longest = Math.max(longest, all[code]);
    for (let code = 0; code < all.length; code++) if (all[code]) others++;
    while (this.items.length < codes.length) this.items.push(this.item());
    this.items.forEach((item, at) => {
      const hidden = at >= codes.length;
      if (item.button.hidden !== hidden) item.button.hidden = hidden;
      if (hidden) return;
      const code = codes[at];
      if (item.code !== code) {
        item.code = code;
        item.name.textContent = this.nameOf(code) || "unknown";
      }
      const pressed = chosen.has(code);
      const state = `${code} ${all[code]} ${bad[code]} ${longest} ${pressed}`;
      if (item.state === state) return;
      item.state = state;
      say(item.count, number(all[code]));
      item.bad.style.width = `${(100 * bad[code]) / longest}%`;
      item.rest.style.width = `${(100 * (all[code] - bad[code])) / longest}%`;
      item.button.setAttribute("aria-pressed", pressed ? "true" : "false");
      item.button.title = `${item.name.textContent}: ${number(all[code])}, of them ${number(bad[code])} hostile`;
    });
    const beyond = others - codes.filter((code) => all[code]).length;
    say(this.more, beyond > 0 ? `and ${number(beyond)} more: search for them` : "");
    this.reach();
  }
}
