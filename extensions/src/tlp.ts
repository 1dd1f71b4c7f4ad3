/** The Traffic Light Protocol, version 2.0 (FIRST, August 2022). */

import { el } from './dom';

/** Open to closed. */
export const LEVELS = ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED'] as const;

export type Level = (typeof LEVELS)[number];

/** Who may have it, in a few words. */
export const AUDIENCE: Record<Level, string> = {
  'TLP:CLEAR': 'may be shared with everyone',
  'TLP:GREEN': 'for the community only',
  'TLP:AMBER': 'for your organisation and its clients, who need to know',
  'TLP:AMBER+STRICT': 'for your organisation only',
  'TLP:RED': 'for the named recipients only'
};

/** A label as people write it, "amber" and the WHITE of TLP 1.0 included; `null` for what is none. */
export function parseLevel(text: unknown): Level | null {
  if (typeof text !== 'string') {
    return null;
  }
  const name = text
    .trim()
    .toUpperCase()
    .replace(/^TLP:/, '')
    .trim()
    .replace(/[_-]/, '+')
    .replace(/^WHITE$/, 'CLEAR');
  return LEVELS.find(level => level === `TLP:${name}`) ?? null;
}

export function stricter(level: Level, limit: Level): boolean {
  return LEVELS.indexOf(level) > LEVELS.indexOf(limit);
}

/** The stricter of two, where there are two. */
export function strictest(a: Level | null, b: Level | null): Level | null {
  return a && b ? (stricter(b, a) ? b : a) : (a ?? b);
}

/** The label in the colours that FIRST gives it. */
export function label(level: Level): HTMLElement {
  return el('span', { class: `ipw-tlp ${tlpClass(level)}`, title: `${level}, ${AUDIENCE[level]}` }, level);
}

export function tlpClass(level: Level): string {
  return `ipw-mod-${level.slice(4).toLowerCase().replace('+', '-')}`;
}
