// What is done with the chosen addresses: a form for each action, its progress, and what came of it, all in place.

import { button, data, make, number, plural } from "../common/dom.js";

const THREATS = ["none", "low", "medium", "high", "critical"];

export class Actions {
  constructor(board) {
    this.board = board;
    this.tasks = new Map();
    this.count = 0;
    this.told = make("p", { class: "wb-told", role: "status" });
    this.forms = make("div", { class: "wb-act", role: "group", hidden: true });
    this.works = make("div", { class: "wb-works", "aria-live": "polite" });
    this.all = button("Choose shown", "Choose every address that passes the filters (Ctrl+A in the table)", () => board.chooseShown(true));
    this.none = button("Choose none", "Take the choice back", () => board.chooseNone());
    this.buttons = [
      ["profile", "Profiles…", "Make profiles of the chosen addresses"],
      ["link", "Investigation…", "Link the chosen addresses to an investigation"],
      ["level", "TLP…", "Set the level of the profiles of the chosen addresses"],
      ["stix", "STIX…", "Save the chosen addresses as a STIX 2.1 bundle for a recipient"],
      ["csv", "CSV", "Save the chosen addresses as a table"],
    ].map(([action, label, hint]) => Object.assign(button(label, hint, () => this.ask(action)), { action }));
    this.element = make("div", { class: "wb-foot" }, this.works, this.forms,
      make("div", { class: "wb-do", role: "toolbar", "aria-label": "Actions on the chosen addresses" }, this.told, this.all, this.none, make("span", { class: "wb-gap" }), this.buttons));
    this.forms.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.closeForm(); event.stopPropagation(); } });
  }

  /** The number of addresses chosen has changed. */
  changed(shown, words) {
    const { pickedCount } = this.board;
    this.told.textContent = `${words} · ${number(pickedCount)} chosen`;
    this.all.disabled = !shown;
    this.none.disabled = !pickedCount;
    for (const each of this.buttons) each.disabled = !pickedCount;
    if (this.open && !pickedCount) this.closeForm();
    if (this.go) this.go.textContent = this.label();
  }

  closeForm() {
    this.forms.hidden = true;
    this.forms.replaceChildren();
    const opener = this.buttons.find((each) => each.action === this.open);
    this.open = this.go = null;
    opener?.focus();
  }

  ask(action) {
    if (action === "csv") return this.begin(action, {});
    const { facts } = this.board;
    if (!facts.keeper && action !== "stix") return this.tell(action, "failed", "The board knows no place for profiles: make it with wb.board(triage, store=wb.connect_store()), or of a case.");
    if (!facts.store && action === "link") return this.tell(action, "failed", "Investigations are in a store, not in a case file: make the board with wb.board(triage, store=wb.connect_store()).");
    const level = (chosen, some = facts.levels) => select("level", "TLP", some, chosen);
    const shareable = facts.levels.filter((each) => each !== "TLP:RED");
    const fields = {
      profile: () => [level("TLP:AMBER", shareable), select("threat", "Threat level", THREATS, "none"), field("tags", "Tags", { placeholder: "phishing, 2026-11" })],
      link: () => [
        field("investigation", "Investigation", { placeholder: "one there is, or a new name", list: `${this.board.id}-matters`, required: true, size: 28 }),
        make("datalist", { id: `${this.board.id}-matters` }), level("TLP:AMBER", shareable), select("threat", "Threat level", THREATS, "none")],
      level: () => [level("TLP:AMBER"), field("reason", "Reason", { placeholder: "kept in the audit", required: true, size: 28 }), field("recipients", "Named for (TLP:RED)", { placeholder: "roles, by comma" })],
      stix: () => [
        field("to", "For", { placeholder: "community, CERT B, anna@CERT B", required: true, size: 24 }), level("TLP:GREEN"),
        field("organisation", "From", { value: facts.organisation, placeholder: "your organisation", required: true, readonly: Boolean(facts.store) }), field("matter", "About", { placeholder: "a matter, or nothing" })],
    }[action]();
    this.open = action;
    this.go = make("button", { type: "submit", class: "wb-button wb-main" }, this.label());
    const form = make("form", { onsubmit: (event) => { event.preventDefault(); this.submit(form); } },
      fields, this.go, button("Cancel", "Do nothing (Esc)", () => this.closeForm()));
    const where = { profile: `in ${facts.keeper}`, link: `in ${facts.keeper}`, level: `in ${facts.keeper}`, stix: "what the recipient may not have stops the export" }[action];
    this.forms.replaceChildren(make("h4", {}, { profile: "Create profiles", link: "Add to an investigation", level: "Set the level", stix: "STIX bundle" }[action], make("small", { class: "wb-quiet" }, where)), form);
    this.forms.hidden = false;
    form.querySelector("input, select").focus();
    if (action === "link") this.board.model.send({ kind: "matters" });
  }

  label() {
    const count = this.board.pickedCount;
    return { profile: `Create ${plural(count, "profile")}`, link: `Add ${plural(count, "address", "addresses")}`, level: `Set for ${plural(count, "address", "addresses")}`, stix: `Save ${plural(count, "address", "addresses")}` }[this.open];
  }

  submit(form) {
    const options = Object.fromEntries(new FormData(form));
    this.begin(this.open, options);
    this.closeForm();
  }

  begin(action, options) {
    const id = `${this.board.id}-${++this.count}`;
    const bar = make("i");
    const text = make("span", {}, "…");
    const stop = button("Stop", "Stop after the step under way", () => {
      stop.disabled = true;
      this.board.model.send({ kind: "stop", id });
    });
    const element = make("div", { class: "wb-work" }, make("div", { class: "wb-bar" }, bar), text, stop);
    this.works.append(element);
    this.tasks.set(id, { action, element, bar, text });
    this.board.sendSelection();
    this.board.model.send({ kind: "act", id, action, options });
  }

  heard(message, buffers) {
    if (message.kind === "matters") {
      this.forms.querySelector("datalist")?.replaceChildren(...message.matters.map(({ name, level }) => make("option", { value: name }, `${name} (${level})`)));
      return;
    }
    const task = this.tasks.get(message.id);
    if (!task) return;
    if (message.kind === "progress") {
      task.bar.style.width = `${message.total ? Math.round((100 * message.done) / message.total) : 0}%`;
      task.text.textContent = `${number(message.done)} of ${number(message.total)}`;
      return;
    }
    this.tasks.delete(message.id);
    task.element.remove();
    if (message.file) save(message.file, buffers[0]);
    this.tell(task.action, message.kind, message.text, message.failed);
    if (message.kind === "done") this.board.details.row >= 0 && this.board.details.show(this.board.details.row);
  }

  /** Say what came of an action; it stays until it is put away. */
  tell(action, kind, text, failed = []) {
    const good = kind === "done" && !failed.length;
    const element = make("div", { class: `wb-work ${good ? "wb-good" : kind === "done" ? "" : "wb-error"}`, role: good ? "status" : "alert" },
      make("span", { "aria-hidden": "true" }, good ? "✓" : kind === "stopped" ? "■" : "✖"), make("span", {}, data(text)),
      failed.length > 0 && make("details", {}, make("summary", {}, "which"), make("ul", {}, failed.map((each) => make("li", {}, data(each))))),
      Object.assign(button("✕", "Put this away", () => element.remove(), "wb-icon"), { ariaLabel: "Put this away" }));
    this.works.append(element);
    while (this.works.children.length > 4) this.works.firstChild.remove();
  }
}

function select(name, label, values, chosen) {
  return make("label", {}, make("span", {}, label), make("select", { name, class: "wb-field" }, values.map((value) => make("option", { value, selected: value === chosen }, value))));
}

function field(name, label, attributes) {
  return make("label", {}, make("span", {}, label), make("input", { name, class: "wb-field", autocomplete: "off", ...attributes }));
}

function save({ name, type }, view) {
  const link = make("a", { href: URL.createObjectURL(new Blob([view], { type })), download: name });
  document.body.append(link); // Firefox wants it in the page
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
