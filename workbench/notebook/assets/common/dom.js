// Building the page from data. Text is only ever set as text, so that nothing from a log, a list or a note is markup.

/** An element: `make("p", {class: "x", onclick: f}, "text", child, …)`. Attributes that are null, undefined or false
 * and children that are null or false are left out; lists of children are spread. */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text of data, which keeps its direction to itself. */
export const data = (text, name) => make("bdi", name ? { class: name } : {}, String(text));

/** A button that says what it does, also to those who hear the page. */
export const button = (label, hint, onclick, name = "wb-button") =>
  make("button", { type: "button", class: name, title: hint, onclick }, label);

const numbers = new Intl.NumberFormat("en");
export const number = (n) => numbers.format(n);

export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** Seconds since 1970 as `2026-11-02 09:14 UTC`. */
export const moment = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Seconds since 1970 as `2026-11-02`. */
export const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

/** Sets the text of an element where it is another: what is unchanged is not laid out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Calls `work` once for any number of calls in a row: after `wait` milliseconds of quiet, or, without, with the next frame. */
export function settled(work, wait) {
  let waiting = null;
  return () => {
    if (wait === undefined) waiting ??= requestAnimationFrame(() => { waiting = null; work(); });
    else {
      clearTimeout(waiting);
      waiting = setTimeout(work, wait);
    }
  };
}

/** Arrow keys, Home and End move through the buttons of a group; Tab goes past it, to come back to the one left. */
export function roving(group, selector = "button") {
  const items = () => [...group.querySelectorAll(selector)].filter((item) => !item.disabled && !item.hidden);
  const reach = (chosen) => items().forEach((item) => { item.tabIndex = item === chosen ? 0 : -1; });
  group.addEventListener("focusin", ({ target }) => reach(target.closest(selector)));
  group.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target.closest(selector));
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    all[(to + all.length) % all.length].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  return () => { if (!items().some((item) => item.tabIndex === 0)) reach(items()[0]); };
}

/** JupyterLab and Notebook run their shortcuts, and move between cells, on keys pressed anywhere: not on those pressed here. */
export function keepKeys(root) {
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.addEventListener("keydown", (event) => event.stopPropagation());
}
