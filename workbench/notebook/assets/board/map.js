// Where the addresses are, on a canvas: circles for what is near each other on the screen, with rings of their verdicts.

import { make, number, plural } from "../common/dom.js";
import { LOOKS, paintOf } from "../common/looks.js";
import { colourOf, isDark } from "../common/theme.js";
import { feature } from "../vendor/topojson-client.min.js";
import { KINDS } from "./crossfilter.js";

const SQUEEZE = 0.82; // degrees of longitude are drawn shorter, as they are at 35° of latitude
const [NORTH, SOUTH] = [78, -56];
const NEAR = 30; // pixels within which places are drawn as one
const DEEPEST = 24;

async function unpacked(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

export class WorldMap {
  /** `area()` and `choose(area)`: west, south, east, north in degrees, or null; `country(code)` toggles a country. */
  constructor(board, { area, choose, country }) {
    Object.assign(this, { board, area, choose, country });
    const { columns } = board;
    this.codes = columns.country.values;
    this.places = columns.places;
    this.countryOf = countriesOf(columns);
    this.canvas = make("canvas", { class: "wb-canvas", tabindex: 0, role: "img", onkeydown: (event) => this.pressed(event) });
    this.base = document.createElement("canvas");
    this.tip = make("div", { class: "wb-tip", hidden: true });
    this.box = make("div", { class: "wb-lasso", hidden: true });
    const icon = (text, label, act) => make("button", { type: "button", class: "wb-icon", title: label, "aria-label": label, onclick: act }, text);
    this.plot = make("div", { class: "wb-plot" }, this.canvas, this.box, this.tip,
      make("div", { class: "wb-zoom" }, icon("+", "Zoom in (+)", () => this.zoom(2)), icon("−", "Zoom out (-)", () => this.zoom(0.5)), icon("⤢", "The whole world (0)", () => this.whole())));
    this.element = make("section", { class: "wb-pane wb-where" }, make("h3", {}, "Where", make("small", { class: "wb-quiet" }, "drag to choose an area, click a country")), this.plot);
    this.view = { scale: 1, lon: 0, lat: (NORTH + SOUTH) / 2 };
    this.shapes = [];
    this.pointer();
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.plot);
    unpacked(board.model.get("_world")).then((world) => this.load(world));
  }

  destroy() {
    this.watcher.disconnect();
  }

  load(world) {
    this.shapes = feature(world, world.objects.countries).features.map(({ id, properties, geometry }) => {
      const path = new Path2D();
      for (const rings of geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates)
        for (const ring of rings) {
          ring.forEach(([lon, lat], at) => (at ? path.lineTo(lon * SQUEEZE, -lat) : path.moveTo(lon * SQUEEZE, -lat)));
          path.closePath();
        }
      return { id, name: properties.name, path };
    });
    this.repaint();
  }

  resized() {
    const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.base]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    Object.assign(this, { width, height, ratio });
    this.repaint();
  }

  /** Pixels a degree of latitude. */
  get unit() {
    return Math.min(this.width / (360 * SQUEEZE), this.height / (NORTH - SOUTH)) * this.view.scale;
  }

  toPixels(lon, lat) {
    return [this.width / 2 + (lon - this.view.lon) * SQUEEZE * this.unit, this.height / 2 - (lat - this.view.lat) * this.unit];
  }

  toDegrees(x, y) {
    return [this.view.lon + (x - this.width / 2) / (SQUEEZE * this.unit), this.view.lat - (y - this.height / 2) / this.unit];
  }

  move(scale, lon, lat) {
    const { view } = this;
    view.scale = Math.max(1, Math.min(DEEPEST, scale));
    const [half, high] = [this.width / 2 / (SQUEEZE * this.unit), this.height / 2 / this.unit];
    view.lon = half >= 180 ? 0 : Math.max(-180 + half, Math.min(180 - half, lon));
    view.lat = high * 2 >= NORTH - SOUTH ? (NORTH + SOUTH) / 2 : Math.max(SOUTH + high, Math.min(NORTH - high, lat));
    this.repaint();
  }

  zoom(by, lon = this.view.lon, lat = this.view.lat) {
    this.move(this.view.scale * by, lon, lat);
  }

  whole() {
    this.move(1, 0, 0);
  }

  pressed(event) {
    const { scale, lon, lat } = this.view;
    const step = 40 / scale;
    const act = {
      "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5), 0: () => this.whole(),
      ArrowLeft: () => this.move(scale, lon - step, lat), ArrowRight: () => this.move(scale, lon + step, lat),
      ArrowUp: () => this.move(scale, lon, lat + step), ArrowDown: () => this.move(scale, lon, lat - step),
    }[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }

  /** The view or the theme has changed: the land anew, and what is near what. */
  repaint() {
    if (!this.width) return;
    const colour = (token) => colourOf(this.element, token);
    const context = this.base.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colour("--wb-sea");
    context.fillRect(0, 0, this.base.width, this.base.height);
    this.turn(context);
    context.fillStyle = colour("--wb-land");
    context.strokeStyle = colour("--wb-border");
    context.lineWidth = 0.7 / this.unit;
    for (const { path } of this.shapes) {
      context.fill(path);
      context.stroke(path);
    }
    const dark = isDark();
    this.colours = { face: colour("--wb-face"), ink: colour("--wb-ink"), accent: colour("--wb-accent"), kinds: LOOKS.map((look) => paintOf(look, dark)) };
    this.gather();
    this.paint();
  }

  turn(context) {
    const unit = this.unit * this.ratio;
    context.setTransform(unit, 0, 0, unit, (this.width / 2 - this.view.lon * SQUEEZE * this.unit) * this.ratio, (this.height / 2 + this.view.lat * this.unit) * this.ratio);
  }

  /** Which places fall together at this zoom: a grid over the world, so that panning changes nothing of it. */
  gather() {
    const { lat, lon, size } = this.places;
    this.cellOf = new Uint32Array(size);
    const known = new Map();
    const grid = NEAR / this.unit;
    for (let place = 0; place < size; place++) {
      const key = Math.floor((lon[place] * SQUEEZE + 400) / grid) * 1e5 + Math.floor((lat[place] + 100) / grid);
      let cell = known.get(key);
      if (cell === undefined) known.set(key, (cell = known.size));
      this.cellOf[place] = cell;
    }
    this.cells = known.size;
  }

  paint() {
    if (!this.width || !this.cellOf) return;
    const counts = this.board.filter.places;
    const { lat, lon, size } = this.places;
    const [sums, x, y, few, many] = [new Float64Array(this.cells * KINDS), new Float64Array(this.cells), new Float64Array(this.cells), new Int32Array(this.cells).fill(-2), new Float64Array(this.cells)];
    for (let place = 0; place < size; place++) {
      const cell = this.cellOf[place];
      let all = 0;
      for (let kind = 0; kind < KINDS; kind++) {
        const count = counts[place * KINDS + kind];
        sums[cell * KINDS + kind] += count;
        all += count;
      }
      if (!all) continue;
      many[cell] += all;
      x[cell] += all * lon[place];
      y[cell] += all * lat[place];
      const code = this.countryOf[place];
      few[cell] = few[cell] === -2 || few[cell] === code ? code : -1;
    }
    const found = [];
    for (let cell = 0; cell < this.cells; cell++) {
      if (!many[cell]) continue;
      const [px, py] = this.toPixels(x[cell] / many[cell], y[cell] / many[cell]);
      found.push({ x: px, y: py, cells: [cell], total: many[cell], country: few[cell], kinds: sums.subarray(cell * KINDS, (cell + 1) * KINDS) });
    }
    this.circles = apart(found.sort((a, b) => b.total - a.total));
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.base, 0, 0);
    this.outlines(context);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    for (const circle of this.circles) {
      if (circle.x > -30 && circle.x < this.width + 30 && circle.y > -30 && circle.y < this.height + 30) this.ring(context, circle);
    }
    this.lasso(this.area());
    const placed = this.circles.reduce((sum, { total }) => sum + total, 0);
    this.canvas.setAttribute("aria-label", `Map: ${plural(placed, "address", "addresses")} at ${plural(this.circles.length, "place")}; the list of countries filters the same`);
  }

  /** The countries chosen, with an edge. */
  outlines(context) {
    const chosen = this.board.filters.chosen.country;
    if (!chosen.size) return;
    const codes = new Set([...chosen].map((code) => this.codes[code]));
    this.turn(context);
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 2 / this.unit;
    for (const { id, path } of this.shapes) if (codes.has(id)) context.stroke(path);
  }

  ring(context, { x, y, radius, total, kinds }) {
    const worst = kinds.findIndex((count) => count > 0);
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fillStyle = total === 1 ? this.colours.kinds[worst].fill : this.colours.face;
    context.fill();
    if (total === 1) {
      context.lineWidth = 1;
      context.strokeStyle = this.colours.face;
      context.stroke();
    } else {
      const wide = Math.min(5, radius / 2.2);
      context.lineWidth = wide;
      let angle = -Math.PI / 2;
      for (let kind = 0; kind < KINDS; kind++) {
        if (!kinds[kind]) continue;
        // What is there is seen, however few it is among many.
        const share = Math.max(0.05, kinds[kind] / total) * 2 * Math.PI;
        context.beginPath();
        context.arc(x, y, radius - wide / 2, angle, Math.min(angle + share, 1.5 * Math.PI));
        context.strokeStyle = this.colours.kinds[kind].fill;
        context.stroke();
        angle += share;
        if (angle >= 1.5 * Math.PI) break;
      }
      context.lineWidth = 1;
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.strokeStyle = "#0005";
      context.stroke();
    }
    context.fillStyle = total === 1 ? this.colours.kinds[worst].ink : this.colours.ink;
    context.font = `600 ${total === 1 ? 8 : radius < 12 ? 8 : 10}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(total === 1 ? LOOKS[worst].mark : short(total), x, y + 0.5);
  }

  lasso(area) {
    this.box.hidden = !area;
    if (!area) return;
    const [left, top] = this.toPixels(area[0], area[3]);
    const [right, bottom] = this.toPixels(area[2], area[1]);
    Object.assign(this.box.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  circleAt([x, y]) {
    return (this.circles ?? []).findLast((circle) => Math.hypot(circle.x - x, circle.y - y) <= circle.radius + 2) ?? null;
  }

  shapeAt([x, y]) {
    const context = this.base.getContext("2d");
    this.turn(context);
    return this.shapes.find(({ path }) => context.isPointInPath(path, x * this.ratio, y * this.ratio)) ?? null;
  }

  pointer() {
    const { canvas } = this;
    let from = null;
    const areaTo = (event) => {
      const [[a, b], [c, d]] = [this.toDegrees(...from), this.toDegrees(...this.at(event))];
      return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
    };
    const far = (event) => from && Math.hypot(this.at(event)[0] - from[0], this.at(event)[1] - from[1]) > 5;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      from = this.at(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (far(event)) this.lasso(areaTo(event));
      else if (!from) this.point(event);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (far(event)) this.choose(areaTo(event));
      else if (from) this.clicked(event);
      from = null;
    });
    canvas.addEventListener("pointercancel", () => { from = null; this.lasso(this.area()); });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("dblclick", () => this.choose(null));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      const [lon, lat] = this.toDegrees(...this.at(event));
      const by = event.deltaY < 0 ? 1.4 : 1 / 1.4;
      this.zoom(by, lon + (this.view.lon - lon) / by, lat + (this.view.lat - lat) / by);
    }, { passive: false });
  }

  clicked(event) {
    const circle = this.circleAt(this.at(event));
    if (circle && circle.country < 0) return this.choose(this.around(circle));
    const code = circle ? circle.country : this.codes.indexOf(this.shapeAt(this.at(event))?.id);
    if (code >= 0) this.country(code);
  }

  /** The area of the places of a circle. */
  around({ cells }) {
    const { lat, lon, size } = this.places;
    const area = [180, 90, -180, -90];
    for (let place = 0; place < size; place++) {
      if (!cells.includes(this.cellOf[place])) continue;
      area[0] = Math.min(area[0], lon[place] - 0.1);
      area[1] = Math.min(area[1], lat[place] - 0.1);
      area[2] = Math.max(area[2], lon[place] + 0.1);
      area[3] = Math.max(area[3], lat[place] + 0.1);
    }
    return area;
  }

  point(event) {
    const at = this.at(event);
    const circle = this.circleAt(at);
    this.tip.hidden = !circle;
    this.canvas.style.cursor = circle ? "pointer" : "";
    if (!circle) return;
    const where = circle.country >= 0 ? this.board.facts.countries[this.codes[circle.country]] ?? "" : "several countries";
    const kinds = LOOKS.map((look, kind) => (circle.kinds[kind] ? `${look.mark} ${number(circle.kinds[kind])} ${look.name}` : "")).filter(Boolean);
    this.tip.textContent = `${where || "unknown country"}: ${kinds.join(", ")}`;
    const right = circle.x > this.width / 2;
    Object.assign(this.tip.style, { left: right ? "" : `${circle.x + circle.radius + 6}px`, right: right ? `${this.width - circle.x + circle.radius + 6}px` : "", top: `${Math.max(0, circle.y - 12)}px` });
  }
}

/** Circles, the largest first, that do not hide each other: one that would lie within a larger one is counted there. */
function apart(circles) {
  const top = circles[0]?.total ?? 1;
  const kept = [];
  for (const circle of circles) {
    circle.radius = circle.total === 1 ? 6 : 8 + 12 * Math.sqrt(circle.total / top);
    const over = kept.find((other) => Math.hypot(other.x - circle.x, other.y - circle.y) < other.radius + circle.radius * 0.6);
    if (!over) {
      kept.push(circle);
      continue;
    }
    over.cells.push(...circle.cells);
    over.total += circle.total;
    circle.kinds.forEach((count, kind) => { over.kinds[kind] += count; });
    if (over.country !== circle.country) over.country = -1;
  }
  return kept;
}

const short = (n) => (n < 1000 ? String(n) : n < 10_000 ? `${(n / 1000).toFixed(1)}k` : n < 1e6 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`);

/** The country of each place by the rows that are there; -1 where there are several. */
function countriesOf({ size, place, country, places }) {
  const found = new Int32Array(places.size + 1).fill(-2);
  for (let row = 0; row < size; row++) {
    const code = country.codes[row];
    const known = found[place[row]];
    found[place[row]] = known === -2 || known === code ? code : -1;
  }
  return found;
}
