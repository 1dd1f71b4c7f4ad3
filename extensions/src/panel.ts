/** The first view of the panel: paste addresses or any text, read the verdicts, worst first. */

import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { Short, Status, Workbench } from './api';
import { details, headline } from './card';
import { button, el } from './dom';
import { saver } from './saver';
import { chip, rank, VERDICTS } from './verdicts';

/** Cards drawn at once; the summary counts all. */
const SHOWN = 200;

export class LookupView extends Widget {
  constructor(private readonly workbench: Workbench) {
    super();
    this.addClass('ipw-view');
    this.input.addEventListener('keydown', event => {
      const wanted = event.key === 'Enter' && !event.shiftKey;
      if (wanted && (event.ctrlKey || event.metaKey || !this.input.value.includes('\n'))) {
        event.preventDefault();
        void this.lookup(this.input.value);
      }
    });
    this.input.addEventListener('input', () => this.grow());
    this.node.append(
      this.dated,
      this.input,
      el(
        'div',
        { class: 'ipw-actions' },
        button('Look up', 'Look the addresses up (Enter)', () => void this.lookup(this.input.value), 'ipw-mod-main'),
        button('Clear', 'Empty the panel', () => this.clear())
      ),
      this.said,
      this.summary,
      this.list
    );
  }

  /** Look up every address in a text and show what is known. */
  async lookup(text: string): Promise<void> {
    const turn = ++this.turn;
    if (!text.trim()) {
      this.say('Paste an address, log lines, or any text that has addresses in it.');
      return;
    }
    this.input.value = text.length > 20_000 ? `${text.slice(0, 20_000)}…` : text;
    this.grow();
    this.say('Looking up …');
    this.node.classList.add('ipw-mod-busy');
    try {
      const status = await this.status();
      const extraction = await this.workbench.extract(text);
      const addresses = extraction.found.filter(item => item.kind === 'address');
      const networks = extraction.found.length - addresses.length;
      const verdicts = await this.workbench.verdicts(
        addresses.map(item => item.address),
        status.max_addresses
      );
      if (turn !== this.turn) {
        return;
      }
      const counts = new Map(addresses.map(item => [item.address, item.count]));
      const notes = [
        addresses.length === 0 && 'No address in this text.',
        networks > 0 && `${networks} ${networks === 1 ? 'network is' : 'networks are'} not looked up, only addresses.`,
        extraction.malformed_count > 0 &&
          `${extraction.malformed_count} malformed, the first: ${extraction.malformed[0]?.text} in line ${extraction.malformed[0]?.line}.`,
        extraction.distinct > extraction.found.length &&
          `Only the ${extraction.found.length} most frequent of ${extraction.distinct} are shown; wb.triage takes all.`
      ];
      this.say(notes.filter(Boolean).join(' '));
      this.results = [...verdicts.values()].sort(
        (a, b) => rank(a.verdict) - rank(b.verdict) || (b.reputation ?? 0) - (a.reputation ?? 0)
      );
      this.counts = counts;
      this.chosen = null;
      this.draw();
    } catch (error) {
      if (turn === this.turn) {
        this.say(error instanceof Error ? error.message : String(error), true);
      }
    } finally {
      if (turn === this.turn) {
        this.node.classList.remove('ipw-mod-busy');
      }
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.status().catch(error => this.say(error.message, true));
  }

  focus(): void {
    this.input.focus();
  }

  private async status(): Promise<Status> {
    const status = await this.workbench.status();
    const { snapshot } = status;
    const days = Math.floor((Date.now() - Date.parse(snapshot.as_of)) / 86_400_000);
    this.dated.replaceChildren(
      `Intel of ${snapshot.as_of.slice(0, 10)}`,
      el('span', { class: days > 30 ? 'ipw-mod-old' : '' }, days > 0 ? `, ${days} ${days === 1 ? 'day' : 'days'} old` : '')
    );
    this.dated.title = snapshot.sources
      .map(source => `${source.title}, ${source.as_of?.slice(0, 10) ?? 'undated'}`)
      .join('\n');
    return status;
  }

  private clear(): void {
    this.turn++;
    this.input.value = '';
    this.results = [];
    this.node.classList.remove('ipw-mod-busy');
    this.say('');
    this.draw();
    this.grow();
    this.input.focus();
  }

  private say(text: string, wrong = false): void {
    this.said.textContent = text;
    this.said.classList.toggle('ipw-mod-error', wrong);
  }

  /** As tall as what was pasted, within reason. */
  private grow(): void {
    this.input.rows = Math.min(8, Math.max(2, this.input.value.split('\n', 9).length));
  }

  private draw(): void {
    const shown = this.results.filter(item => this.chosen === null || item.verdict === this.chosen);
    this.summary.replaceChildren(...(this.results.length > 1 ? this.chips() : []));
    const cards = shown.slice(0, SHOWN).map(item => this.card(item));
    const more = shown.length - cards.length;
    this.list.replaceChildren(
      ...cards,
      more > 0 ? el('p', { class: 'ipw-more' }, `… and ${more.toLocaleString()} more: wb.triage shows all.`) : ''
    );
    const first = cards[0];
    if (first && cards.length <= 3) {
      first.open = true;
    }
  }

  /** How many of each verdict; pressing one shows only those. */
  private chips(): HTMLElement[] {
    return VERDICTS.flatMap(verdict => {
      const count = this.results.filter(item => item.verdict === verdict).length;
      if (count === 0) {
        return [];
      }
      const pressed = this.chosen === verdict;
      return el(
        'button',
        {
          type: 'button',
          class: 'ipw-filter',
          'aria-pressed': String(pressed),
          title: pressed ? 'Show all' : `Show only ${verdict}`,
          onclick: () => {
            this.chosen = pressed ? null : verdict;
            this.draw();
          }
        },
        chip(verdict),
        count.toLocaleString()
      );
    });
  }

  private card(item: Short): HTMLDetailsElement {
    const times = this.counts.get(item.input) ?? 1;
    const about = [item.country, item.as_org, times > 1 && `${times.toLocaleString()} times`];
    const body = el('div', { class: 'ipw-card-body' });
    const card = el(
      'details',
      { class: `ipw-card ipw-mod-${item.verdict}` },
      el(
        'summary',
        {},
        headline(item.verdict, item.address ?? item.input),
        el('span', { class: 'ipw-about' }, about.filter(Boolean).join(' · '))
      ),
      body
    );
    card.addEventListener('toggle', () => {
      if (card.open && !body.firstChild) {
        body.textContent = '…';
        this.workbench.intel(item.input).then(
          intel => body.replaceChildren(details(intel), intel.address ? saver(this.workbench, intel.address) : ''),
          error => body.replaceChildren(el('p', { class: 'ipw-mod-error' }, error.message))
        );
      }
    });
    return card;
  }

  private turn = 0;
  private results: Short[] = [];
  private counts = new Map<string, number>();
  private chosen: string | null = null;
  private readonly dated = el('div', { class: 'ipw-dated' });
  private readonly input = el('textarea', {
    class: 'ipw-input',
    rows: 2,
    spellcheck: 'false',
    'aria-label': 'Addresses, or any text with addresses in it',
    placeholder: 'Addresses, log lines, any text; 1[.]2[.]3[.]4 too'
  });
  private readonly said = el('div', { class: 'ipw-said', role: 'status' });
  private readonly summary = el('div', { class: 'ipw-summary' });
  private readonly list = el('div', { class: 'ipw-list' });
}
