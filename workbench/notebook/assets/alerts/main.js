// Alerts as they are raised, and their end.

import { button, data, make, moment, number } from "../common/dom.js";
import { panel } from "../common/panel.js";

const STATES = [["raised", "Raised", "▲"], ["acknowledged", "Acknowledged", "●"], ["closed", "Closed", "✓"]];

function render(context) {
  const { model } = context;
  const { root, status, ask, on, end } = panel(context, "wb-alerts", "Alerts");
  const shown = new Set(["raised", "acknowledged"]);
  const notes = new Map(); // what is being written, by alert
  const switches = STATES.map(([state, label, mark]) => {
    const count = make("b", {});
    const chip = make("button", { type: "button", class: "wb-button", "aria-pressed": String(shown.has(state)), onclick: () => { shown.has(state) ? shown.delete(state) : shown.add(state); chip.setAttribute("aria-pressed", String(shown.has(state))); draw(); } },
      make("span", { "aria-hidden": "true" }, `${mark} `), label, " ", count);
    return { state, chip, count };
  });
  const live = make("span", { class: "wb-live" });
  const list = make("ol", { class: "wb-feed" });
  root.append(make("div", { class: "wb-tools" }, switches.map(({ chip }) => chip), live), status, list);

  const entry = (alert) => {
    const note = make("input", { class: "wb-field", type: "text", placeholder: "Note (optional)", "aria-label": "Note", maxlength: 10000, value: notes.get(alert.id) ?? "", oninput: () => notes.set(alert.id, note.value) });
    const tell = (what) => { ask({ do: what, id: alert.id, note: note.value }); notes.delete(alert.id); };
    const [, , mark] = STATES.find(([state]) => state === alert.state);
    const item = make("li", { class: `wb-alert wb-is-${alert.state}`, "data-id": alert.id },
      make("p", {}, make("span", { class: "wb-mark", "aria-hidden": "true" }, mark), " ", make("b", {}, data(alert.says))),
      make("p", { class: "wb-quiet" }, make("time", { datetime: new Date(alert.raised * 1000).toISOString() }, moment(alert.raised)), " · ", data(alert.name), ` · ${alert.state}`, alert.by && [" by ", data(alert.by)]),
      alert.note && make("p", { class: "wb-said" }, data(alert.note)));
    if (alert.state !== "closed") {
      const tools = make("div", { class: "wb-tools" }, note);
      if (alert.state === "raised") tools.append(button("Acknowledge", "Say that you look after it", () => tell("acknowledge"), "wb-button wb-main"));
      tools.append(button("Close", "Say that it is done with", () => tell("close"), "wb-button"));
      item.append(tools);
    }
    return item;
  };

  const draw = () => {
    const alerts = model.get("alerts");
    for (const { state, count } of switches) count.textContent = number(alerts.filter((alert) => alert.state === state).length);
    const at = root.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
    const within = at && [...document.activeElement.closest("[data-id]").querySelectorAll("input, button")].indexOf(document.activeElement);
    const seen = alerts.filter((alert) => shown.has(alert.state));
    list.replaceChildren(...seen.map(entry));
    if (seen.length === 0) list.append(make("li", { class: "wb-quiet" }, "Nothing here. Alerts come in by themselves."));
    if (at) (list.querySelector(`[data-id="${CSS.escape(at)}"]`)?.querySelectorAll("input, button")[within] ?? list.querySelector("input, button"))?.focus();
  };
  on("alerts", draw);
  on("listening", () => {
    const on = model.get("listening");
    live.className = `wb-live ${on ? "wb-good" : "wb-error"}`;
    live.textContent = on ? "● live" : "○ not listening: run the cell again";
  });
  return end;
}

export default { render };
