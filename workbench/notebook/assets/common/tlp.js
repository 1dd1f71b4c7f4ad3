// The Traffic Light Protocol, version 2.0 (FIRST, August 2022): its labels, open to closed, in its own colours.

import { make } from "./dom.js";

export const LEVELS = ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"];

export const AUDIENCE = {
  "TLP:CLEAR": "may be shared with everyone",
  "TLP:GREEN": "for the community only",
  "TLP:AMBER": "for your organisation and its clients, who need to know",
  "TLP:AMBER+STRICT": "for your organisation only",
  "TLP:RED": "for the named recipients only",
};

export const tlpLabel = (level) =>
  make("span", { class: `wb-tlp wb-${level.slice(4).toLowerCase().replace("+", "-")}`, title: AUDIENCE[level] }, level);
