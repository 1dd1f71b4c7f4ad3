// Choosing a level: for itself, or for a thing that gets it.

import { data, make } from "../common/dom.js";
import { levelForm } from "../common/level.js";
import { panel } from "../common/panel.js";

function render(context) {
  const { model } = context;
  const { root, status, ask, on, say, end } = panel(context, "wb-picker", "TLP level");
  const form = make("form", { class: "wb-form", onsubmit: (event) => { event.preventDefault(); apply(); } });
  let chooser = null;
  const apply = () => {
    const missing = chooser.missing();
    if (missing) return say(missing, "error");
    ask({ do: "level", ...chooser.value() });
  };
  root.append(form, status);
  on("level members", () => {
    const applies = model.get("applies");
    chooser = levelForm({
      now: model.get("level"), definitions: model.get("definitions"), members: model.get("members"), chosen: model.get("recipients"), always: !applies,
      onchange: () => {
        if (applies) return;
        const { level, reason, recipients } = chooser.value();
        model.set("picked", level);
        model.set("reason", reason);
        model.set("recipients", recipients);
        model.save_changes();
      },
    });
    form.replaceChildren(...(model.get("subject") ? [make("p", {}, make("b", {}, data(model.get("subject"))))] : []), chooser.element,
      ...(applies ? [make("div", { class: "wb-tools" }, make("button", { type: "submit", class: "wb-button wb-main" }, "Set level"))] : []));
  });
  return end;
}

export default { render };
