// The basemap: countries as vectors, shaded by what is known of them, and named where there is room.

class Base {
  constructor(map, world, colour) {
    this.colour = colour;
    this.renderer = L.canvas({ padding: 0.5, pane: "tilePane" });
    const geo = topojson.feature(world, world.objects.countries);
    this.layer = L.geoJSON(geo, {
      renderer: this.renderer,
      interactive: false,
      style: (feature) => this.style(feature),
      attribution: "",
    }).addTo(map);
    this.shapes = geo.features.map((feature) => ({
      code: feature.id,
      name: feature.properties.name,
      polygons: (feature.geometry.type === "Polygon" ? [feature.geometry.coordinates] : feature.geometry.coordinates)
        .map((rings) => ({ rings, box: boxOf(rings[0]) }))
        .sort((a, b) => area(b.box) - area(a.box)),
    })).sort((a, b) => area(b.polygons[0].box) - area(a.polygons[0].box));
    this.steps = null;
  }

  /** Shade by `values` (code -> number), in five steps of a logarithmic scale; null takes the shades away. */
  shade(values) {
    this.values = values;
    const top = values ? Math.max(0, ...values.values()) : 0;
    this.steps = top > 0 ? [...new Set([0, 0.25, 0.5, 0.75, 1].map((x) => Math.round(top ** x)))] : null;
    this.layer.setStyle((feature) => this.style(feature));
    return this.steps;
  }

  step(value) {
    let step = 0;
    while (step < this.steps.length - 1 && value >= this.steps[step + 1]) step++;
    return this.steps.length === 1 ? 2 : Math.round((step * 4) / (this.steps.length - 1));
  }

  style(feature) {
    const value = (this.values && this.values.get(feature.id)) || 0;
    return {
      weight: 0.7,
      color: this.colour("--border"),
      fillOpacity: 1,
      fillColor: value && this.steps ? this.colour(`--shade-${this.step(value)}`) : this.colour("--land"),
    };
  }

  /** The country under a point, or null. */
  at({ lat, lng }) {
    for (const shape of this.shapes)
      for (const { rings, box } of shape.polygons)
        if (lng >= box[0] && lng <= box[2] && lat >= box[1] && lat <= box[3] && within(lng, lat, rings[0])) return shape;
    return null;
  }

  /** Names of the countries that have room for theirs, below what is drawn on them. */
  label(map, context, items) {
    const bounds = map.getBounds();
    context.font = "500 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = this.colour("--halo");
    context.fillStyle = this.colour("--label");
    const written = [];
    for (const { name, polygons } of this.shapes) {
      const [west, south, east, north] = polygons[0].box;
      if (west > bounds.getEast() || east < bounds.getWest() || south > bounds.getNorth() || north < bounds.getSouth()) continue;
      const a = map.latLngToContainerPoint([north, west]);
      const b = map.latLngToContainerPoint([south, east]);
      if (context.measureText(name).width > (b.x - a.x) * 0.75 || b.y - a.y < 16) continue;
      const at = polygons[0].middle ?? (polygons[0].middle = middle(polygons[0].rings[0]));
      const { x, y } = map.latLngToContainerPoint([at[1], at[0]]);
      const half = context.measureText(name).width / 2 + 4;
      const over = items.find((item) => Math.abs(item.x - x) < half + item.radius && Math.abs(item.y - y) < item.radius + 8);
      const down = over ? over.y + over.radius + 11 : y;
      if (written.some((w) => Math.abs(w.x - x) < w.half + half && Math.abs(w.y - down) < 14)) continue;
      written.push({ x, y: down, half });
      context.strokeText(name, x, down);
      context.fillText(name, x, down);
    }
  }
}

const area = ([west, south, east, north]) => (east - west) * (north - south);

const boxOf = (ring) => {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of ring) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box;
};

const middle = (ring) => {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const cross = ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
    sum += cross;
    x += (ring[j][0] + ring[i][0]) * cross;
    y += (ring[j][1] + ring[i][1]) * cross;
  }
  return sum ? [x / (3 * sum), y / (3 * sum)] : ring[0];
};

const within = (x, y, ring) => {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
};
