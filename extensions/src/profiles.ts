/** Profiles of the store: searched, and by the investigations they belong to. */

import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { Investigation, Profile, Workbench } from './api';
import { headline } from './card';
import { button, el } from './dom';
import { label, parseLevel } from './tlp';

const PAUSE_MS = 250;

/** A level of the store as its label. */
function secrecy(text: string): HTMLElement | null {
  const level = parseLevel(text);
  return level && label(level);
}

function failed(error: unknown): HTMLElement {
  return el('p', { class: 'ipw-mod-error' }, error instanceof Error ? error.message : String(error));
}

function card(profile: Profile, lookUp: (address: string) => void): HTMLElement {
  const network = profile.asn === null ? '' : `AS${profile.asn} ${profile.as_org ?? ''}`;
  const threat = profile.threat_level === 'none' ? '' : `threat ${profile.threat_level}`;
  const about = [profile.country, network].filter(Boolean).join(' · ');
  return el(
    'details',
    { class: `ipw-card ipw-mod-${profile.verdict ?? 'invalid'}` },
    el(
      'summary',
      {},
      headline(profile.verdict ?? 'invalid', profile.address),
      el('span', { class: 'ipw-line' }, secrecy(profile.secrecy), threat),
      el('span', { class: 'ipw-about' }, about)
    ),
    el(
      'div',
      { class: 'ipw-card-body ipw-details' },
      profile.reasons && el('p', { class: 'ipw-reasons' }, profile.reasons),
      profile.notes && el('div', { class: 'ipw-notes' }, profile.notes),
      profile.tags.length > 0 &&
        el('div', { class: 'ipw-line' }, ...profile.tags.map(tag => el('span', { class: 'ipw-tag' }, tag))),
      network && el('div', { class: 'ipw-source' }, network),
      el('div', { class: 'ipw-source' }, `${profile.owner}, changed by ${profile.updated_by} on ${profile.updated_at.slice(0, 10)}`),
      el('div', { class: 'ipw-actions' }, button('Look up', 'Ask the intel of today', () => lookUp(profile.address)))
    )
  );
}

/** Cards of a search, a page at a time. */
async function fill(
  list: HTMLElement,
  workbench: Workbench,
  query: { text?: string; investigation?: string; after?: string },
  lookUp: (address: string) => void,
  current: () => boolean
): Promise<void> {
  const page = await workbench.profiles(query);
  if (!current()) {
    return;
  }
  const cards = page.items.map(profile => card(profile, lookUp));
  const { next } = page;
  const more =
    next &&
    button('Show more', 'The next page', () => {
      more && more.remove();
      fill(list, workbench, { ...query, after: next }, lookUp, current).catch(error => list.append(failed(error)));
    });
  query.after ? list.append(...cards) : list.replaceChildren(...cards);
  if (more) {
    list.append(more);
  }
  if (!query.after && cards.length === 0) {
    list.replaceChildren(el('p', { class: 'ipw-more' }, query.text ? 'No profile matches.' : 'No profiles yet: look an address up and save it.'));
  }
}

export class ProfilesView extends Widget {
  constructor(
    private readonly workbench: Workbench,
    private readonly lookUp: (address: string) => void
  ) {
    super();
    this.addClass('ipw-view');
    this.search.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.refresh(), PAUSE_MS);
    });
    this.node.append(this.search, this.list);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.refresh();
  }

  private async refresh(): Promise<void> {
    const turn = ++this.turn;
    const current = (): boolean => turn === this.turn;
    if (!this.list.firstChild) {
      this.list.textContent = 'Asking the store …';
    }
    try {
      await fill(this.list, this.workbench, { text: this.search.value.trim() }, this.lookUp, current);
    } catch (error) {
      if (current()) {
        this.list.replaceChildren(failed(error));
      }
    }
  }

  private turn = 0;
  private timer = 0;
  private readonly search = el('input', {
    type: 'search',
    class: 'ipw-search',
    placeholder: 'Address, network, note, tag, AS, city',
    'aria-label': 'Search profiles'
  });
  private readonly list = el('div', { class: 'ipw-list' });
}

export class InvestigationsView extends Widget {
  constructor(
    private readonly workbench: Workbench,
    private readonly lookUp: (address: string) => void
  ) {
    super();
    this.addClass('ipw-view');
    this.node.append(this.list);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    if (!this.list.firstChild) {
      this.list.textContent = 'Asking the store …';
    }
    this.workbench.investigations().then(
      found =>
        this.list.replaceChildren(
          ...(found.length > 0
            ? found.map(item => this.card(item))
            : [el('p', { class: 'ipw-more' }, 'No investigations yet: wb.connect_store().investigations.create(name) opens one.')])
        ),
      error => this.list.replaceChildren(failed(error))
    );
  }

  private card(item: Investigation): HTMLElement {
    const profiles = el('div', { class: 'ipw-list' });
    const node = el(
      'details',
      { class: 'ipw-card' },
      el(
        'summary',
        {},
        el('strong', {}, item.name),
        el('span', { class: 'ipw-line' }, secrecy(item.secrecy), item.state),
        el('span', { class: 'ipw-about' }, `${item.owner}, ${item.created_by}, ${item.created_at.slice(0, 10)}`)
      ),
      el('div', { class: 'ipw-card-body ipw-details' }, item.description && el('div', { class: 'ipw-notes' }, item.description), profiles)
    );
    node.addEventListener('toggle', () => {
      if (node.open) {
        fill(profiles, this.workbench, { investigation: item.id }, this.lookUp, () => node.open).catch(error =>
          profiles.replaceChildren(failed(error))
        );
      }
    });
    return node;
  }

  private readonly list = el('div', { class: 'ipw-list' });
}
