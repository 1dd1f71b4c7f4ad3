// The columns of the map and what of them is shown: filters by verdict and time, counts a place and a country.

class Model {
  constructor(payload) {
    const { points, places, flows, time } = payload;
    this.points = points;
    this.places = places;
    this.flows = flows;
    this.time = time;
    this.verdicts = payload.verdicts; // [{name, mark, fill, ink}], worst first
    this.size = points.place.length;
    this.hidden = new Set();
    this.window = time ? [0, time.counts.length - 1] : null;
    this.shown = new Uint8Array(this.size).fill(1);
    this.members = places.lat.map(() => []);
    points.place.forEach((place, point) => this.members[place].push(point));
    this.refresh();
  }

  /** Column `name` of a point: a number, or a text out of the column's dictionary. */
  get(name, point) {
    const column = this.points[name];
    if (column === undefined) return null;
    if (Array.isArray(column)) return column[point];
    const code = column.codes[point];
    return code < 0 ? null : column.values[code];
  }

  verdict(point) {
    return this.verdicts[this.points.verdict[point]];
  }

  refresh() {
    if (this.window) {
      const [from, to] = this.window;
      this.mask = [0, 0];
      for (let bin = from; bin <= to; bin++) this.mask[bin < 24 ? 0 : 1] |= 1 << (bin % 24);
    }
    const { verdict, place, low, high, country } = this.points;
    const kinds = this.verdicts.length;
    this.counts = new Uint32Array(this.members.length * kinds); // of each place, by verdict
    this.perVerdict = new Uint32Array(kinds); // before the filter by verdict, for the legend
    this.perCountry = new Map(); // code -> [addresses, hostile addresses]
    this.total = 0;
    const hiding = this.verdicts.map((v) => this.hidden.has(v.name));
    const hostile = this.verdicts.map((v) => v.hostile);
    for (let point = 0; point < this.size; point++) {
      const inTime = !this.window || meetsMask(low[point], high[point], this.mask);
      if (inTime) this.perVerdict[verdict[point]]++;
      const shown = inTime && !hiding[verdict[point]];
      this.shown[point] = shown ? 1 : 0;
      if (!shown) continue;
      this.total++;
      this.counts[place[point] * kinds + verdict[point]]++;
      const code = country.codes[point];
      if (code >= 0) {
        let entry = this.perCountry.get(code);
        if (!entry) this.perCountry.set(code, (entry = [0, 0]));
        entry[0]++;
        if (hostile[verdict[point]]) entry[1]++;
      }
    }
    this.byCountry = new Map([...this.perCountry].map(([code, entry]) => [country.values[code], entry]));
  }

  /** Points shown at a place, worst first (points are in that order). */
  at(place) {
    return this.members[place].filter((point) => this.shown[point]);
  }

  countsAt(place) {
    const kinds = this.verdicts.length;
    return Array.from(this.counts.subarray(place * kinds, (place + 1) * kinds));
  }

  /** Flows shown, one for each pair of places: [from place, to place, hits, number of flows, worst verdict]. */
  arcs() {
    const { source, target, hits, low, high } = this.flows;
    const pairs = new Map();
    for (let flow = 0; flow < source.length; flow++) {
      if (this.window && !meetsMask(low[flow], high[flow], this.mask)) continue;
      const ends = [source[flow], target[flow]];
      if (ends.some((end) => end >= 0 && !this.shown[end])) continue;
      const [from, to] = ends.map((end) => (end >= 0 ? this.points.place[end] : -end - 1 + this.members.length));
      if (from === to) continue;
      const worst = Math.min(...ends.filter((end) => end >= 0).map((end) => this.points.verdict[end]));
      const key = from * 1e6 + to;
      const pair = pairs.get(key);
      if (!pair) pairs.set(key, [from, to, hits[flow], 1, worst]);
      else {
        pair[2] += hits[flow];
        pair[3]++;
        pair[4] = Math.min(pair[4], worst);
      }
    }
    return [...pairs.values()].sort((a, b) => a[4] - b[4] || b[2] - a[2]);
  }

  /** The first `limit` points shown whose address, network, country or label holds the text, and how many do. */
  search(text, limit) {
    const wanted = text.trim().toLowerCase();
    const columns = ["address", "label", "as_org", "city", "country_name", "asn"].filter((n) => this.points[n]);
    const hits = columns.map((name) => {
      const column = this.points[name];
      return Array.isArray(column) ? null : column.values.map((v) => String(v ?? "").toLowerCase().includes(wanted));
    });
    const found = [];
    let count = 0;
    for (let point = 0; point < this.size; point++) {
      if (!this.shown[point]) continue;
      const matches = !wanted || columns.some((name, i) => {
        const column = this.points[name];
        if (hits[i]) return column.codes[point] >= 0 && hits[i][column.codes[point]];
        const value = column[point];
        if (value === null) return false;
        return (name === "asn" ? `as${value}` : String(value).toLowerCase()).includes(wanted);
      });
      if (!matches) continue;
      count++;
      if (found.length < limit) found.push(point);
    }
    return { found, count };
  }
}

// Whether bins of activity, 24 in each of two numbers, meet the window.
const meetsMask = (low, high, mask) => (low & mask[0]) !== 0 || (high & mask[1]) !== 0;
