// Arrow columns as the typed arrays they are: no object is made for a row.

import { tableFromIPC } from "../vendor/flechette.min.js";

/** A trait of bytes; copied, since Arrow wants its buffers aligned. */
const bytesOf = (view) => new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

export class Columns {
  constructor(view) {
    this.table = view && view.byteLength ? tableFromIPC(bytesOf(view)) : null;
    this.size = this.table ? this.table.numRows : 0;
  }

  has(name) {
    return Boolean(this.table?.schema.fields.some((field) => field.name === name));
  }

  batch(name) {
    return this.table?.getChild(name)?.data[0] ?? null;
  }

  /** A column of numbers. */
  numbers(name) {
    return this.batch(name)?.values ?? new Uint8Array(0);
  }

  /** A column by dictionary: a code a row, and the texts that they count in. */
  coded(name) {
    const batch = this.batch(name);
    return { codes: batch?.values ?? new Int32Array(0), values: batch?.cache ?? [] };
  }

  /** A column of texts as the bytes they are, decoded one by one where they are shown. */
  texts(name) {
    const batch = this.batch(name);
    return {
      bytes: batch?.values ?? new Uint8Array(0),
      offsets: batch?.offsets ?? new Int32Array(1),
      at: (row) => batch.at(row),
    };
  }
}

/** All columns of the board. */
export function boardColumns(rows, places, events) {
  const data = new Columns(rows);
  const [where, when] = [new Columns(places), new Columns(events)];
  const times = data.has("last");
  return {
    size: data.size,
    address: data.texts("address"),
    ...Object.fromEntries(
      ["rank", "verdict", "hits", "reputation", "confidence", "flags", "place", ...(times ? ["first", "last"] : [])]
        .map((name) => [name, data.numbers(name)])),
    ...Object.fromEntries(
      ["country", "network", "type", "city", "prefix", "reasons"].map((name) => [name, data.coded(name)])),
    places: { size: where.size, ...Object.fromEntries(["lat", "lon", "km", "exact"].map((name) => [name, where.numbers(name)])) },
    events: { size: when.size, ...Object.fromEntries(["row", "bin", "hits"].map((name) => [name, when.numbers(name)])) },
    times,
  };
}
