// How far long work is, and a button that ends it.

import { button, data, make, number } from "../common/dom.js";
import { panel } from "../common/panel.js";

const time = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);

function render(context) {
  const { model } = context;
  const { root, status, ask, on, say, end } = panel(context, "wb-progress", "Progress");
  const hint = () => { if (model.get("state") === "running") say("Does it not end? This kernel hears no clicks while a cell runs: interrupt it (■). That is as safe."); };
  const title = make("b", {});
  const clock = make("span", { class: "wb-quiet" });
  const stop = button("Cancel", "End it at the next point where nothing is left half done", () => { stop.disabled = true; stop.textContent = "Cancelling …"; ask({ do: "cancel" }); setTimeout(hint, 5000); }, "wb-button");
  const bars = make("div", { class: "wb-bars" });
  root.append(make("div", { class: "wb-tools" }, title, clock, stop), bars, status);
  const known = new Map();

  on("bars state seconds", () => {
    const state = model.get("state");
    title.replaceChildren(data(model.get("title")));
    clock.textContent = { running: time(model.get("seconds")), done: `✓ done in ${time(model.get("seconds"))}`, cancelled: `■ cancelled after ${time(model.get("seconds"))}`, failed: `✖ failed after ${time(model.get("seconds"))}` }[state];
    clock.className = { done: "wb-good", failed: "wb-error", cancelled: "wb-error" }[state] ?? "wb-quiet";
    stop.hidden = state !== "running";
    if (state !== "running") say("");
    root.toggleAttribute("data-running", state === "running");
    for (const bar of model.get("bars")) {
      if (!known.has(bar.name)) {
        const full = make("i");
        const track = make("div", { class: "wb-bar", role: "progressbar", "aria-label": bar.name || model.get("title"), "aria-valuemin": 0 }, full);
        const count = make("span", { class: "wb-quiet wb-count" });
        known.set(bar.name, { full, track, count });
        bars.append(make("div", { class: "wb-step" }, bar.name && make("span", { class: "wb-name" }, data(bar.name)), track, count));
      }
      const { full, track, count } = known.get(bar.name);
      const whole = bar.total > 0;
      track.toggleAttribute("data-endless", !whole && state === "running");
      full.style.width = whole ? `${Math.min(100, (100 * bar.done) / bar.total)}%` : state === "done" ? "100%" : "";
      if (whole) {
        track.setAttribute("aria-valuemax", bar.total);
        track.setAttribute("aria-valuenow", bar.done);
      } else track.removeAttribute("aria-valuenow");
      count.textContent = whole ? `${number(bar.done)} of ${number(bar.total)}` : number(bar.done);
    }
  });
  return end;
}

export default { render };
