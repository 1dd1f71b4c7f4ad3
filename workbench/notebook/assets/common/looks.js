// How a verdict looks, worst first: as in workbench/notebook/verdicts.py, which a test compares this with.

import { make } from "./dom.js";

export const LOOKS = [
  { name: "malicious", mark: "✖", shape: "square", fill: "#a40e26", ink: "#ffffff", dark: "#a40e26", bright: "#ff7b8b" },
  { name: "suspicious", mark: "▲", shape: "triangle", fill: "#c4501b", ink: "#ffffff", dark: "#c4501b", bright: "#ff9d6b" },
  { name: "anonymised", mark: "◆", shape: "diamond", fill: "#6639ba", ink: "#ffffff", dark: "#6639ba", bright: "#b794ff" },
  { name: "watch", mark: "●", shape: "circle", fill: "#f2c744", ink: "#1b1f24", dark: "#8a6a00", bright: "#f2c744" },
  { name: "clean", mark: "✓", shape: "circle", fill: "#d5e8f7", ink: "#0b3d66", dark: "#3f77a6", bright: "#a9cdea" },
  { name: "unjudged", mark: "·", shape: "circle", fill: "#8b949e", ink: "#ffffff", dark: "#57606a", bright: "#aab4be" },
];

export const lookOf = (name) => LOOKS.find((look) => look.name === name) ?? LOOKS[LOOKS.length - 1];

/** Colours to fill an area of a canvas with, and of its edge and of what is written on it: on a dark ground what is clean steps back. */
export const paintOf = (look, dark) =>
  dark && look.name === "clean" ? { fill: look.dark, edge: look.bright, ink: "#ffffff" } : { fill: look.fill, edge: dark ? look.bright : look.dark, ink: look.ink };

/** The sign on its ground, without the word. */
export const sign = (look) => make("span", { class: `wb-sign wb-${look.name}`, "aria-hidden": "true" }, look.mark);

/** The word and the sign on their ground: told apart in print and by the colour-blind. */
export const chip = (name) => {
  const look = lookOf(name);
  return make("span", { class: `wb-chip wb-${look.name}` }, make("span", { "aria-hidden": "true" }, `${look.mark} `), name);
};
