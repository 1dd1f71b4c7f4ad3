/** The side panel: four views, of which one is shown. */

import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { AlertsView } from './alerts';
import type { Workbench } from './api';
import { el } from './dom';
import { workbenchIcon } from './icon';
import { LookupView } from './panel';
import { InvestigationsView, ProfilesView } from './profiles';

const TITLES = { lookup: 'Look up', profiles: 'Profiles', investigations: 'Investigations', alerts: 'Alerts' };

export type ViewName = keyof typeof TITLES;

export class Sidebar extends Panel {
  constructor(workbench: Workbench) {
    super();
    this.id = 'ip-workbench-panel';
    this.addClass('ipw-panel');
    this.title.icon = workbenchIcon;
    this.title.caption = 'IP Workbench';
    const lookUp = (address: string): void => {
      this.turnTo('lookup');
      void this.lookup.lookup(address);
    };
    this.lookup = new LookupView(workbench);
    const profiles = new ProfilesView(workbench, lookUp);
    const investigations = new InvestigationsView(workbench, lookUp);
    this.alerts = new AlertsView(workbench);
    this.views = { lookup: this.lookup, profiles, investigations, alerts: this.alerts };

    const badge = el('span', { class: 'ipw-badge' });
    this.alerts.unattended.connect((_, count) => {
      badge.textContent = count > 0 ? String(count) : '';
      badge.title = `${count} raised`;
    });
    const tabs = new Widget();
    tabs.addClass('ipw-tabs');
    tabs.node.setAttribute('role', 'tablist');
    for (const [name, title] of Object.entries(TITLES) as [ViewName, string][]) {
      const tab = el(
        'button',
        { type: 'button', class: 'ipw-tab', role: 'tab', onclick: () => this.turnTo(name) },
        title,
        name === 'alerts' && badge
      );
      this.tabs.set(name, tab);
      tabs.node.append(tab);
    }
    this.addWidget(tabs);
    Object.values(this.views).forEach(view => this.addWidget(view));
    this.turnTo('lookup');
  }

  turnTo(name: ViewName): void {
    for (const [each, view] of Object.entries(this.views)) {
      view.setHidden(each !== name);
      this.tabs.get(each as ViewName)?.setAttribute('aria-selected', String(each === name));
    }
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (this.lookup.isVisible) {
      this.lookup.focus();
    }
  }

  readonly lookup: LookupView;
  readonly alerts: AlertsView;
  private readonly views: Record<ViewName, Widget>;
  private readonly tabs = new Map<ViewName, HTMLElement>();
}
