/**
 * Building the DOM from data. Text is only ever set as text: nothing in this extension writes HTML, so nothing that
 * comes from a log, a list or a bundle can become markup.
 */

type Child = Node | string | null | undefined | false;

interface Attributes {
  class?: string;
  title?: string;
  onclick?: (event: MouseEvent) => void;
  /** Any other attribute, by its name in HTML; `false` and `undefined` leave it off. */
  [name: string]: unknown;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on') && typeof value === 'function') {
      node.addEventListener(name.slice(2), value as EventListener);
    } else if (value !== undefined && value !== null && value !== false) {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
  node.append(...children.filter((child): child is Node | string => Boolean(child)));
  return node;
}

/** A button that says what it does, also to those who hear the page. */
export function button(label: string, hint: string, onclick: () => void, kind = ''): HTMLButtonElement {
  return el('button', { type: 'button', class: `ipw-button ${kind}`, title: hint, onclick }, label);
}
