// A profile as a card that is changed in place. What is being written stays in its fields until Python says that it was kept.

import { button, data, make } from "../common/dom.js";
import { levelForm } from "../common/level.js";
import { labelled, marked, panel } from "../common/panel.js";
import { grown } from "../common/tree.js";

const NAMES = { threat_level: "Threat level", notes: "Notes", tags: "Tags" };

class Card {
  constructor(context) {
    const { model } = context;
    this.model = model;
    this.panel = panel(context, "wb-profile", "Profile", (message) => this.answered(message));
    this.shown = make("div", {});
    this.tools = make("div", { class: "wb-tools", role: "toolbar", "aria-label": "Profile" });
    this.form = make("form", { class: "wb-form", hidden: true, onsubmit: (event) => { event.preventDefault(); this.save(); } });
    this.level = make("form", { class: "wb-form", hidden: true, onsubmit: (event) => { event.preventDefault(); this.setLevel(); } });
    this.panel.root.append(this.shown);
    this.panel.on("tree", () => this.draw());
    this.panel.on("conflict", () => this.conflicts());
    const root = this.panel.root;
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.form.hidden) this.save();
    });
  }

  draw() {
    const writing = this.panel.root.contains(document.activeElement) ? document.activeElement : null;
    const open = [...this.shown.querySelectorAll("details")].map((each) => each.open);
    this.shown.replaceChildren(grown(this.model.get("tree")));
    this.shown.querySelectorAll("details").forEach((each, at) => { each.open = open[at] ?? each.open; });
    const facts = this.model.get("facts");
    this.tools.replaceChildren(...[
      facts.editable && button("Edit", "Change threat level, tags and notes", () => this.edit(), "wb-button"),
      facts.editable && button("Change TLP", "Raise or lower the level", () => this.openLevel(), "wb-button"),
      facts.enriches && button("Ask the intel again", "Bring what the intel says up to date", () => this.panel.ask({ do: "enrich" }), "wb-button"),
      button("Reload", "Get the profile again", () => this.panel.ask({ do: "reload" }), "wb-button"),
    ].filter(Boolean));
    // They stand with what they change, and outlive it: what is being written stays, and so does the focus.
    (this.shown.querySelector(".wb-own") ?? this.shown).append(this.tools, this.form, this.level, this.panel.status);
    if (writing?.isConnected) writing.focus({ preventScroll: true });
  }

  edit() {
    const { values, levels } = this.model.get("facts");
    this.stand = values.stand; // what is written now is written to this, whatever is shown meanwhile
    this.level.hidden = true;
    this.threat = make("select", { class: "wb-field" }, levels.map((level) => make("option", { value: level, selected: level === values.threat_level }, level)));
    this.tags = make("input", { class: "wb-field", type: "text", value: values.tags, autocomplete: "off" });
    this.notes = make("textarea", { class: "wb-field", rows: 6, maxlength: 100000, dir: "auto" });
    this.notes.value = values.notes;
    this.fields = { threat_level: this.threat, tags: this.tags, notes: this.notes };
    this.between = make("div", {});
    this.form.replaceChildren(
      labelled("Threat level", this.threat), labelled("Tags", this.tags, "separated by commas"), labelled("Notes", this.notes), this.between,
      make("div", { class: "wb-tools" }, make("button", { type: "submit", class: "wb-button wb-main" }, "Save"), button("Cancel", "Leave it as it was (Esc)", () => this.close(), "wb-button"),
        make("small", { class: "wb-quiet" }, `on version ${values.version} · Ctrl+Enter saves`)));
    this.form.hidden = false;
    this.threat.focus();
  }

  save() {
    if (this.form.hidden || this.panel.root.hasAttribute("data-busy")) return;
    this.panel.ask({ do: "save", stand: this.stand, values: { threat_level: this.threat.value, tags: this.tags.value, notes: this.notes.value } });
  }

  openLevel() {
    const facts = this.model.get("facts");
    this.form.hidden = true;
    this.chooser = levelForm({ now: facts.level, definitions: facts.definitions, members: facts.members, chosen: facts.recipients });
    this.level.replaceChildren(this.chooser.element,
      make("div", { class: "wb-tools" }, make("button", { type: "submit", class: "wb-button wb-main" }, "Set level"), button("Cancel", "Leave it as it was (Esc)", () => this.close(), "wb-button")));
    this.level.hidden = false;
    this.chooser.focus();
  }

  setLevel() {
    const missing = this.chooser.missing();
    if (missing) return this.panel.say(missing, "error");
    this.panel.ask({ do: "level", ...this.chooser.value() });
  }

  close() {
    if (this.form.hidden && this.level.hidden) return;
    this.form.hidden = true;
    this.level.hidden = true;
    this.panel.say("");
    this.panel.ask({ do: "settled" });
    this.tools.querySelector("button")?.focus();
  }

  answered(message) {
    // What only one side changed is merged; of what both did, the field holds what was written here.
    if (message?.stand !== undefined) this.stand = message.stand;
    for (const [name, value] of Object.entries(message?.fields ?? {})) this.fields[name].value = value;
    if (message?.kind !== "good" || !message.saved) return;
    this.form.hidden = true;
    this.level.hidden = true;
    this.tools.querySelector("button")?.focus();
  }

  /** Both sides of what somebody else changed while this was being written; what was written stays in the fields. */
  conflicts() {
    const found = this.model.get("conflict");
    if (this.form.hidden || !this.between) return;
    this.between.replaceChildren(...Object.entries(found ?? {}).map(([name, { mine, theirs, value, by }]) => {
      const field = this.fields[name];
      const box = make("section", { class: "wb-sides", "aria-label": `${NAMES[name]}: two versions` },
        make("p", {}, make("b", {}, NAMES[name]), " was changed by ", data(by), " while you wrote. Both are kept until you save again."),
        make("div", { class: "wb-columns" }, make("div", {}, make("h4", {}, "Yours"), marked(mine)), make("div", {}, make("h4", {}, "Theirs"), marked(theirs))),
        make("div", { class: "wb-tools" },
          button("Keep mine", "Leave what you wrote", () => { box.remove(); field.focus(); }, "wb-button"),
          button("Take theirs", "Put theirs into the field", () => { field.value = value; box.remove(); field.focus(); }, "wb-button"),
          name !== "threat_level" && button("Take both", "Put theirs before yours", () => { field.value = [value, field.value].filter(Boolean).join(name === "tags" ? ", " : "\n\n"); box.remove(); field.focus(); }, "wb-button")));
      return box;
    }));
    this.between.querySelector("button")?.focus();
  }
}

export default { render(context) { const card = new Card(context); return () => card.panel.end(); } };
