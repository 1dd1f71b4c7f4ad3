/** Alerts of the user's watchlists, as they are raised. */

import type { Message } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { Alert, Workbench } from './api';
import { button, el } from './dom';

export class AlertsView extends Widget {
  constructor(private readonly workbench: Workbench) {
    super();
    this.addClass('ipw-view');
    this.node.append(this.list);
  }

  /** An alert that was raised while this page was open. */
  get raised(): ISignal<this, Alert> {
    return this.raisedSignal;
  }

  /** How many alerts are raised and looked after by nobody. */
  get unattended(): ISignal<this, number> {
    return this.unattendedSignal;
  }

  /** Listen for alerts, or no longer; where there is no store, none is made for it. */
  hear(wanted: boolean): void {
    this.wanted = wanted;
    if (!wanted) {
      this.stop?.();
      this.stop = null;
      return;
    }
    this.workbench.status().then(
      status => status.store && this.listen(),
      () => undefined
    );
  }

  dispose(): void {
    this.stop?.();
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    if (!this.list.firstChild) {
      this.list.textContent = 'Asking the store …';
    }
    // Whoever looks at alerts wants a store; from then on it is listened to.
    this.refresh().then(
      () => this.listen(),
      error => this.list.replaceChildren(el('p', { class: 'ipw-mod-error' }, error.message))
    );
  }

  private listen(): void {
    if (this.stop || !this.wanted) {
      return;
    }
    this.stop = () => undefined;
    this.refresh().then(
      () => {
        if (this.stop === null) {
          return;
        }
        this.stop = this.workbench.hearAlerts(alert => {
          // Those raised before are told again whenever the stream begins.
          if (!this.alerts.has(alert.id)) {
            this.alerts.set(alert.id, alert);
            this.draw();
            this.raisedSignal.emit(alert);
          }
        });
      },
      () => {
        this.stop = null;
      }
    );
  }

  private async refresh(): Promise<void> {
    const found = await this.workbench.alerts();
    this.alerts = new Map(found.map(alert => [alert.id, alert]));
    this.draw();
  }

  private draw(): void {
    const shown = [...this.alerts.values()].sort((a, b) => b.raised_at.localeCompare(a.raised_at));
    this.unattendedSignal.emit(shown.filter(alert => alert.state === 'raised').length);
    this.list.replaceChildren(
      ...(shown.length > 0
        ? shown.map(alert => this.card(alert))
        : [el('p', { class: 'ipw-more' }, 'No alerts. wb.connect_store().watchlists.create(name, network=…) watches a network.')])
    );
  }

  private card(alert: Alert): HTMLElement {
    const wrong = el('div', { class: 'ipw-mod-error' });
    const set = (state: 'acknowledged' | 'closed'): void => {
      this.workbench.setAlert(alert.id, state).then(
        changed => {
          this.alerts.set(changed.id, changed);
          this.draw();
        },
        error => (wrong.textContent = error.message)
      );
    };
    const when = new Date(alert.raised_at);
    return el(
      'div',
      { class: `ipw-card ipw-alert ipw-mod-${alert.state}` },
      el('strong', {}, alert.says),
      el(
        'div',
        { class: 'ipw-source' },
        `${alert.name}, `,
        el('time', { datetime: alert.raised_at }, when.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })),
        `, ${alert.state}${alert.changed_by ? ` by ${alert.changed_by}` : ''}`
      ),
      alert.state !== 'closed' &&
        el(
          'div',
          { class: 'ipw-actions' },
          alert.state === 'raised' && button('Acknowledge', 'Say that you look after it', () => set('acknowledged')),
          button('Close', 'Say that it is done with', () => set('closed'))
        ),
      wrong
    );
  }

  private wanted = true;
  private stop: (() => void) | null = null;
  private alerts = new Map<string, Alert>();
  private readonly raisedSignal = new Signal<this, Alert>(this);
  private readonly unattendedSignal = new Signal<this, number>(this);
  private readonly list = el('div', { class: 'ipw-list' });
}
