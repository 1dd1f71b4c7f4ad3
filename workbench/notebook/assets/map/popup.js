// What is said of an address or of many. Everything that comes from data goes in as text, never as markup.

const chip = (verdict) => make("span", { class: `chip v-${verdict.name}` }, `${verdict.mark} ${verdict.name}`);

class Popups {
  constructor(map, model, layer, payload) {
    Object.assign(this, { map, model, layer, payload });
  }

  /** An address with its reasons. `back` leads to the list it was chosen from. */
  address(point, back) {
    const get = (name) => this.model.get(name, point);
    const place = this.model.points.place[point];
    const { exact, km } = this.model.places;
    const where = [get("city"), get("region"), get("country_name") ?? get("country")].filter(Boolean).map((t) => data(t));
    const near = exact[place]
      ? km[place] ? `within ${number(km[place])} km` : null
      : `only the country is known: drawn at its middle, ±${number(km[place])} km`;
    const network = get("asn") !== null || get("as_org") ? [get("asn") !== null ? `AS${get("asn")} ` : "", data(get("as_org") ?? "")] : null;
    const flags = this.model.points.flags ? get("flags") : null;
    const seen = get("first") !== null ? [`${moment(get("first"))} – ${moment(get("last"))}`] : null;
    const reputation = get("reputation");
    const rows = [
      ["Where", where.length ? where.flatMap((w, i) => (i ? [", ", w] : [w])) : null],
      ["", near ? [make("span", { class: "quiet" }, near)] : null],
      ["Network", network],
      ["Prefix", get("prefix") ? [data(get("prefix"))] : null],
      ["Type", get("network_type") && get("network_type") !== "unknown" ? [data(get("network_type"))] : null],
      ["Flags", flags ? [data(flags)] : null],
      ["Reputation", reputation !== null ? [`${reputation} of 100`, get("confidence") !== null ? `, confidence ${get("confidence").toFixed(2)}` : ""] : null],
      ["Hits", get("hits") !== null ? [number(get("hits"))] : null],
      ["Seen", seen],
      ...this.payload.extras.map((name) => [name, get(`x_${name}`) ? [data(get(`x_${name}`))] : null]),
    ].filter(([, value]) => value);
    const reasons = (get("reasons") ?? "").split("; ").filter(Boolean);
    return make("article", { class: "card" },
      back ? make("button", { class: "back", type: "button", onclick: back }, "‹ all at this place") : null,
      make("h2", {}, data(get("address")), " ", chip(this.model.verdict(point))),
      get("label") ? make("p", { class: "label" }, data(get("label"))) : null,
      reasons.length ? make("ul", { class: "why", "aria-label": "Reasons" }, reasons.map((reason) => make("li", {}, data(reason)))) : null,
      make("dl", {}, rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      this.profile(get("address")),
    );
  }

  profile(address) {
    if (this.payload.profile)
      return make("p", { class: "go" }, make("a", {
        href: this.payload.profile.split("{address}").join(encodeURIComponent(address)),
        target: "_blank", rel: "noopener noreferrer",
      }, "Open profile ↗"));
    const code = make("code", {}, `wb.lookup("${address}")`);
    const copy = make("button", { type: "button", onclick: () => copyText(code.textContent, copy) }, "Copy");
    return make("p", { class: "go" }, "Profile: ", code, " ", copy);
  }

  /** The addresses of a place or cluster, worst first, a hundred at a time. */
  list(points, heading, remark) {
    const items = make("ol", { class: "many" });
    const box = make("article", { class: "card" });
    let shown = 0;
    const more = make("button", { type: "button", class: "more", onclick: () => add() }, "");
    const add = () => {
      for (const point of points.slice(shown, shown + 100))
        items.append(make("li", {}, make("button", { type: "button", onclick: () => box.replaceWith(this.address(point, () => back())) },
          make("span", { class: `sign v-${this.model.verdict(point).name}`, title: this.model.verdict(point).name }, this.model.verdict(point).mark),
          data(this.model.get("address", point), "mono"), " ", data(this.model.get("label", point) ?? this.model.get("as_org", point) ?? "", "quiet"))));
      shown = Math.min(points.length, shown + 100);
      more.hidden = shown >= points.length;
      more.textContent = `${number(points.length - shown)} more`;
    };
    const back = () => {
      const card = this.popup.getElement().querySelector(".card");
      card.replaceWith(box);
      items.querySelector("button")?.focus();
    };
    add();
    box.append(make("h2", {}, heading), this.tally(points), ...(remark ? [make("p", { class: "quiet" }, remark)] : []), items, more);
    return box;
  }

  tally(points) {
    const counts = this.model.verdicts.map(() => 0);
    for (const point of points) counts[this.model.points.verdict[point]]++;
    return make("p", { class: "tally" }, this.model.verdicts.map((v, i) => (counts[i] ? make("span", { class: `chip v-${v.name}` }, `${v.mark} ${number(counts[i])}`) : null)));
  }

  country(shape, at) {
    const [count, hostile] = this.model.byCountry.get(shape.code) ?? [0, 0];
    this.open(at, make("article", { class: "card" }, make("h2", {}, shape.name),
      make("p", {}, count ? `${number(count)} ${count === 1 ? "address" : "addresses"} shown, ${number(hostile)} hostile` : "No address shown")));
  }

  /** Open for a place or a cluster as it is drawn. */
  item(item) {
    const points = this.layer.pointsOf(item);
    if (item.place !== null) this.layer.selected = item.place;
    const at = this.map.containerPointToLatLng([item.x, item.y]);
    if (points.length === 1) return this.open(at, this.address(points[0]), item.radius);
    const { places } = this.model;
    const first = this.layer.placesOf(item)[0];
    const countries = new Set(points.map((point) => this.model.get("country_name", point)));
    const where = countries.size === 1 && [...countries][0] ? ` in ${[...countries][0]}` : "";
    const remark = item.place !== null && !places.exact[first]
      ? `Only the country is known: drawn at its middle. 95 % of its land lies within ${number(places.km[first])} km.`
      : item.place !== null ? "One place for all of them." : "Too close together to be drawn apart.";
    return this.open(at, this.list(points, `${number(points.length)} addresses${where}`, remark), item.radius);
  }

  open(at, content, radius = 0) {
    // A click on a button that takes itself away must not count as one on the map, which closes the popup.
    const frame = make("div", { onclick: (event) => event.stopPropagation() }, content);
    this.popup = L.popup({ maxWidth: 380, minWidth: 250, maxHeight: Math.max(180, this.map.getSize().y * 0.62), offset: [0, -radius + 4], autoPanPaddingTopLeft: [60, 15], autoPanPaddingBottomRight: [this.map.getSize().x > 640 ? 300 : 15, this.model.time ? 80 : 15] })
      .setLatLng(at).setContent(frame).openOn(this.map);
    this.layer.redraw();
    return this.popup;
  }
}

function copyText(text, button) {
  const done = () => { button.textContent = "Copied"; };
  const byHand = () => {
    const area = make("textarea", { class: "away" });
    area.value = text;
    document.body.append(area);
    area.select();
    if (document.execCommand("copy")) done();
    area.remove();
    button.focus();
  };
  if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(text).then(done, byHand);
  else byHand();
}
