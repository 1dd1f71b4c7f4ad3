/** A STIX bundle as a table, in outputs and for .stix.json files. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import { button, el } from '../dom';
import { AUDIENCE, label, tlpClass } from '../tlp';
import { type Bundle, readBundle, type Row } from './bundle';

export const STIX_TYPES = ['application/stix+json;version=2.1', 'application/stix+json'];

/** Rows drawn at once; more on request. */
const PAGE = 200;

export class StixView extends Widget implements IRenderMime.IRenderer {
  constructor(private readonly mimeType: string) {
    super();
    this.addClass('ipw-stix');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    try {
      this.bundle = readBundle(model.data[this.mimeType]);
    } catch (error) {
      this.node.replaceChildren(el('p', { class: 'ipw-mod-error' }, (error as Error).message));
      return;
    }
    this.type = '';
    this.words = '';
    this.draw(this.bundle);
  }

  private draw(bundle: Bundle): void {
    const search = el('input', {
      type: 'search',
      class: 'ipw-search',
      placeholder: 'Filter',
      'aria-label': 'Show only objects that contain this text'
    });
    search.addEventListener('input', () => {
      this.words = search.value.toLowerCase();
      this.fill(bundle, PAGE);
    });
    const heads = ['Type', 'Name', 'TLP', 'Pattern, value or relation', 'Date'];
    this.node.replaceChildren(
      bundle.tlp
        ? el(
            'div',
            { class: `ipw-banner ${tlpClass(bundle.tlp)}` },
            label(bundle.tlp),
            el('span', {}, `The strictest marking in this bundle: ${AUDIENCE[bundle.tlp]}.`)
          )
        : '',
      el(
        'div',
        { class: 'ipw-stix-head' },
        el('strong', {}, `${bundle.rows.length.toLocaleString()} STIX ${bundle.rows.length === 1 ? 'object' : 'objects'}`),
        ...this.types(bundle),
        search
      ),
      el(
        'div',
        { class: 'ipw-stix-scroll' },
        el('table', {}, el('thead', {}, el('tr', {}, ...heads.map(name => el('th', { scope: 'col' }, name)))), this.table)
      ),
      this.foot
    );
    this.fill(bundle, PAGE);
  }

  /** How many of each type; pressing one shows only those. */
  private types(bundle: Bundle): HTMLElement[] {
    const counts = new Map<string, number>();
    for (const row of bundle.rows) {
      counts.set(row.type, (counts.get(row.type) ?? 0) + 1);
    }
    const chips = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 12)
      .map(([type, count]) =>
        el(
          'button',
          {
            type: 'button',
            class: 'ipw-filter',
            'aria-pressed': 'false',
            onclick: event => {
              this.type = this.type === type ? '' : type;
              for (const each of chips) {
                each.setAttribute('aria-pressed', String(each === event.currentTarget && this.type !== ''));
              }
              this.fill(bundle, PAGE);
            }
          },
          `${type} ${count.toLocaleString()}`
        )
      );
    return chips.length > 1 ? chips : [];
  }

  private fill(bundle: Bundle, most: number): void {
    const chosen = bundle.rows.filter(
      row =>
        (!this.type || row.type === this.type) &&
        (!this.words || `${row.type}\n${row.name}\n${row.says}\n${row.tlp ?? ''}`.toLowerCase().includes(this.words))
    );
    this.table.replaceChildren(...chosen.slice(0, most).map(drawRow));
    const more = chosen.length - most;
    this.foot.replaceChildren(
      ...(more > 0
        ? [button(`Show ${Math.min(PAGE * 5, more).toLocaleString()} more of ${more.toLocaleString()}`, 'Draw more rows', () => this.fill(bundle, most + PAGE * 5))]
        : []),
      ...(chosen.length === 0 ? [el('p', {}, 'Nothing matches.')] : [])
    );
  }

  private bundle: Bundle | null = null;
  private type = '';
  private words = '';
  private readonly table = el('tbody');
  private readonly foot = el('div', { class: 'ipw-actions' });
}

function drawRow(row: Row): HTMLElement {
  return el(
    'tr',
    { title: row.id },
    el('td', { class: 'ipw-type' }, row.type),
    el('td', { class: 'ipw-name' }, row.name),
    el('td', {}, row.tlp ? label(row.tlp) : ''),
    el('td', { class: 'ipw-says' }, row.isCode ? el('code', {}, row.says) : row.says),
    el('td', { class: 'ipw-date' }, row.seen)
  );
}
