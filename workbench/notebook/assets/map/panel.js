// Beside the map: what is shown, what the signs mean, and every address as a list that needs no mouse.

class Panel {
  constructor(root, app) {
    this.app = app;
    const { model, layer, payload } = app;
    this.chips = new Map();
    const legend = make("div", { class: "legend", role: "group", "aria-label": "Verdicts shown" }, model.verdicts.map((verdict, i) => {
      if (!payload.present[i]) return null;
      const count = make("b", {}, "");
      const button = make("button", { type: "button", "aria-pressed": "true", title: `Show or hide ${verdict.name} (key ${i + 1})`, onclick: () => app.toggle(verdict.name) },
        make("span", { class: `chip v-${verdict.name}` }, `${verdict.mark} ${verdict.name}`), count);
      this.chips.set(verdict.name, { button, count });
      return button;
    }));
    const check = (name, label, on) => make("label", {}, make("input", {
      type: "checkbox", checked: on,
      onchange: (event) => { layer.show[name] = event.target.checked; layer.redraw(); },
    }), label);
    this.scale = make("div", { class: "scale" });
    const shading = make("select", { "aria-label": "Countries shaded by", onchange: () => app.shade(shading.value) },
      [["all", "by addresses"], ["hostile", "by hostile addresses"], ["none", "not shaded"]].map(([value, text]) => make("option", { value }, text)));
    this.shading = shading;
    this.search = make("input", { type: "search", placeholder: "Find address, network … ( / )", "aria-label": "Find an address, network or place", oninput: () => this.find() });
    this.found = make("p", { class: "quiet", role: "status" });
    this.results = make("ol", { class: "results", "aria-label": "Addresses, worst first" });
    const theme = make("button", { type: "button", class: "icon", title: "Light or dark (d)", "aria-label": "Light or dark", onclick: () => app.turn() }, "◐");
    const fold = make("button", { type: "button", class: "icon", "aria-expanded": "true", title: "Fold the panel (l)", "aria-label": "Fold the panel", onclick: () => this.fold() }, "–");
    this.folder = fold;
    const home = make("button", { type: "button", class: "icon", title: "Show everything (0)", "aria-label": "Show everything", onclick: () => app.everything() }, "⤢");
    this.body = make("div", { class: "body" },
      legend,
      make("div", { class: "switches" },
        check("clusters", "Clusters", true),
        check("accuracy", "Accuracy", layer.show.accuracy),
        model.flows ? check("arcs", "Flows", true) : null),
      make("div", { class: "shading" }, make("span", {}, "Countries "), shading, this.scale),
      this.search, this.found, this.results);
    this.total = make("span", { class: "total" });
    this.element = make("section", { class: "panel", "aria-label": "Addresses" },
      make("header", {}, make("h1", {}, data(payload.title)), home, theme, fold), this.total, this.body);
    root.append(this.element);
    L.DomEvent.disableClickPropagation(this.element).disableScrollPropagation(this.element);
  }

  fold() {
    const open = this.body.hidden;
    this.body.hidden = !open;
    this.folder.setAttribute("aria-expanded", String(open));
    this.folder.textContent = open ? "–" : "+";
  }

  refresh() {
    const { model } = this.app;
    model.verdicts.forEach((verdict, i) => {
      const entry = this.chips.get(verdict.name);
      if (!entry) return;
      entry.count.textContent = number(model.perVerdict[i]);
      entry.button.setAttribute("aria-pressed", String(!model.hidden.has(verdict.name)));
    });
    this.total.textContent = `${number(model.total)} ${model.total === 1 ? "address" : "addresses"} in ${model.byCountry.size} ${model.byCountry.size === 1 ? "country" : "countries"}`;
    this.find();
  }

  find() {
    const { model } = this.app;
    const limit = 100;
    const { found, count } = model.search(this.search.value, limit);
    this.found.textContent = count > limit ? `The worst ${limit} of ${number(count)}` : count ? `${number(count)}, worst first` : "None";
    this.results.replaceChildren(...found.map((point) => {
      const verdict = model.verdict(point);
      return make("li", {}, make("button", { type: "button", "data-point": point, onclick: () => this.app.visit(point) },
        make("span", { class: `sign v-${verdict.name}`, title: verdict.name }, verdict.mark),
        data(model.get("address", point), "mono"),
        make("span", { class: "quiet" }, data(model.get("country", point) ?? ""), " ", data(model.get("label", point) ?? model.get("as_org", point) ?? ""))));
    }));
  }

  showScale(steps) {
    this.scale.replaceChildren(...(steps ?? []).map((from, i) => {
      const step = steps.length === 1 ? 2 : Math.round((i * 4) / (steps.length - 1));
      return make("span", { class: `step s${step}` }, i === steps.length - 1 && steps.length > 1 ? `${shortNumber(from)}` : shortNumber(from));
    }));
  }

  /** The keys of the list: arrows walk, and the address chosen stays in view. */
  walk(by) {
    const buttons = [...this.results.querySelectorAll("button")];
    if (!buttons.length) return;
    const now = buttons.findIndex((b) => b.getAttribute("aria-current") === "true");
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, now + by))];
    this.app.visit(Number(next.dataset.point));
  }

  mark(point) {
    for (const button of this.results.querySelectorAll("button"))
      if (Number(button.dataset.point) === point) {
        button.setAttribute("aria-current", "true");
        button.scrollIntoView({ block: "nearest" });
      } else button.removeAttribute("aria-current");
  }
}
