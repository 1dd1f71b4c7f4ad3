/** The marking of a notebook, in its metadata as `workbench.tlp`: a banner above it, and the choice in its toolbar. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { Widget } from '@lumino/widgets';

import { el } from './dom';
import { AUDIENCE, label, type Level, LEVELS, parseLevel, stricter, strictest, tlpClass } from './tlp';

/** The level in a notebook's metadata; a marking that is no TLP label counts as TLP:RED, as on the server. */
export function markingIn(metadata: unknown): Level | null {
  const text = (metadata as { workbench?: { tlp?: unknown } } | null | undefined)?.workbench?.tlp;
  return text === undefined || text === null ? null : (parseLevel(text) ?? 'TLP:RED');
}

/**
 * The strictest level whose label is in the HTML that a notebook shows: what an unmarked one is held for. The classes are
 * those of `tlp_class` in `workbench/notebook/markings.py`.
 */
export function shownIn(notebook: unknown): Level | null {
  const { cells } = (notebook ?? {}) as { cells?: { outputs?: { data?: Record<string, unknown> }[] }[] };
  let found: Level | null = null;
  for (const cell of cells ?? []) {
    for (const output of cell.outputs ?? []) {
      const html = output.data?.['text/html'];
      const text = Array.isArray(html) ? html.join('') : String(html ?? '');
      for (const [, name] of text.matchAll(/\bwb-tlp wb-(clear|green|amber-strict|amber|red)\b/g)) {
        found = strictest(found, parseLevel(name));
      }
    }
  }
  return found;
}

export function markingOf(panel: NotebookPanel): Level | null {
  return markingIn({ workbench: panel.content.model?.getMetadata('workbench') });
}

/** Mark a notebook, or unmark it; lowering is asked about first. Says whether it was done. */
export async function mark(panel: NotebookPanel, level: Level | null): Promise<boolean> {
  const model = panel.content.model;
  const before = markingOf(panel);
  if (!model || level === before) {
    return model !== null;
  }
  if (before && stricter(before, level ?? 'TLP:CLEAR')) {
    const asked = await showDialog({
      title: `Lower the marking from ${before}?`,
      body: `Who gets the notebook may then pass it on further: ${level ? `${level}, ${AUDIENCE[level]}` : 'it is not marked at all'}.`,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: level ? `Mark ${level}` : 'Remove the marking' })]
    });
    if (!asked.button.accept) {
      return false;
    }
  }
  write(model, level);
  return true;
}

function write(model: INotebookModel, level: Level | null): void {
  const { tlp: _, ...others } = (model.getMetadata('workbench') as Record<string, unknown> | undefined) ?? {};
  if (level) {
    model.setMetadata('workbench', { ...others, tlp: level });
  } else if (Object.keys(others).length > 0) {
    model.setMetadata('workbench', others);
  } else {
    model.deleteMetadata('workbench');
  }
}

/** The strip above a marked notebook. */
class Banner extends Widget {
  constructor(private readonly panel: NotebookPanel) {
    super();
    this.addClass('ipw-banner');
    this.node.setAttribute('role', 'note');
    this.draw();
  }

  draw(): void {
    const level = markingOf(this.panel);
    this.setHidden(level === null);
    for (const each of LEVELS) {
      this.toggleClass(tlpClass(each), each === level);
    }
    if (level) {
      const text = this.panel.content.model?.getMetadata('workbench')?.tlp;
      const unknown = parseLevel(text) === null;
      this.node.replaceChildren(
        label(level),
        el(
          'span',
          {},
          unknown ? `The marking ${JSON.stringify(text)} is no TLP label: treated as TLP:RED.` : `This notebook is ${AUDIENCE[level]}.`
        )
      );
    }
  }
}

/** The choice in the toolbar. */
class MarkingPicker extends Widget {
  constructor(private readonly panel: NotebookPanel) {
    super();
    this.addClass('ipw-picker');
    this.select.append(
      el('option', { value: '' }, 'TLP not set'),
      ...LEVELS.map(level => el('option', { value: level }, level))
    );
    this.select.addEventListener('change', () => {
      void mark(panel, parseLevel(this.select.value)).then(() => this.draw());
    });
    this.node.append(this.select);
    this.draw();
  }

  draw(): void {
    this.select.value = markingOf(this.panel) ?? '';
  }

  private readonly select = el('select', {
    class: 'ipw-select',
    title: 'The marking of this notebook (TLP 2.0)',
    'aria-label': 'The marking of this notebook'
  });
}

/** Give a notebook its banner and its picker. */
export function showMarking(panel: NotebookPanel): void {
  const banner = new Banner(panel);
  const picker = new MarkingPicker(panel);
  panel.contentHeader.insertWidget(0, banner);
  if (!panel.toolbar.insertBefore('spacer', 'tlp', picker)) {
    panel.toolbar.addItem('tlp', picker);
  }
  let followed: INotebookModel | null = null;
  const draw = (): void => {
    banner.draw();
    picker.draw();
  };
  const follow = (): void => {
    followed?.metadataChanged.disconnect(draw);
    followed = panel.content.model;
    followed?.metadataChanged.connect(draw);
    draw();
  };
  panel.content.modelChanged.connect(follow);
  void panel.context.ready.then(follow);
}
