// When: bars of what happened, a window over them with two handles, and a way to let it run.

class TimeBar {
  constructor(root, app) {
    this.app = app;
    const { from, to, counts } = app.model.time;
    this.last = counts.length - 1;
    this.at = (edge) => from + ((to - from) * edge) / counts.length;
    const top = Math.max(1, ...counts);
    const bars = make("div", { class: "bars", "aria-hidden": "true" }, counts.map((count) => {
      const bar = make("i");
      bar.style.height = `${count ? Math.max(6, (count / top) * 100) : 0}%`;
      return bar;
    }));
    this.bars = [...bars.children];
    const handle = (label, value) => make("input", { type: "range", min: 0, max: this.last, value, step: 1, "aria-label": label, oninput: () => this.moved() });
    this.from = handle("From", 0);
    this.to = handle("To", this.last);
    this.from.addEventListener("input", () => this.order(this.from));
    this.to.addEventListener("input", () => this.order(this.to));
    this.text = make("output", {});
    this.play = make("button", { type: "button", "aria-label": "Play", title: "Play (space)", onclick: () => this.toggle() }, "▶");
    this.element = make("section", { class: "time", "aria-label": "Time" }, this.play,
      make("div", { class: "track" }, bars, this.from, this.to), this.text);
    root.append(this.element);
    L.DomEvent.disableClickPropagation(this.element).disableScrollPropagation(this.element);
    this.moved();
  }

  get window() {
    return [Number(this.from.value), Number(this.to.value)];
  }

  order(moved) {
    const [from, to] = this.window;
    if (from <= to) return;
    if (moved === this.from) this.to.value = from;
    else this.from.value = to;
    this.moved();
  }

  moved() {
    const [from, to] = this.window;
    this.bars.forEach((bar, i) => bar.classList.toggle("in", i >= from && i <= to));
    this.text.textContent = `${moment(this.at(from))} – ${moment(this.at(to + 1))}`;
    for (const [input, edge] of [[this.from, from], [this.to, to + 1]]) input.setAttribute("aria-valuetext", moment(this.at(edge)));
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.app.setWindow([from, to]), 40);
  }

  toggle() {
    if (this.timer) return this.stop();
    let [from, to] = this.window;
    // The whole time is no window that could run: take an eighth of it.
    if (to - from >= this.last) [from, to] = [0, Math.max(0, Math.round(this.last / 8))];
    const width = to - from;
    this.play.textContent = "❚❚";
    this.play.setAttribute("aria-label", "Pause");
    const step = () => {
      if (to > this.last) return this.stop();
      this.from.value = to - width;
      this.to.value = to++;
      this.moved();
    };
    step();
    this.timer = setInterval(step, 350);
    return undefined;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "▶";
    this.play.setAttribute("aria-label", "Play");
  }
}
