// When the addresses were met: hits in each step of time, stacked by verdict, with a window to drag over them.

import { make, moment, number } from "../common/dom.js";
import { LOOKS, paintOf } from "../common/looks.js";
import { colourOf, isDark } from "../common/theme.js";
import { KINDS } from "./crossfilter.js";

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

export class Timeline {
  /** `window()` gives the two bins chosen, or null; `choose(window)` sets them. */
  constructor(time, counts, window, choose) {
    Object.assign(this, { time, counts, window, choose });
    const [size, unit] = UNITS.find(([seconds]) => time.step % seconds === 0);
    const steps = time.step / size;
    this.canvas = make("canvas", { class: "wb-canvas", role: "img", "aria-label": "Hits over time" });
    this.tip = make("div", { class: "wb-tip", hidden: true });
    this.ends = ["From", "To"].map((label, end) => make("div", {
      class: "wb-handle", role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": time.bins - 1,
      onkeydown: (event) => this.pressed(event, end),
    }));
    this.shade = make("div", { class: "wb-window", hidden: true });
    this.plot = make("div", { class: "wb-plot", title: "Drag to choose a time, double-click to take it back" }, this.canvas, this.shade, this.ends, this.tip);
    this.axis = make("div", { class: "wb-ticks wb-quiet", "aria-hidden": "true" });
    this.element = make("section", { class: "wb-pane wb-time" },
      make("h3", {}, `Hits per ${steps === 1 ? "" : `${steps} `}${unit}${steps === 1 ? "" : "s"}`), this.plot, this.axis);
    this.drag();
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.plot);
    const at = (bin) => moment(time.start + bin * time.step);
    this.axis.append(...[0, time.bins / 2, time.bins].map((bin) => make("span", {}, at(bin))));
  }

  destroy() {
    this.watcher.disconnect();
  }

  /** The size or the theme has changed. */
  resized() {
    const [width, height, ratio] = [this.plot.clientWidth, this.plot.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.paints = LOOKS.map((look) => paintOf(look, isDark()));
    this.line = colourOf(this.element, "--wb-line");
    this.paint();
  }

  bin(event) {
    const box = this.plot.getBoundingClientRect();
    return Math.max(0, Math.min(this.time.bins - 1, Math.floor(((event.clientX - box.left) / box.width) * this.time.bins)));
  }

  drag() {
    const { plot } = this;
    let [from, grabbed] = [null, null];
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      plot.setPointerCapture(event.pointerId);
      grabbed = this.ends.indexOf(event.target);
      const window = this.window() ?? [0, this.time.bins - 1];
      from = grabbed >= 0 ? window[1 - grabbed] : this.bin(event);
    });
    plot.addEventListener("pointermove", (event) => {
      const bin = this.bin(event);
      this.point(bin);
      if (from !== null && (bin !== from || grabbed >= 0)) this.choose([Math.min(from, bin), Math.max(from, bin)]);
    });
    plot.addEventListener("pointerup", (event) => {
      if (from !== null && grabbed < 0 && this.bin(event) === from) this.choose([from, from]);
      from = null;
    });
    plot.addEventListener("pointercancel", () => { from = null; });
    plot.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    plot.addEventListener("dblclick", () => this.choose(null));
  }

  pressed(event, end) {
    const window = [...(this.window() ?? [0, this.time.bins - 1])];
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e6, End: 1e6 }[event.key];
    if (by === undefined) return;
    const [low, high] = end === 0 ? [0, window[1]] : [window[0], this.time.bins - 1];
    window[end] = Math.max(low, Math.min(high, window[end] + by));
    this.choose(window[0] === 0 && window[1] === this.time.bins - 1 ? null : window);
    event.preventDefault();
  }

  point(bin) {
    const { start, step } = this.time;
    const hits = this.total(bin);
    this.tip.hidden = false;
    this.tip.textContent = `${moment(start + bin * step)}: ${number(hits)} ${hits === 1 ? "hit" : "hits"}`;
    const share = (bin + 0.5) / this.time.bins;
    this.tip.style.left = `${share * 100}%`;
    this.tip.style.transform = `translateX(${-share * 100}%)`;
  }

  total(bin) {
    let sum = 0;
    for (let kind = 0; kind < KINDS; kind++) sum += this.counts[bin * KINDS + kind];
    return sum;
  }

  paint() {
    const { canvas, counts, width, height, ratio, paints, time: { bins } } = this;
    if (!width) return;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    let most = 1;
    for (let bin = 0; bin < bins; bin++) most = Math.max(most, this.total(bin));
    const window = this.window();
    const wide = width / bins;
    for (let bin = 0; bin < bins; bin++) {
      context.globalAlpha = !window || (bin >= window[0] && bin <= window[1]) ? 1 : 0.3;
      let low = height - 1;
      for (let kind = 0; kind < KINDS; kind++) {
        const count = counts[bin * KINDS + kind];
        if (!count) continue;
        const tall = Math.max(1, (count / most) * (height - 4));
        context.fillStyle = paints[kind].edge;
        context.fillRect(bin * wide + 0.5, low - tall, Math.max(1, wide - 1), tall);
        if (tall > 3 && wide > 5) {
          context.fillStyle = paints[kind].fill;
          context.fillRect(bin * wide + 1.5, low - tall + 1, wide - 3, tall - 2);
        }
        low -= tall;
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = this.line;
    context.fillRect(0, height - 1, width, 1);
    const [from, to] = window ?? [0, bins - 1];
    this.shade.hidden = !window;
    this.shade.style.left = `${(from / bins) * 100}%`;
    this.shade.style.right = `${(1 - (to + 1) / bins) * 100}%`;
    [from, to + 1].forEach((edge, end) => {
      this.ends[end].style.left = `${(edge / bins) * 100}%`;
      this.ends[end].setAttribute("aria-valuenow", end ? to : from);
      this.ends[end].setAttribute("aria-valuetext", moment(this.time.start + edge * this.time.step));
    });
  }
}
