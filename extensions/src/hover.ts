/**
 * Hover cards. Nothing is scanned or wrapped for them: what lies under the mouse is read off the page when the mouse
 * rests, so an output of a million lines costs what a short one costs, and no output's own DOM is touched.
 */

import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { addressAt, LONGEST } from './addresses';
import type { Workbench } from './api';
import { details, headline } from './card';
import { button, el } from './dom';

/** Where addresses are cards: outputs, rendered text, bundles. Not where one types. */
export const ZONES = '.jp-OutputArea-output, .jp-MarkdownOutput, .jp-RenderedMarkdown, .jp-RenderedText, .ipw-stix';

/** What tells of its addresses itself: the triage board, which draws its lines anew while it is scrolled. */
export const OWN = '.wb-board';

const RESTS_MS = 250;
const LEAVES_MS = 250;

export interface HoverOptions {
  /** Whether cards are wanted now. */
  enabled: () => boolean;
  /** Show an address in the side panel. */
  open: (address: string) => void;
}

/** Show cards beside addresses, from now until disposed. */
export function installHover(workbench: Workbench, options: HoverOptions): IDisposable {
  const card = new HoverCard(workbench, options);
  const moved = (event: MouseEvent): void => card.moved(event);
  const pressed = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      card.hide();
    }
  };
  const scrolled = (event: Event): void => card.scrolled(event);
  document.addEventListener('mousemove', moved, { passive: true });
  document.addEventListener('keydown', pressed, true);
  document.addEventListener('wheel', scrolled, { passive: true, capture: true });
  return new DisposableDelegate(() => {
    document.removeEventListener('mousemove', moved);
    document.removeEventListener('keydown', pressed, true);
    document.removeEventListener('wheel', scrolled, true);
    card.hide();
  });
}

interface Written {
  address: string;
  box: DOMRect;
}

class HoverCard {
  constructor(
    private readonly workbench: Workbench,
    private readonly options: HoverOptions
  ) {}

  moved(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    if (target && this.node?.contains(target)) {
      this.wait(null);
      return;
    }
    if (event.buttons !== 0 || !target?.closest(ZONES) || target.closest(OWN) || !this.options.enabled()) {
      this.leave();
      return;
    }
    const { clientX: x, clientY: y } = event;
    this.wait(() => {
      const written = addressUnder(x, y);
      if (!written) {
        this.hide();
      } else if (written.address !== this.shown) {
        void this.show(written);
      }
    }, RESTS_MS);
  }

  scrolled(event: Event): void {
    if (!(event.target instanceof Node && this.node?.contains(event.target))) {
      this.hide();
    }
  }

  hide(): void {
    this.wait(null);
    this.node?.remove();
    this.node = null;
    this.shown = '';
  }

  private leave(): void {
    this.wait(this.node ? () => this.hide() : null, LEAVES_MS);
  }

  private wait(then: (() => void) | null, ms = 0): void {
    clearTimeout(this.timer);
    if (then) {
      this.timer = window.setTimeout(then, ms);
    }
  }

  private async show({ address, box }: Written): Promise<void> {
    this.hide();
    this.shown = address;
    let content: HTMLElement[];
    try {
      const intel = await this.workbench.intel(address);
      if (intel.address === null) {
        return;
      }
      content = [headline(intel.verdict, intel.address), details(intel)];
    } catch (error) {
      content = [el('p', { class: 'ipw-mod-error' }, (error as Error).message)];
    }
    if (this.shown !== address) {
      return;
    }
    const inPanel = button('Open in panel', 'Show this address in the side panel', () => {
      this.hide();
      this.options.open(address);
    });
    const copy = button('Copy', 'Copy the address', () => {
      void navigator.clipboard.writeText(address);
      copy.textContent = 'Copied';
    });
    this.node = el(
      'div',
      { class: 'ipw-hover', role: 'tooltip' },
      ...content,
      el('div', { class: 'ipw-actions' }, inPanel, copy)
    );
    document.body.append(this.node);
    place(this.node, box);
  }

  private node: HTMLElement | null = null;
  private shown = '';
  private timer = 0;
}

/** Below the address where there is room, else above; never outside the window. */
function place(node: HTMLElement, box: DOMRect): void {
  const { width, height } = node.getBoundingClientRect();
  const below = box.bottom + 6;
  const top = below + height <= window.innerHeight ? below : Math.max(6, box.top - height - 6);
  node.style.top = `${top}px`;
  node.style.left = `${Math.max(6, Math.min(box.left, window.innerWidth - width - 6))}px`;
}

/** The address written at a point of the page. */
export function addressUnder(x: number, y: number): Written | null {
  const caret = caretAt(x, y);
  if (!caret || caret.node.nodeType !== Node.TEXT_NODE) {
    return null;
  }
  const text = caret.node as Text;
  // Only the neighbourhood is copied: a text node may hold a whole log.
  const from = Math.max(0, caret.offset - LONGEST - 1);
  const near = text.substringData(from, 2 * LONGEST + 2);
  const found = addressAt(near, caret.offset - from);
  if (!found) {
    return null;
  }
  const range = document.createRange();
  range.setStart(text, from + found.start);
  range.setEnd(text, from + found.end);
  // The caret falls to the nearest text, also from the empty space beside it.
  const box = [...range.getClientRects()].find(
    rect => rect.left - 1 <= x && x <= rect.right + 1 && rect.top - 1 <= y && y <= rect.bottom + 1
  );
  return box ? { address: found.address, box } : null;
}

function caretAt(x: number, y: number): { node: Node; offset: number } | null {
  if ('caretPositionFromPoint' in document) {
    const position = document.caretPositionFromPoint(x, y);
    return position && { node: position.offsetNode, offset: position.offset };
  }
  // Safari before 18.4 and Chromium before 128.
  const range = (document as Document).caretRangeFromPoint?.(x, y);
  return range ? { node: range.startContainer, offset: range.startOffset } : null;
}
