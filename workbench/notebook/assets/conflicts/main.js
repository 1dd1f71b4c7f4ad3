// What two people changed differently, side by side, to be settled by the one who knows.

import { button, data, make, plural } from "../common/dom.js";
import { labelled, marked, panel } from "../common/panel.js";

function render(context) {
  const { model } = context;
  let editing = null; // the id of the one that gets another value
  const drafts = new Map(); // what is being written, by id
  const { root, status, ask, on, say, end } = panel(context, "wb-conflicts", "Conflicts", (message) => { if (message?.settled) { drafts.delete(message.settled); editing = null; draw(); } });
  const list = make("div", { class: "wb-list" });
  const head = make("h4", { tabindex: -1 });
  root.append(head, status, list);

  const settle = (item, content) => {
    const draft = drafts.get(item.id) ?? {};
    const theirs = content.choice === "theirs";
    if (item.field === "secrecy" && !theirs && !(draft.reason ?? "").trim()) {
      say("A level that is not theirs needs a reason: write it below, then choose again.", "error");
      list.querySelector(`[data-id="${CSS.escape(item.id)}"] .wb-reason`)?.focus();
      return;
    }
    ask({ do: "settle", id: item.id, reason: draft.reason ?? "", ...content });
  };

  const editor = (item) => {
    const draft = drafts.get(item.id) ?? {};
    const keep = (value) => drafts.set(item.id, { ...(drafts.get(item.id) ?? {}), value });
    const field = item.choices
      ? make("select", { class: "wb-field" }, item.choices.map((each) => make("option", { value: each, selected: each === (draft.value ?? item.value_mine) }, each)))
      : make("textarea", { class: "wb-field", rows: 5, dir: "auto" });
    if (!item.choices) field.value = draft.value ?? item.value_mine;
    field.addEventListener("input", () => keep(field.value));
    return make("div", { class: "wb-form" }, labelled("Another value", field),
      make("div", { class: "wb-tools" }, button("Use this", "Settle with what is written", () => settle(item, { value: field.value }), "wb-button wb-main"), button("Cancel", "Back to the two sides", () => { editing = null; draw(); }, "wb-button")));
  };

  const entry = (item) => {
    const buttons = item.kind === "field"
      ? [["Keep mine", "mine"], ["Take theirs", "theirs"]]
      : item.kind === "refused" ? [["Try again", "mine"], ["Undo my change", "theirs"]] : [["Done with it", "mine"]];
    const draft = drafts.get(item.id) ?? {};
    const reason = item.field === "secrecy" && make("input", { class: "wb-field wb-reason", type: "text", value: draft.reason ?? "", oninput: (event) => drafts.set(item.id, { ...(drafts.get(item.id) ?? {}), reason: event.target.value }) });
    const parts = [
      make("h4", {}, data(item.address ?? "A profile no longer for you", "wb-mono"), ` · ${item.name}`),
      make("p", { class: "wb-quiet" }, data(item.says)),
      item.kind === "field" && make("div", { class: "wb-columns" },
        make("div", {}, make("h4", {}, "Yours"), marked(item.mine)), make("div", {}, make("h4", {}, "Theirs"), marked(item.theirs))),
      item.kind === "field" && make("p", { class: "wb-quiet" }, "Before: ", data(item.before || "empty")),
      item.kind !== "field" && item.mine.length > 0 && marked(item.mine),
      reason && labelled("Reason, for a level that is not theirs (kept in the audit)", reason),
      editing === item.id ? editor(item) : make("div", { class: "wb-tools" },
        buttons.map(([label, choice]) => button(label, label, () => settle(item, { choice }), choice === "theirs" ? "wb-button" : "wb-button wb-main")),
        item.kind === "field" && button("Other …", "Write another value", () => { editing = item.id; draw(); list.querySelector(`[data-id="${CSS.escape(item.id)}"] .wb-form .wb-field`)?.focus(); }, "wb-button")),
    ];
    return make("section", { class: "wb-conflict", "data-id": item.id, "aria-label": `${item.address ?? ""} ${item.name}` }, parts.filter(Boolean));
  };

  const draw = () => {
    const items = model.get("conflicts");
    head.textContent = items.length ? `${plural(items.length, "thing")} to settle` : "Nothing to settle";
    list.replaceChildren(...items.map(entry));
    const done = model.get("done");
    if (done) list.append(make("p", { class: "wb-good" }, `${plural(done, "conflict")} settled here; case.sync() sends ${done === 1 ? "it" : "them"}.`));
    if (!root.contains(document.activeElement) && status.textContent) head.focus({ preventScroll: true });
  };
  on("conflicts done", draw);
  return end;
}

export default { render };
