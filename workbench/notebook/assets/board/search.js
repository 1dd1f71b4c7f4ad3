// Words looked for in the columns: text in addresses is looked for in their bytes, in the other columns in each text of
// the dictionary once. `AS4134` is that network and no other, `198.51.100.0/24` and `2001:db8::/32` are what lies within.

const NETWORK = /^as\d+$/;
const CIDR = /^([0-9a-f.:]+)\/(\d{1,3})$/;

export class Search {
  constructor(columns, countries) {
    this.columns = columns;
    this.texts = ["network", "city", "prefix", "type", "reasons"].map((name) => columns[name])
      .concat({ codes: columns.country.codes, values: columns.country.values.map((code) => `${code} ${countries[code] ?? ""}`) });
    this.lower = this.texts.map(() => null);
  }

  /** A byte a row: 1 where all words of the text are found; `null` for no words. */
  find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    const found = new Uint8Array(this.columns.size).fill(1);
    for (const word of words) {
      const passes = this.word(word);
      for (let row = 0; row < found.length; row++) found[row] &= passes[row];
    }
    return found;
  }

  word(word) {
    const passes = new Uint8Array(this.columns.size);
    const cidr = CIDR.exec(word);
    const within = cidr && range(cidr[1], Number(cidr[2]));
    if (within) {
      const { words, version } = this.addresses();
      for (let row = 0; row < passes.length; row++) passes[row] = version[row] === within.version && inside(words, row * 8, within) ? 1 : 0;
      return passes;
    }
    const { network } = this.columns;
    if (NETWORK.test(word)) {
      const start = `${word} `;
      mark(passes, network.codes, network.values.map((value) => { const lower = value.toLowerCase(); return lower === word || lower.startsWith(start); }));
      return passes;
    }
    this.inAddresses(word, passes);
    this.texts.forEach((column, at) => {
      const lower = (this.lower[at] ??= column.values.map((value) => value.toLowerCase()));
      mark(passes, column.codes, lower.map((value) => value.includes(word)));
    });
    return passes;
  }

  inAddresses(word, passes) {
    const needle = new TextEncoder().encode(word);
    const { bytes, offsets } = this.columns.address;
    const end = offsets[passes.length];
    for (let at = bytes.indexOf(needle[0], offsets[0]), row = 0; at >= 0 && at < end; at = bytes.indexOf(needle[0], at + 1)) {
      while (offsets[row + 1] <= at) row++;
      if (at + needle.length > offsets[row + 1]) continue;
      let same = 1;
      while (same < needle.length && bytes[at + same] === needle[same]) same++;
      if (same === needle.length) passes[row] = 1;
    }
  }

  /** Every address as eight words of 16 bits (IPv4 in the first two), parsed when first asked for. */
  addresses() {
    if (this.parsed) return this.parsed;
    const { size, address } = this.columns;
    const [words, version] = [new Uint16Array(size * 8), new Uint8Array(size)];
    for (let row = 0; row < size; row++)
      version[row] = parse4(address.bytes, address.offsets[row], address.offsets[row + 1], words, row * 8) || parse(address.at(row), words, row * 8);
    return (this.parsed = { words, version });
  }
}

function mark(passes, codes, wanted) {
  for (let row = 0; row < passes.length; row++) if (wanted[codes[row]]) passes[row] = 1;
}

/** Writes the bytes of an IPv4 address into `words` from `at`; returns 4, or 0 for what is none. */
function parse4(bytes, from, to, words, at) {
  let value = 0;
  let part = 0;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i] - 48;
    if (digit >= 0 && digit <= 9) part = part * 10 + digit;
    else if (bytes[i] === 46) {
      value = value * 256 + part;
      part = 0;
      dots++;
    } else return 0;
  }
  if (dots !== 3) return 0;
  value = value * 256 + part;
  words[at] = value >>> 16;
  words[at + 1] = value & 0xffff;
  return 4;
}

/** Writes an address into `words` from `at`; returns its version, 0 for what is none. */
function parse(text, words, at) {
  if (!text.includes(":")) {
    const parts = text.split(".").map(Number);
    if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return 0;
    words[at] = parts[0] * 256 + parts[1];
    words[at + 1] = parts[2] * 256 + parts[3];
    return 4;
  }
  const [head, tail, more] = text.split("::");
  if (more !== undefined) return 0;
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const gap = 8 - left.length - right.length;
  if (tail === undefined ? gap !== 0 : gap < 1) return 0;
  const groups = [...left, ...Array(Math.max(0, gap)).fill("0"), ...right].map((group) => parseInt(group, 16));
  if (groups.some((group) => !(group >= 0 && group <= 0xffff))) return 0;
  for (let i = 0; i < 8; i++) words[at + i] = groups[i];
  return 6;
}

function range(text, length) {
  const words = new Uint16Array(8);
  const version = parse(text, words, 0);
  return version && length <= (version === 4 ? 32 : 128) ? { words, version, length } : null;
}

function inside(words, at, { words: wanted, length }) {
  for (let i = 0, left = length; left > 0; i++, left -= 16) {
    const shift = left >= 16 ? 0 : 16 - left;
    if (words[at + i] >> shift !== wanted[i] >> shift) return false;
  }
  return true;
}
