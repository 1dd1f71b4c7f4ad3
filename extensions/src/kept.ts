/**
 * A widget outlives its kernel only as the HTML that it left beside itself. JupyterLab shows an error in its place;
 * here that HTML is shown, sanitised as JupyterLab does with all that it does not trust.
 */

import type { CodeCell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { SimplifiedOutputArea } from '@jupyterlab/outputarea';

const WIDGET = 'application/vnd.jupyter.widget-view+json';
const GONE = 'Error displaying widget: model not found';
const AWAITED = 'Loading widget...';
const PATIENCE = 1500; // milliseconds that a widget may take to come, before what is kept stands in for it
const HTML = 'text/html';

/** Watches every notebook that is opened. */
export function showWhatIsKept(tracker: INotebookTracker): void {
  tracker.widgetAdded.connect((_, panel) => watch(panel));
  tracker.forEach(watch);
}

function watch(panel: NotebookPanel): void {
  let timer = 0;
  const later = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => replaceAll(panel), PATIENCE);
  };
  const observer = new MutationObserver(changes => {
    const texts = changes.map(change => change.target.textContent);
    if (texts.includes(GONE)) {
      replaceAll(panel);
    } else if (texts.includes(AWAITED)) {
      later();
    }
  });
  observer.observe(panel.content.node, { childList: true, subtree: true, characterData: true });
  panel.disposed.connect(() => {
    window.clearTimeout(timer);
    observer.disconnect();
  });
  later();
}

function replaceAll(panel: NotebookPanel): void {
  for (const cell of panel.content.widgets) {
    const area = (cell as CodeCell).outputArea as SimplifiedOutputArea | undefined;
    area?.widgets.forEach((shown, at) => {
      const lost = Array.from(shown.node.querySelectorAll<HTMLElement>('.jupyter-widgets, .jp-OutputArea-output')).find(isEmpty);
      const output = lost && at < area.model.length ? area.model.get(at) : undefined;
      if (lost && output && WIDGET in output.data && typeof output.data[HTML] === 'string') {
        void replace(panel, lost, output.data[HTML] as string, output.trusted);
      }
    });
  }
}

/** Whether a place holds no more than JupyterLab's word that there is no widget. */
function isEmpty(place: HTMLElement): boolean {
  return place.childElementCount === 0 && (place.textContent === GONE || place.textContent === AWAITED);
}

async function replace(panel: NotebookPanel, place: HTMLElement, html: string, trusted: boolean): Promise<void> {
  const { rendermime } = panel.content;
  const renderer = rendermime.createRenderer(HTML);
  await renderer.renderModel(rendermime.createModel({ data: { [HTML]: html }, trusted }));
  if (isEmpty(place)) {
    place.replaceChildren(renderer.node);
  }
}
