// The layer of addresses: clusters them anew for what is shown, draws one canvas, and tells what is under the pointer.

const PointsLayer = L.Layer.extend({
  initialize(model, base, colour, options) {
    Object.assign(this, { model, base, colour, items: [], homes: options.homes, deepest: options.deepest });
    this.show = { clusters: true, arcs: true, accuracy: options.accuracy, labels: options.labels };
    this.selected = null; // a place
    this.hovered = null;
  },

  onAdd(map) {
    this.canvas = L.DomUtil.create("canvas", "leaflet-layer leaflet-zoom-animated points");
    this.canvas.setAttribute("aria-hidden", "true"); // the list beside the map says the same in text
    map.getPanes().overlayPane.appendChild(this.canvas);
    map.on({ move: this.redraw, moveend: this.redraw, resize: this.redraw, zoomend: this.redraw }, this);
    map.on("zoomanim", this.follow, this);
    this.recluster();
  },

  onRemove(map) {
    this.canvas.remove();
    map.off({ move: this.redraw, moveend: this.redraw, resize: this.redraw, zoomend: this.redraw }, this);
    map.off("zoomanim", this.follow, this);
  },

  follow(event) {
    const scale = this._map.getZoomScale(event.zoom);
    const corner = this._map.containerPointToLatLng([0, 0]);
    L.DomUtil.setTransform(this.canvas, this._map._latLngToNewLayerPoint(corner, event.zoom, event.center), scale);
  },

  /** Places that hold something shown, as the index that clusters them. */
  recluster() {
    const { places } = this.model;
    const features = [];
    for (let place = 0; place < places.lat.length; place++) {
      const counts = this.model.countsAt(place);
      if (counts.some((n) => n))
        features.push({
          type: "Feature",
          properties: { place, counts },
          geometry: { type: "Point", coordinates: [places.lon[place], places.lat[place]] },
        });
    }
    this.index = new Supercluster({
      radius: 64,
      extent: 256,
      minPoints: 2,
      maxZoom: this.deepest,
      map: ({ counts }) => ({ counts: counts.slice() }),
      reduce: (sum, { counts }) => {
        sum.counts = sum.counts.map((n, i) => n + counts[i]);
      },
    }).load(features);
    this.unclustered = features;
    this.arcs = this.model.flows ? this.model.arcs() : [];
    this.redraw();
  },

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      if (this._map) this.draw();
    });
  },

  draw() {
    const map = this._map;
    const size = map.getSize();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    L.DomUtil.setPosition(this.canvas, map.containerPointToLayerPoint([0, 0]));
    if (this.canvas.width !== size.x * ratio || this.canvas.height !== size.y * ratio) {
      this.canvas.width = size.x * ratio;
      this.canvas.height = size.y * ratio;
      this.canvas.style.width = `${size.x}px`;
      this.canvas.style.height = `${size.y}px`;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    this.items = this.visible(map);
    this.atHome = this.homes.map((home) => this.besides(map.latLngToContainerPoint([home.lat, home.lon])));
    if (this.show.labels) this.base.label(map, context, [...this.items, ...this.atHome]);
    if (this.show.accuracy) for (const item of this.items) this.circle(context, item.place, false);
    const marked = this.hovered ?? this.selected;
    if (marked !== null) this.circle(context, marked, true);
    if (this.show.arcs) this.drawArcs(context, map);
    const [face, ink] = [this.colour("--face"), this.colour("--ink")];
    for (const home of this.atHome) if (home.from) drawLeader(context, home, ink);
    for (const item of this.items.slice().reverse()) {
      const selected = item.place !== null && item.place === this.selected;
      if (item.total === 1) drawMark(context, item.x, item.y, this.model.verdicts[item.worst], selected);
      else drawGroup(context, item.x, item.y, item.counts, this.model.verdicts, face, ink, selected);
    }
    for (const { x, y } of this.atHome) drawHome(context, x, y, ink, face);
  },

  /** Where the house is drawn: at its place, or beside what stands there already. */
  besides({ x, y }) {
    const under = this.items.find((item) => Math.hypot(item.x - x, item.y - y) < item.radius + 13);
    if (!under) return { x, y, radius: 13, from: null };
    const away = (under.radius + 52) * Math.SQRT1_2; // far enough for the arcs between to be seen
    return { x: under.x - away, y: under.y + away, radius: 13, from: { x, y } };
  },

  /** What stands on the screen, worst first. */
  visible(map) {
    const bounds = map.getBounds().pad(0.1);
    const box = [Math.max(-180, bounds.getWest()), bounds.getSouth(), Math.min(180, bounds.getEast()), bounds.getNorth()];
    const found = this.show.clusters
      ? this.index.getClusters(box, Math.floor(map.getZoom()))
      : this.unclustered.filter(({ geometry: { coordinates: [x, y] } }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    const items = found.map(({ properties, geometry }) => {
      const { x, y } = map.latLngToContainerPoint([geometry.coordinates[1], geometry.coordinates[0]]);
      const total = properties.counts.reduce((sum, n) => sum + n, 0);
      const cluster = properties.cluster ? properties.cluster_id : null;
      return {
        x, y, total, cluster, counts: properties.counts,
        place: properties.cluster ? null : properties.place,
        worst: properties.counts.findIndex((n) => n),
        radius: total === 1 ? 11 : groupRadius(total),
      };
    });
    return items.sort((a, b) => a.worst - b.worst || b.total - a.total);
  },

  circle(context, place, strong) {
    if (place === null) return;
    const { lat, lon, km } = this.model.places;
    if (km[place]) drawCircle(context, this._map, lat[place], lon[place], km[place], this.colour("--accent"), strong);
  },

  drawArcs(context, map) {
    const { lat, lon } = this.model.places;
    const size = map.getSize();
    const anchors = this.anchors();
    const end = (place) => {
      const home = place - lat.length;
      if (home >= 0) return { ...this.atHome[home], gap: 14 };
      const item = anchors.get(place);
      return item ? { x: item.x, y: item.y, gap: item.radius + 2 } : { ...map.latLngToContainerPoint([lat[place], lon[place]]), gap: 4 };
    };
    const drawn = this.arcs.slice(0, 1500);
    for (const [from, to, hits, , worst] of drawn.reverse()) {
      const [a, b] = [end(from), end(to)];
      if (Math.max(a.x, b.x) < 0 || Math.min(a.x, b.x) > size.x || Math.max(a.y, b.y) < 0 || Math.min(a.y, b.y) > size.y) continue;
      const verdict = this.model.verdicts[worst];
      drawArc(context, a, b, b.gap, document.documentElement.dataset.theme === "dark" ? verdict.bright : verdict.dark, Math.min(5, 1 + Math.log10(hits + 1) * 0.8), verdict.hostile ? 1 : 0.45);
    }
  },

  /** Where the places at the ends of arcs are drawn now: in their cluster. */
  anchors() {
    const anchors = new Map();
    if (!this.arcs.length || this.unclustered.length > 5000) return anchors;
    for (const item of this.items)
      for (const place of this.placesOf(item)) anchors.set(place, item);
    return anchors;
  },

  placesOf(item) {
    if (item.cluster === null) return [item.place];
    return this.index.getLeaves(item.cluster, Infinity).map((leaf) => leaf.properties.place);
  },

  /** The addresses of an item, worst first. */
  pointsOf(item) {
    return this.placesOf(item).flatMap((place) => this.model.at(place)).sort((a, b) => a - b);
  },

  /** What is drawn at a point of the screen, the worst on top. */
  hit({ x, y }) {
    return this.items.find((item) => (item.x - x) ** 2 + (item.y - y) ** 2 <= (item.radius + 3) ** 2) ?? null;
  },

  homeAt({ x, y }) {
    return (this.atHome ?? []).findIndex((home) => Math.hypot(home.x - x, home.y - y) <= home.radius);
  },

  /** The zoom at which a cluster falls apart, or null where it never does. */
  opensAt(item) {
    if (item.cluster === null) return null;
    const zoom = this.index.getClusterExpansionZoom(item.cluster);
    return zoom <= this._map.getMaxZoom() ? zoom : null;
  },
});
