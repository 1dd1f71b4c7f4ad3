/**
 * Addresses under the mouse and in outputs, defanged ones included. This finds what to ask about; what an address is
 * worth, and whether it is one, the server says.
 */

export interface Found {
  /** Where it is written. */
  start: number;
  end: number;
  /** The address without its disguise. */
  address: string;
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const DOT = '(?:\\[\\.\\]|\\(\\.\\)|\\{\\.\\}|\\[\\.|\\.\\]|\\[dot\\]|\\(dot\\)|\\.)';
const COLON = '(?:\\[:\\]|:)';
const IPV4 = `${OCTET}(?:${DOT}${OCTET}){3}`;
const GROUP = '[0-9a-f]{1,4}';
// Anything of hexadecimal groups and colons; `isIPv6` decides. Bounded, so that no text makes it run long.
const IPV6 = `(?:(?:${GROUP})?(?:${COLON}(?:${GROUP})?){1,7}${COLON}(?:${IPV4}|${GROUP})|(?:${GROUP}${COLON}){1,7}${COLON})`;
const PATTERN = `(?<![\\w.:\\-])${IPV6}(?!\\w|:[\\w:])|(?<![\\w.\\-])${IPV4}(?!\\w|-[a-z]|${DOT}\\d)`;

/** The longest way to write an address: IPv6 with every colon in brackets and an IPv4 tail. */
export const LONGEST = 96;

/** Addresses in a text, from left to right, at most `limit` of them. */
export function findAddresses(text: string, limit = Infinity): Found[] {
  const found: Found[] = [];
  const pattern = new RegExp(PATTERN, 'gi');
  for (let hit = pattern.exec(text); hit && found.length < limit; hit = pattern.exec(text)) {
    const address = refang(hit[0]);
    if (!address.includes(':') || isIPv6(address)) {
      found.push({ start: hit.index, end: hit.index + hit[0].length, address });
    }
  }
  return found;
}

/** The address written around one place in a text. */
export function addressAt(text: string, offset: number): Found | null {
  const from = Math.max(0, offset - LONGEST - 1);
  const near = text.slice(from, offset + LONGEST);
  const hit = findAddresses(near).find(
    item => item.start <= offset - from && offset - from <= item.end
  );
  return hit ? { start: hit.start + from, end: hit.end + from, address: hit.address } : null;
}

export function refang(text: string): string {
  return text
    .toLowerCase()
    .replace(/\[dot\]|\(dot\)/g, '.')
    .replace(/[[\](){}]/g, '');
}

function isIPv6(text: string): boolean {
  // Clock times, hardware addresses and the `::` of programs are written likewise.
  const groups = text.split(':').length + (text.includes('.') ? 1 : 0);
  if (text.length < 4 || !/\d/.test(text) || (groups !== 8 && !text.includes('::'))) {
    return false;
  }
  try {
    new URL(`http://[${text}]/`);
    return true;
  } catch {
    return false;
  }
}
