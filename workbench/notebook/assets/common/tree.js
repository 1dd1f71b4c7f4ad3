// A tree of elements that Python made (workbench/notebook/showing/tree.py) as a page: known elements and attributes alone, text as text.

const TAGS = new Set("a article b bdi button caption code dd del details div dl dt em footer h3 h4 header i ins li ol p pre section small span strong summary table tbody td th thead time tr ul".split(" "));
const DRAWN = new Set("svg g path circle rect line text title".split(" "));
const ATTRIBUTES = new Set("class title role href rel target scope colspan datetime open hidden dir tabindex viewBox width height preserveAspectRatio d x y x1 x2 y1 y2 cx cy r rx text-anchor".split(" "));
const SVG = ["http:", "", "www.w3.org", "2000", "svg"].join("/"); // the name of a language: nothing is fetched

/** `[name, {attribute: value}, child, …]` as an element, a string as text. */
export function grown(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const [name, attributes, ...children] = node;
  if (!TAGS.has(name) && !DRAWN.has(name)) return document.createTextNode("");
  const element = DRAWN.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (!ATTRIBUTES.has(key) && !key.startsWith("aria-") && !key.startsWith("data-")) continue;
    if (key === "href" && !/^https?:/.test(value)) continue;
    element.setAttribute(key, value);
  }
  element.append(...children.map(grown));
  return element;
}
