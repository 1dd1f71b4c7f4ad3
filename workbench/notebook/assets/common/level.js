// Choosing a level of the Traffic Light Protocol: what each means in FIRST's words, for whom RED is, and why it changes.

import { data, make } from "./dom.js";
import { labelled } from "./panel.js";
import { tlpLabel } from "./tlp.js";

let forms = 0;

/** The fields. `now` is the level that holds, `definitions` maps each level to its words, `members` are `[role, organisation]`,
 * `chosen` those for whom it is. `value()` gives level, reason and recipients, `missing()` says what is still wanted. */
export function levelForm({ now, definitions, members, chosen = [], always = false, onchange }) {
  const name = `wb-level-${++forms}`;
  const radios = Object.keys(definitions).map((level) =>
    make("input", { type: "radio", name, value: level, checked: level === now, onchange: () => changed() }));
  const level = () => radios.find((radio) => radio.checked)?.value ?? now;
  const reason = make("textarea", { class: "wb-field", rows: 2, maxlength: 2000, oninput: () => onchange?.() });
  const boxes = members.map(([role]) => make("input", { type: "checkbox", value: role, checked: chosen.includes(role), onchange: () => onchange?.() }));
  const recipients = make("fieldset", { class: "wb-recipients" }, make("legend", {}, "For whom"),
    members.length === 0
      ? make("p", { class: "wb-quiet" }, "You alone: the store would name its members.")
      : members.map(([role, organisation], at) => make("label", {}, boxes[at], " ", data(role), make("small", { class: "wb-quiet" }, " ", data(organisation)))));
  const why = labelled("Reason (kept in the audit)", reason);
  const changed = () => {
    recipients.hidden = level() !== "TLP:RED";
    why.hidden = !always && level() === now;
    onchange?.();
  };
  const element = make("div", { class: "wb-level" },
    make("fieldset", { class: "wb-levels" }, make("legend", {}, "Traffic Light Protocol 2.0"),
      radios.map((radio) => make("label", {}, radio, " ", tlpLabel(radio.value), make("span", { class: "wb-definition" }, " ", definitions[radio.value]), radio.value === now && make("small", { class: "wb-quiet" }, " (now)")))),
    recipients, why);
  recipients.hidden = now !== "TLP:RED";
  why.hidden = !always;
  return {
    element,
    value: () => ({ level: level(), reason: reason.value.trim(), recipients: boxes.filter((box) => box.checked).map((box) => box.value) }),
    missing() {
      if (level() === now && level() !== "TLP:RED") return "Choose another level first.";
      if (!reason.value.trim()) return "A change of level needs a reason.";
      return null;
    },
    focus: () => (radios.find((radio) => radio.checked) ?? radios[0]).focus(),
  };
}
