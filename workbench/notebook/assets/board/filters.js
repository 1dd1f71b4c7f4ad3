// The filters in force: as the board uses them (codes, bins), as Python reads and sets them (names, moments), and in words.

import { LOOKS } from "../common/looks.js";
import { moment, plural } from "../common/dom.js";

const LISTS = ["verdict", "flag", "country", "network", "type"];

export class Filters {
  constructor(columns, facts) {
    this.columns = columns;
    this.facts = facts;
    this.names = {
      verdict: LOOKS.map((look) => look.name),
      flag: facts.flags,
      country: columns.country.values,
      network: columns.network.values,
      type: columns.type.values,
    };
    this.clear();
  }

  clear() {
    this.chosen = Object.fromEntries(LISTS.map((name) => [name, new Set()]));
    this.text = "";
    this.time = null; // two bins, both included
    this.area = null; // west, south, east, north
  }

  get any() {
    return LISTS.some((name) => this.chosen[name].size) || Boolean(this.text.trim() || this.time || this.area);
  }

  /** As Python has them. */
  toJSON() {
    const found = {};
    for (const name of LISTS) if (this.chosen[name].size) found[name] = [...this.chosen[name]].map((code) => this.names[name][code]);
    if (this.text.trim()) found.text = this.text.trim();
    if (this.time) found.time = this.moments().map((seconds) => new Date(seconds * 1000).toISOString());
    if (this.area) found.area = this.area.map((degrees) => Math.round(degrees * 100) / 100);
    return found;
  }

  /** Take over what Python has set; what is not known here is left out. */
  take(given) {
    this.clear();
    for (const name of LISTS)
      for (const value of [given[name] ?? []].flat()) {
        const code = this.names[name].indexOf(value);
        if (code >= 0) this.chosen[name].add(code);
      }
    this.text = String(given.text ?? "");
    const { time } = this.facts;
    if (time && Array.isArray(given.time)) {
      const bins = given.time.map((value) => ((typeof value === "number" ? value : Date.parse(value) / 1000) - time.start) / time.step);
      if (bins.every(Number.isFinite) && bins.length === 2)
        this.time = [Math.max(0, Math.floor(bins[0])), Math.min(time.bins - 1, Math.max(Math.floor(bins[0]), Math.ceil(bins[1]) - 1))];
    }
    if (Array.isArray(given.area) && given.area.length === 4 && given.area.every(Number.isFinite)) this.area = given.area;
  }

  /** Begin and end of the window, seconds since 1970. */
  moments() {
    const { start, step } = this.facts.time;
    return [start + this.time[0] * step, start + (this.time[1] + 1) * step];
  }

  /** Each filter in words, with what takes it away. */
  words() {
    const found = [];
    for (const name of LISTS)
      for (const code of this.chosen[name]) {
        const value = this.names[name][code];
        const text = name === "country" ? this.facts.countries[value] ?? value : value;
        found.push({ name, text: text || "unknown", remove: () => this.chosen[name].delete(code) });
      }
    if (this.text.trim()) found.push({ name: "text", text: this.text.trim(), remove: () => { this.text = ""; } });
    if (this.time) found.push({ name: "time", text: this.moments().map(moment).join(" – "), remove: () => { this.time = null; } });
    if (this.area) found.push({ name: "area", text: inDegrees(this.area), remove: () => { this.area = null; } });
    return found;
  }
}

const inDegrees = ([west, south, east, north]) => {
  const [lat, lon] = [(d) => `${Math.abs(d).toFixed(0)}°${d < 0 ? "S" : "N"}`, (d) => `${Math.abs(d).toFixed(0)}°${d < 0 ? "W" : "E"}`];
  return `${lat(south)}–${lat(north)}, ${lon(west)}–${lon(east)}`;
};

export const counted = (shown, size) => (shown === size ? plural(size, "address", "addresses") : `${shown.toLocaleString("en")} of ${plural(size, "address", "addresses")}`);
