// Filters that know of each other. Each dimension has a bit; a row's mask has the bits of those it fails. What passes
// all but one dimension is counted in that one, so that a list shows what choosing more of it would bring.

import { LOOKS } from "../common/looks.js";

export const KINDS = LOOKS.length;
/** Verdicts from the worst to this one, without it, are hostile. */
export const HOSTILE = 3;
const [VERDICT, FLAG, COUNTRY, NETWORK, TYPE, TEXT, TIME, AREA] = [1, 2, 4, 8, 16, 32, 64, 128];
export const BITS = { verdict: VERDICT, flag: FLAG, country: COUNTRY, network: NETWORK, type: TYPE, text: TEXT, time: TIME, area: AREA };

/** How many, and how many of them hostile, by code. */
const tally = (size) => ({ all: new Uint32Array(size), bad: new Uint32Array(size) });

export class Crossfilter {
  constructor(columns, bins) {
    const { size } = columns;
    this.columns = columns;
    this.bins = bins;
    this.mask = new Uint8Array(size);
    this.view = new Uint32Array(size); // rows that pass, in order; the first `shown` of them count
    this.shown = 0;
    this.verdicts = new Uint32Array(KINDS);
    this.flags = new Uint32Array(8);
    this.country = tally(columns.country.values.length);
    this.network = tally(columns.network.values.length);
    this.type = tally(columns.type.values.length);
    this.places = new Uint32Array((columns.places.size + 1) * KINDS);
    this.times = new Float64Array(bins * KINDS);
  }

  /** Let those rows pass `dimension` whose code is chosen; `null` lets all pass. */
  byCode(dimension, codes, chosen) {
    this.byRow(dimension, chosen && ((row) => chosen[codes[row]]));
  }

  /** Let those rows pass for which `passes(row)` is true; `null` lets all pass. */
  byRow(dimension, passes) {
    const { mask } = this;
    const [bit, rest] = [BITS[dimension], ~BITS[dimension]];
    for (let row = 0; row < mask.length; row++) mask[row] = !passes || passes(row) ? mask[row] & rest : mask[row] | bit;
  }

  /** Let those rows pass that were met between two bins, both included. */
  byTime(window) {
    if (!window) return this.byRow("time", null);
    const { row, bin, size } = this.columns.events;
    const { mask } = this;
    for (let i = 0; i < mask.length; i++) mask[i] |= TIME;
    const [from, to] = window;
    for (let event = 0; event < size; event++) if (bin[event] >= from && bin[event] <= to) mask[row[event]] &= ~TIME;
  }

  /** Count everything anew, and lay the rows that pass out in `order`. */
  recount(order) {
    const { mask, verdicts, flags, country, network, type, places } = this;
    const { size, verdict, flags: bits, place, country: { codes: countries }, network: { codes: networks }, type: { codes: types } } = this.columns;
    for (const counts of [verdicts, flags, country.all, country.bad, network.all, network.bad, type.all, type.bad, places]) counts.fill(0);
    for (let row = 0; row < size; row++) {
      const failed = mask[row];
      if (failed & (failed - 1)) continue; // fails two or more: counts nowhere
      const kind = verdict[row];
      const bad = kind < HOSTILE ? 1 : 0;
      if (failed === 0 || failed === VERDICT) verdicts[kind]++;
      if (failed === 0 || failed === COUNTRY) { country.all[countries[row]]++; country.bad[countries[row]] += bad; }
      if (failed === 0 || failed === NETWORK) { network.all[networks[row]]++; network.bad[networks[row]] += bad; }
      if (failed === 0 || failed === TYPE) { type.all[types[row]]++; type.bad[types[row]] += bad; }
      if (failed === 0 || failed === AREA) places[place[row] * KINDS + kind]++;
      if (failed === 0 || failed === FLAG) for (let rest = bits[row]; rest; rest &= rest - 1) flags[31 - Math.clz32(rest & -rest)]++;
    }
    this.recountTimes();
    this.arrange(order);
  }

  recountTimes() {
    const { mask, times } = this;
    const { verdict, events: { size, row, bin, hits } } = this.columns;
    times.fill(0);
    for (let event = 0; event < size; event++) {
      const failed = mask[row[event]];
      if (failed === 0 || failed === TIME) times[bin[event] * KINDS + verdict[row[event]]] += hits[event];
    }
  }

  arrange(order) {
    const { mask, view } = this;
    let shown = 0;
    for (let at = 0; at < order.length; at++) if (mask[order[at]] === 0) view[shown++] = order[at];
    this.shown = shown;
  }
}

/** The codes with the most, at most `limit` of them; `first` are among them in any case. */
export function most(counts, limit, first = new Set()) {
  const found = [];
  let least = 0;
  for (let code = 0; code < counts.length; code++) {
    const count = counts[code];
    if (count <= least || first.has(code)) continue;
    let at = found.length;
    while (at > 0 && counts[found[at - 1]] < count) at--;
    found.splice(at, 0, code);
    if (found.length > limit) {
      found.pop();
      least = counts[found[limit - 1]];
    }
  }
  const chosen = [...first].sort((a, b) => counts[b] - counts[a]);
  return [...chosen, ...found.slice(0, Math.max(0, limit - chosen.length))];
}
