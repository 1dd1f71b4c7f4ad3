/** All that is known of one address, as a card: in the panel, and beside the mouse. */

import type { Evidence, Intel } from './api';
import { el } from './dom';
import { chip } from './verdicts';

/** The first line of a card: verdict and address. */
export function headline(verdict: string, address: string): HTMLElement {
  return el('span', { class: 'ipw-headline' }, chip(verdict), el('code', { class: 'ipw-address' }, address));
}

/** Everything below the headline. */
export function details(intel: Intel): HTMLElement {
  return el(
    'div',
    { class: 'ipw-details' },
    standing(intel),
    reasons(intel),
    facts(intel),
    evidence(intel.evidence),
    el('div', { class: 'ipw-origin' }, `Snapshot ${intel.snapshot}`)
  );
}

function standing(intel: Intel): HTMLElement | null {
  if (intel.reputation === null) {
    return null;
  }
  const confidence = intel.confidence === null ? '' : ` · confidence ${Math.round(intel.confidence * 100)} %`;
  const bar = el('span', { class: `ipw-bar-filled ipw-mod-${intel.verdict}` });
  bar.style.width = `${intel.reputation}%`;
  return el(
    'div',
    { class: 'ipw-standing', title: 'Reputation from 0 to 100, 100 is worst' },
    el('span', {}, `Reputation ${intel.reputation}/100${confidence}`),
    el('span', { class: 'ipw-bar', 'aria-hidden': 'true' }, bar)
  );
}

function reasons(intel: Intel): HTMLElement | null {
  const sentences = intel.reasons.split('; ').filter(Boolean);
  if (sentences.length < 2) {
    return sentences[0] ? el('p', { class: 'ipw-reasons' }, sentences[0]) : null;
  }
  return el('ul', { class: 'ipw-reasons' }, ...sentences.map(text => el('li', {}, text)));
}

function facts(intel: Intel): HTMLElement {
  const place = [intel.city, intel.region, intel.country_name].filter(Boolean).join(', ');
  const rows: [string, string][] = [
    ['Place', place && `${place} (${intel.country})`],
    ['Network', intel.asn === null ? '' : `AS${intel.asn} ${intel.as_org ?? ''}`],
    ['Type', intel.network_type === 'unknown' ? '' : (intel.network_type ?? '')],
    ['Prefix', intel.prefix ?? ''],
    ['Scope', intel.scope === 'global' ? '' : intel.scope],
    ['Flags', intel.flags.map(flag => flag.replace('_', ' ')).join(', ')]
  ];
  const list = el('dl', { class: 'ipw-facts' });
  for (const [name, text] of rows) {
    if (text) {
      list.append(el('dt', {}, name), el('dd', {}, text));
    }
  }
  return list;
}

function evidence(items: Evidence[]): HTMLElement | null {
  if (items.length === 0) {
    return null;
  }
  return el(
    'div',
    { class: 'ipw-evidence' },
    el('h4', {}, items.length === 1 ? 'Evidence' : `Evidence (${items.length})`),
    el('ul', {}, ...items.map(entry))
  );
}

function entry(item: Evidence): HTMLElement {
  const seen = item.seen ? item.seen.slice(0, 10) : 'undated';
  return el(
    'li',
    {},
    el(
      'div',
      { class: 'ipw-entry' },
      el('strong', {}, `${item.category.replace('_', ' ')} ${item.label}`.trim()),
      el('code', {}, item.entry)
    ),
    el(
      'div',
      { class: 'ipw-source', title: `Licence ${item.licence}` },
      `${item.title}, reliability ${item.reliability}, `,
      el('time', { datetime: item.seen ?? undefined }, seen),
      `, weight ${item.weight.toFixed(2)}`
    ),
    item.note && el('div', { class: 'ipw-note' }, item.note)
  );
}
