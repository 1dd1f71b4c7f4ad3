// Orders of the rows: a key and a row packed into one double, and sorted as doubles without calling back.

const ROWS = 2 ** 20;
const TOP = 2 ** 32 - 1;

/** Rows by `key(row)`, a whole number below 2³²; those with equal keys stay as they are in the triage, worst first. */
function byKey(size, key, descending) {
  const packed = new Float64Array(size);
  for (let row = 0; row < size; row++) packed[row] = (descending ? TOP - key(row) : key(row)) * ROWS + row;
  packed.sort();
  const order = new Uint32Array(size);
  for (let at = 0; at < size; at++) order[at] = packed[at] % ROWS;
  return order;
}

/** The place of each text of a dictionary in the alphabet; empty texts come last. */
function ranks(values) {
  const lower = values.map((value) => value.toLowerCase());
  const order = [...values.keys()].sort((a, b) => (!lower[a] - !lower[b]) || (lower[a] < lower[b] ? -1 : lower[a] > lower[b] ? 1 : 0));
  const found = new Uint32Array(values.length);
  order.forEach((code, at) => { found[code] = at; });
  return found;
}

export class Orders {
  constructor(columns) {
    this.columns = columns;
    this.ranks = {};
  }

  /** The rows by a column; by none as the triage has them. */
  by(name, descending) {
    const { size } = this.columns;
    const column = this.columns[name];
    if (!name || !column) return Uint32Array.from({ length: size }, (_, row) => row);
    if (column.codes) {
      const rank = (this.ranks[name] ??= ranks(column.values));
      return byKey(size, (row) => rank[column.codes[row]], descending);
    }
    const numbers = name === "address" ? this.columns.rank : column;
    return byKey(size, (row) => Math.max(0, Math.min(TOP, Math.floor(numbers[row]) || 0)), descending);
  }
}
