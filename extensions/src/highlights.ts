/**
 * Addresses in cell outputs are underlined in the colour of their verdict, through the CSS Custom Highlight API: the
 * browser paints ranges, and the output's DOM stays as its renderer made it. Where the browser has no such API, cards
 * show without underlines.
 *
 * Bounded: an output is read to `MOST_TEXT` characters and `MOST_ADDRESSES` addresses, in idle time, after it has been
 * quiet for a moment.
 */

import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { findAddresses } from './addresses';
import type { Workbench } from './api';
import { OWN } from './hover';
import { VERDICTS } from './verdicts';

const OUTPUTS = '.jp-OutputArea-output, .jp-MarkdownOutput, .ipw-stix tbody';
const MOST_TEXT = 200_000;
const MOST_ADDRESSES = 1000;
const QUIET_MS = 300;
const AT_ONCE = 500;

export class Highlights {
  constructor(
    private readonly workbench: Workbench,
    private readonly enabled: () => boolean
  ) {
    if (Highlights.supported) {
      for (const name of VERDICTS) {
        const highlight = new Highlight();
        this.painted.set(name, highlight);
        CSS.highlights.set(`ipw-${name}`, highlight);
      }
    }
  }

  static get supported(): boolean {
    return typeof Highlight !== 'undefined' && 'highlights' in CSS;
  }

  /** Follow the outputs below a node until disposed. */
  watch(root: Element): IDisposable {
    if (!Highlights.supported) {
      return new DisposableDelegate(() => undefined);
    }
    const observer = new MutationObserver(records => {
      for (const record of records) {
        this.touched(record.target);
        record.addedNodes.forEach(node => this.touched(node));
        record.removedNodes.forEach(node => this.dropped(node));
      }
    });
    observer.observe(root, { childList: true, characterData: true, subtree: true });
    this.touched(root);
    return new DisposableDelegate(() => {
      observer.disconnect();
      this.dropped(root);
    });
  }

  /** Underline anew, or no longer, after the settings changed. */
  refresh(): void {
    for (const output of document.querySelectorAll(OUTPUTS)) {
      this.forget(output);
      this.waiting.add(output);
    }
    this.schedule();
  }

  private touched(node: Node): void {
    const element = node instanceof Element ? node : node.parentElement;
    if (element?.closest(OWN)) {
      return;
    }
    const around = element?.closest(OUTPUTS);
    if (around) {
      this.waiting.add(around);
    } else {
      element?.querySelectorAll(OUTPUTS).forEach(output => this.waiting.add(output));
    }
    if (this.waiting.size > 0) {
      this.schedule();
    }
  }

  private dropped(node: Node): void {
    if (node instanceof Element) {
      this.forget(node);
      node.querySelectorAll(OUTPUTS).forEach(output => this.forget(output));
    }
  }

  private forget(output: Element): void {
    for (const [highlight, range] of this.ranges.get(output) ?? []) {
      highlight.delete(range);
    }
    this.ranges.delete(output);
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const run = (): void => void this.scan().catch(() => undefined);
      'requestIdleCallback' in window ? requestIdleCallback(run, { timeout: 2000 }) : run();
    }, QUIET_MS);
  }

  private async scan(): Promise<void> {
    const outputs = [...this.waiting].filter(output => output.isConnected);
    this.waiting.clear();
    if (!this.enabled()) {
      return;
    }
    for (const output of outputs) {
      const found = rangesIn(output);
      const verdicts = await this.workbench.verdicts(
        found.map(item => item.address),
        AT_ONCE
      );
      this.forget(output);
      if (!output.isConnected || !this.enabled()) {
        continue;
      }
      const mine: [Highlight, Range][] = [];
      for (const { address, range } of found) {
        const highlight = this.painted.get(verdicts.get(address)?.verdict ?? '');
        // The output may have been drawn anew while the server answered.
        if (highlight && output.contains(range.startContainer)) {
          highlight.add(range);
          mine.push([highlight, range]);
        }
      }
      this.ranges.set(output, mine);
    }
  }

  private readonly painted = new Map<string, Highlight>();
  private readonly ranges = new Map<Element, [Highlight, Range][]>();
  private readonly waiting = new Set<Element>();
  private timer = 0;
}

function rangesIn(output: Element): { address: string; range: Range }[] {
  const found: { address: string; range: Range }[] = [];
  const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
  let left = MOST_TEXT;
  for (let node = walker.nextNode(); node && left > 0; node = walker.nextNode()) {
    const text = (node as Text).substringData(0, left);
    left -= text.length;
    // A glance before the expression: most text nodes of a table are short and hold no address.
    if (text.length < 3 || !/[.:[]/.test(text) || node.parentElement?.closest(`script, style, ${OWN}`)) {
      continue;
    }
    for (const { start, end, address } of findAddresses(text, MOST_ADDRESSES - found.length)) {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      found.push({ address, range });
    }
    if (found.length >= MOST_ADDRESSES) {
      break;
    }
  }
  return found;
}
