/** Verdicts as the workbench names them, worst first, with the signs that stand beside their colours. */

import { el } from './dom';

export const VERDICTS = [
  'malicious',
  'suspicious',
  'anonymised',
  'watch',
  'clean',
  'unroutable',
  'invalid'
] as const;

export type Verdict = (typeof VERDICTS)[number];

const SIGNS: Record<Verdict, string> = {
  malicious: '✖',
  suspicious: '▲',
  anonymised: '◆',
  watch: '●',
  clean: '✓',
  unroutable: '○',
  invalid: '?'
};

function known(verdict: string): Verdict {
  return VERDICTS.find(name => name === verdict) ?? 'invalid';
}

/** Place in the order, 0 for the worst. */
export function rank(verdict: string): number {
  return VERDICTS.indexOf(known(verdict));
}

/** The coloured chip; the sign tells it apart in print and for the colour-blind. */
export function chip(verdict: string): HTMLElement {
  const name = known(verdict);
  return el(
    'span',
    { class: `ipw-verdict ipw-mod-${name}` },
    el('span', { class: 'ipw-sign', 'aria-hidden': 'true' }, SIGNS[name]),
    name
  );
}
