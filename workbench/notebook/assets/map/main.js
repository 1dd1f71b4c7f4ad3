// Puts the map together: unpacks the data, wires the layers, the panel, the time bar and the keys.

async function unpack(id) {
  const text = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** A notebook around the map says whether it is dark; the frame cannot look by itself. */
let told = null;
window.addEventListener("message", ({ data: said }) => {
  if (!said || !["light", "dark"].includes(said.workbenchTheme)) return;
  told = said.workbenchTheme;
  const app = window.workbenchApp;
  if (app && app.payload.theme === "auto" && app.root.dataset.theme !== told) app.turn();
});

/** Leaflet has these keys where the map has the focus; here for when nothing has. */
const MOVES = {
  "+": (map) => map.zoomIn(), "=": (map) => map.zoomIn(), "-": (map) => map.zoomOut(),
  ArrowLeft: (map) => map.panBy([-80, 0]), ArrowRight: (map) => map.panBy([80, 0]),
  ArrowUp: (map) => map.panBy([0, -80]), ArrowDown: (map) => map.panBy([0, 80]),
};

class App {
  constructor(map, payload, world) {
    this.map = map;
    this.payload = payload;
    this.root = document.documentElement;
    if (payload.theme !== "auto") this.root.dataset.theme = payload.theme;
    else this.root.dataset.theme = told ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    this.model = new Model(payload);
    const colour = (name) => getComputedStyle(this.root).getPropertyValue(name).trim();
    this.colours = new Map();
    const cached = (name) => this.colours.get(name) ?? (this.colours.set(name, colour(name)), this.colours.get(name));
    this.base = new Base(map, world, cached);
    if (payload.tiles) this.tiles(payload.tiles);
    this.layer = new PointsLayer(this.model, this.base, cached, {
      homes: payload.homes, deepest: map.getMaxZoom(), accuracy: payload.places.exact.some(Boolean), labels: !payload.tiles,
    }).addTo(map);
    this.popups = new Popups(map, this.model, this.layer, payload);
    const face = document.getElementById("face");
    this.panel = new Panel(face, this);
    if (this.model.time) this.time = new TimeBar(face, this);
    this.pointer();
    this.keys();
    this.shade("all");
    this.panel.refresh();
    this.everything(false);
    // A frame in a notebook may get its size late: fit again until somebody has taken hold of the map.
    new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(map.getContainer());
    map.on("resize", () => { if (!this.held) this.everything(false); });
    for (const kind of ["pointerdown", "wheel", "keydown"]) document.addEventListener(kind, () => { this.held = true; }, { capture: true, passive: true });
    map.on("popupclose", () => { this.layer.selected = null; this.layer.redraw(); });
  }

  tiles({ url, attribution, max_zoom: maxZoom }) {
    this.base.layer.remove();
    L.tileLayer(url, { maxZoom, noWrap: true }).addTo(this.map);
    document.getElementById("sources").prepend(make("span", {}, attribution, " · "));
  }

  refresh() {
    this.model.refresh();
    this.layer.recluster();
    this.shade(this.panel.shading.value);
    this.panel.refresh();
  }

  toggle(name) {
    if (!this.model.hidden.delete(name)) this.model.hidden.add(name);
    this.map.closePopup();
    this.refresh();
  }

  setWindow(window) {
    const [from, to] = this.model.window;
    if (from === window[0] && to === window[1]) return;
    this.model.window = window;
    this.refresh();
  }

  shade(by) {
    const values = by === "none" ? null : new Map([...this.model.byCountry].map(([code, entry]) => [code, entry[by === "hostile" ? 1 : 0]]));
    this.root.dataset.shade = by;
    this.colours.clear();
    this.panel.showScale(this.base.shade(values));
  }

  turn() {
    this.root.dataset.theme = this.root.dataset.theme === "dark" ? "light" : "dark";
    this.colours.clear();
    this.shade(this.panel.shading.value);
    this.layer.redraw();
  }

  /** Zoom so that all that is placed is in view, right of nothing and left of the panel. */
  everything(animate = true) {
    const { lat, lon } = this.model.places;
    const bounds = L.latLngBounds([]);
    for (let i = 0; i < lat.length; i++) bounds.extend([lat[i], lon[i]]);
    for (const home of this.payload.homes) bounds.extend([home.lat, home.lon]);
    const { x, y } = this.map.getSize();
    if (x < 120 || y < 120) return; // not laid out yet; a resize will come
    if (!this.sized) {
      this.sized = true;
      if (x <= 640) this.panel.fold(); // it would cover half the world
    }
    if (bounds.isValid())
      this.map.fitBounds(bounds.pad(0.05), {
        paddingTopLeft: [Math.min(30, x / 10), Math.min(40, y / 10)],
        paddingBottomRight: [x > 640 ? 330 : 20, Math.min(this.model.time ? 90 : 40, y / 4)],
        maxZoom: 5, animate,
      });
    else this.map.setView([20, 10], 2, { animate });
  }

  /** Show one address: bring it into view and open it. */
  visit(point) {
    const place = this.model.points.place[point];
    const at = [this.model.places.lat[place], this.model.places.lon[place]];
    this.panel.mark(point);
    this.map.setView(at, Math.max(this.map.getZoom(), this.model.places.exact[place] ? 5 : 4), { animate: false });
    this.layer.selected = place;
    this.popups.open(L.latLng(at), this.popups.address(point), 8);
    this.layer.selected = place;
    this.layer.redraw();
  }

  pointer() {
    const { map, layer } = this;
    const tip = make("div", { class: "tip", role: "tooltip", hidden: true });
    map.getContainer().append(tip);
    map.on("click", (event) => {
      const item = layer.hit(event.containerPoint);
      if (!item) {
        const shape = this.payload.tiles ? null : this.base.at(event.latlng);
        if (shape && shape.code) this.popups.country(shape, event.latlng);
        return;
      }
      const zoom = layer.opensAt(item);
      if (zoom !== null) map.setView(map.containerPointToLatLng([item.x, item.y]), zoom);
      else this.popups.item(item);
    });
    map.on("mousemove", (event) => {
      const item = layer.hit(event.containerPoint);
      const home = item ? -1 : layer.homeAt(event.containerPoint);
      const place = item ? item.place : null;
      map.getContainer().style.cursor = item ? "pointer" : "";
      tip.hidden = !item && home < 0;
      if (home >= 0) {
        const { x, y } = layer.atHome[home];
        tip.replaceChildren(data(this.payload.homes[home].label));
        tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y - 20)}px) translate(-50%, -100%)`;
      }
      if (item) {
        const first = layer.pointsOf(item)[0];
        const name = this.model.get("country_name", first);
        tip.replaceChildren(item.total === 1
          ? make("span", {}, chip(this.model.verdict(first)), " ", data(this.model.get("address", first), "mono"), " ", data(this.model.get("label", first) ?? this.model.get("as_org", first) ?? ""))
          : make("span", {}, `${number(item.total)} addresses`, item.place !== null && name ? [" · ", data(name)] : ""));
        tip.style.transform = `translate(${Math.round(item.x)}px, ${Math.round(item.y - item.radius - 10)}px) translate(-50%, -100%)`;
      }
      if (place !== layer.hovered) {
        layer.hovered = place;
        layer.redraw();
      }
    });
    map.on("mouseout", () => { tip.hidden = true; layer.hovered = null; layer.redraw(); });
    map.on("zoomstart movestart", () => { tip.hidden = true; });
  }

  keys() {
    document.addEventListener("pointerdown", () => { this.root.dataset.mouse = "true"; }, true);
    document.addEventListener("keydown", (event) => {
      delete this.root.dataset.mouse;
      const typing = event.target.matches("input[type=search], select, textarea");
      if (event.key === "Escape") {
        this.map.closePopup();
        if (typing) event.target.blur();
        return;
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const onButton = event.target.matches("button, input, a");
      const verdict = this.model.verdicts[Number(event.key) - 1];
      if (event.key === "/") this.panel.search.focus();
      else if (event.key === "n") this.panel.walk(1);
      else if (event.key === "p") this.panel.walk(-1);
      else if (event.key === "d") this.turn();
      else if (event.key === "l") this.panel.fold();
      else if (event.key === "0") this.everything();
      else if (event.key === " " && this.time && !onButton) this.time.toggle();
      else if (verdict && this.panel.chips.has(verdict.name)) this.toggle(verdict.name);
      else if (event.target === document.body && MOVES[event.key]) MOVES[event.key](this.map);
      else return;
      event.preventDefault();
    });
  }
}

window.workbenchMap = async (map) => {
  const [payload, world] = await Promise.all([unpack("workbench-data"), unpack("workbench-world")]);
  const app = new App(map, payload, world);
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("workbench-ready");
    document.documentElement.dataset.ready = "true";
  }));
  window.workbenchApp = app;
};
