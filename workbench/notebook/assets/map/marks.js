// How a single address, a group of them, an arc and a circle of accuracy are drawn on the canvas.

/** One address: a shape of its own for each verdict, so that colour is never the only sign. */
function drawMark(context, x, y, verdict, selected) {
  const r = verdict.hostile ? 9 : 7;
  context.beginPath();
  if (verdict.shape === "triangle") polygon(context, x, y + 1, r + 3, 3, -Math.PI / 2);
  else if (verdict.shape === "diamond") polygon(context, x, y, r + 2, 4, -Math.PI / 2);
  else if (verdict.shape === "square") polygon(context, x, y, r + 3, 4, -Math.PI / 4);
  else context.arc(x, y, r, 0, 7);
  context.fillStyle = verdict.fill;
  context.fill();
  context.lineWidth = selected ? 3 : 1.5;
  context.strokeStyle = selected ? "#0a84ff" : verdict.ink;
  context.stroke();
  if (verdict.shape === "triangle" || verdict.shape === "diamond") return;
  context.fillStyle = verdict.ink;
  context.font = `bold ${r + 3}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(verdict.mark, x, y + 0.5);
}

const polygon = (context, x, y, r, corners, turn) => {
  for (let i = 0; i < corners; i++) {
    const angle = turn + (i * 2 * Math.PI) / corners;
    context[i ? "lineTo" : "moveTo"](x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
};

const groupRadius = (count) => Math.min(30, 13 + 3.6 * Math.log10(count) ** 1.25);

/** Many addresses: a ring of their verdicts, their number, and the sign of the worst. */
function drawGroup(context, x, y, counts, verdicts, face, ink, selected) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const r = groupRadius(total);
  context.beginPath();
  context.arc(x, y, r + 1.5, 0, 7);
  context.fillStyle = selected ? "#0a84ff" : ink;
  context.globalAlpha = selected ? 1 : 0.35;
  context.fill();
  context.globalAlpha = 1;
  let angle = -Math.PI / 2;
  counts.forEach((count, i) => {
    if (!count) return;
    // A single attacker among thousands still gets a sliver that can be seen.
    const sweep = Math.max((count / total) * 2 * Math.PI, 0.14);
    context.beginPath();
    context.moveTo(x, y);
    context.arc(x, y, r, angle, Math.min(angle + sweep, 1.5 * Math.PI));
    context.fillStyle = verdicts[i].fill;
    context.fill();
    angle += sweep;
  });
  context.beginPath();
  context.arc(x, y, r * 0.68, 0, 7);
  context.fillStyle = face;
  context.fill();
  const worst = verdicts[counts.findIndex((n) => n)];
  const short = shortNumber(total);
  context.fillStyle = ink;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const marked = worst.hostile && r > 15;
  context.font = `600 ${Math.round(Math.min(13, (r * 1.75) / Math.max(2, short.length)))}px system-ui, sans-serif`;
  context.fillText(short, x, y + (marked ? 4.5 : 0.5));
  if (marked) {
    context.font = "bold 9px system-ui, sans-serif";
    context.fillStyle = face === "#fff" ? worst.fill : worst.bright;
    context.fillText(worst.mark, x, y - 6.5);
  }
}

const shortNumber = (n) =>
  n < 1000 ? String(n) : n < 10000 ? `${(n / 1000).toFixed(1).replace(/\.0$/, "")}k` : n < 1e6 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`;

/** A flow: bent to the right of its way, thin at its source, with a head at its target. */
function drawArc(context, a, b, gap, colour, width, strength) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  if (length < 12) return;
  const bend = Math.min(0.22, 60 / length + 0.06);
  const c = { x: (a.x + b.x) / 2 + dy * bend, y: (a.y + b.y) / 2 - dx * bend };
  const angle = Math.atan2(b.y - c.y, b.x - c.x);
  const end = { x: b.x - gap * Math.cos(angle), y: b.y - gap * Math.sin(angle) };
  const fade = context.createLinearGradient(a.x, a.y, b.x, b.y);
  fade.addColorStop(0, colour + "40");
  fade.addColorStop(1, colour + "e6");
  context.globalAlpha = strength;
  context.strokeStyle = fade;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.quadraticCurveTo(c.x, c.y, end.x, end.y);
  context.stroke();
  const head = 5 + width * 1.4;
  context.beginPath();
  context.moveTo(end.x, end.y);
  context.lineTo(end.x - head * Math.cos(angle - 0.42), end.y - head * Math.sin(angle - 0.42));
  context.lineTo(end.x - head * Math.cos(angle + 0.42), end.y - head * Math.sin(angle + 0.42));
  context.closePath();
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
}

/** Everything within `km` of a place, as the projection stretches it. */
function drawCircle(context, map, lat, lon, km, colour, strong) {
  const rad = Math.PI / 180;
  const d = km / 6371;
  context.beginPath();
  for (let i = 0; i <= 72; i++) {
    const bearing = i * 5 * rad;
    const y = Math.asin(Math.sin(lat * rad) * Math.cos(d) + Math.cos(lat * rad) * Math.sin(d) * Math.cos(bearing));
    const x = lon * rad + Math.atan2(Math.sin(bearing) * Math.sin(d) * Math.cos(lat * rad), Math.cos(d) - Math.sin(lat * rad) * Math.sin(y));
    const at = map.latLngToContainerPoint([Math.max(-84, Math.min(84, y / rad)), x / rad]);
    context[i ? "lineTo" : "moveTo"](at.x, at.y);
  }
  context.globalAlpha = strong ? 0.14 : 0.05;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = strong ? 0.9 : 0.5;
  context.setLineDash([5, 4]);
  context.lineWidth = strong ? 1.5 : 1;
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The own network, where private addresses are: a house. */
function drawHome(context, x, y, ink, face) {
  context.beginPath();
  context.arc(x, y, 12, 0, 7);
  context.fillStyle = face;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = ink;
  context.stroke();
  context.beginPath();
  for (const [i, j] of [[-6, 0], [0, -6.5], [6, 0], [4, 0], [4, 5.5], [-4, 5.5], [-4, 0]]) context.lineTo(x + i, y + j);
  context.closePath();
  context.fillStyle = ink;
  context.fill();
}

/** From where the house belongs to where there is room for it. */
function drawLeader(context, { x, y, from }, ink) {
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(x, y);
  context.lineWidth = 1.5;
  context.strokeStyle = ink;
  context.stroke();
}
