// What the small widgets share: a root in the theme of its surroundings, questions to Python, and a line that says how it went.

import { data, keepKeys, make } from "./dom.js";
import { followTheme } from "./theme.js";

const PATIENCE = 6000; // milliseconds until the kernel is taken to be busy or gone

/** Begins a widget in `el`. `ask(content)` sends a question, and `busy` is on the root until Python's `message` answers it;
 * `onanswer(message)` is called then. `end` undoes everything. */
export function panel({ model, el }, name, label, onanswer) {
  const root = make("div", { class: `wb wb-panel ${name}`, role: "group", "aria-label": label });
  const status = make("p", { class: "wb-status", role: "status", "aria-live": "polite" });
  const forgetTheme = followTheme(root);
  keepKeys(root);
  let waiting = null;
  let asked = 0;
  const say = (text, kind = "quiet") => {
    status.className = `wb-status wb-${kind}`;
    status.replaceChildren(...(text ? [data(text)] : []));
  };
  const answered = () => {
    const message = model.get("message");
    clearTimeout(waiting);
    if (asked) asked -= 1;
    root.toggleAttribute("data-busy", asked > 0);
    if (message?.text) say(message.text, message.kind); // an answer without words leaves what was said
    onanswer?.(message);
  };
  model.on("change:message", answered);
  const ask = (content) => {
    asked += 1;
    root.toggleAttribute("data-busy", true);
    clearTimeout(waiting);
    waiting = setTimeout(() => say("The kernel does not answer yet: it is busy, or was stopped. Nothing you wrote is lost."), PATIENCE);
    model.send(content);
  };
  el.append(root);
  const heard = [["change:message", answered]];
  return {
    root, status, say, ask,
    /** Calls `work` now and whenever Python changes one of the names. */
    on(names, work) {
      for (const each of names.split(" ")) {
        model.on(`change:${each}`, work);
        heard.push([`change:${each}`, work]);
      }
      work();
    },
    end() {
      clearTimeout(waiting);
      for (const [event, work] of heard) model.off(event, work);
      forgetTheme();
    },
  };
}

/** A label above its field. */
export const labelled = (text, field, hint) => make("label", { class: "wb-labelled" }, make("span", {}, text), field, hint && make("small", { class: "wb-quiet" }, hint));

/** Text with what differs marked: a list of `[how, text]`, how being same, gone or new. */
export const marked = (pieces, name) =>
  make("div", { class: name ?? "wb-marked", dir: "auto" }, pieces.length === 0 && make("em", { class: "wb-quiet" }, "empty"), pieces.map(([how, text]) => (how === "gone" ? make("del", {}, text) : how === "new" ? make("ins", {}, text) : text)));
