// Makes workbench/notebook/assets/world.json, the basemap of the maps, and places.tsv, where a country is drawn
// when nothing but the country is known. Run by hand where the packages below are installed:
//
//   npm install world-atlas@2.0.2 topojson-client@3.1.0 topojson-server@3.0.1 topojson-simplify@3.0.3 d3-geo@3.1.1 \
//     i18n-iso-countries@7.14.0 && node make_basemap.mjs ../workbench/enrichment/countries.tsv OUT_FOLDER
//
// Natural Earth 1:50m is in the public domain; world-atlas has it as TopoJSON.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature, quantize } from "topojson-client";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";
import { topology } from "topojson-server";
import { geoArea, geoCentroid, geoContains, geoDistance } from "d3-geo";

const require = createRequire(import.meta.url);
const iso = require("i18n-iso-countries");
const [names, out] = process.argv.slice(2);
const EARTH_KM = 6371;
const world = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json")));
const english = new Map(readFileSync(names, "utf8").trim().split("\n").map((line) => line.split("\t")));

// Natural Earth gives no ISO number to some: the name decides.
const BY_NAME = { Kosovo: "XK", "N. Cyprus": null, Somaliland: null, "Siachen Glacier": null, "Indian Ocean Ter.": null, "Ashmore and Cartier Is.": null };
// Territories that Natural Earth draws as part of another country, or not at all: centre and radius by hand.
const BY_HAND = {
  BQ: [12.18, -68.26, 25], BV: [-54.42, 3.36, 10], CC: [-12.17, 96.83, 15], CX: [-10.49, 105.63, 15],
  GF: [3.93, -53.13, 220], GI: [36.14, -5.35, 5], GP: [16.25, -61.58, 45], MQ: [14.64, -61.02, 40],
  RE: [-21.13, 55.53, 40], SJ: [78.0, 16.5, 300], TK: [-9.17, -171.82, 90], TV: [-7.48, 178.68, 350],
  UM: [19.3, 166.63, 15], YT: [-12.83, 45.15, 25],
};

const main = (geometry) => {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  return polygons.map((coordinates) => ({ type: "Polygon", coordinates }));
};

/** Points of an even grid within the polygons: [lon, lat], by the hundred. */
const inside = (polygons, step) => {
  const found = [];
  for (const polygon of polygons) {
    const ring = polygon.coordinates[0];
    const [lons, lats] = [ring.map((p) => p[0]), ring.map((p) => p[1])];
    for (let lat = Math.min(...lats) + step / 2; lat < Math.max(...lats); lat += step) {
      const wide = step / Math.max(0.05, Math.cos((lat * Math.PI) / 180));
      for (let lon = Math.min(...lons) + wide / 2; lon < Math.max(...lons); lon += wide)
        if (geoContains(polygon, [lon, lat])) found.push([lon, lat]);
    }
  }
  return found;
};

const places = new Map();
for (const country of world.objects.countries.geometries) {
  const name = country.properties.name;
  const code = country.id ? iso.numericToAlpha2(country.id) : BY_NAME[name];
  country.id = code ?? undefined;
  country.properties = code ? { name: english.get(code) ?? name } : { name };
  if (!code) { if (!(name in BY_NAME)) console.log("no code:", name); continue; }
  const polygons = main(feature(world, country).geometry);
  const largest = polygons.reduce((a, b) => (geoArea(b) > geoArea(a) ? b : a));
  let centre = geoCentroid(largest);
  const near = polygons.filter((p) => geoDistance(geoCentroid(p), centre) * EARTH_KM < 2500);
  const step = Math.max(0.02, Math.sqrt(geoArea({ type: "MultiPolygon", coordinates: near.map((p) => p.coordinates) })) * (180 / Math.PI) / 30);
  const grid = inside(near, step);
  if (!geoContains(largest, centre)) // a crescent such as Croatia: the inner point nearest to the centroid
    centre = inside([largest], step).reduce((a, b) => (geoDistance(b, centre) < geoDistance(a, centre) ? b : a), largest.coordinates[0][0]);
  const far = grid.map((p) => geoDistance(p, centre) * EARTH_KM).sort((a, b) => a - b);
  const radius = far.length > 10 ? far[Math.floor(far.length * 0.95)] : Math.max(...largest.coordinates[0].map((p) => geoDistance(p, centre) * EARTH_KM));
  if (places.has(code)) continue;
  places.set(code, [centre[1], centre[0], Math.max(5, radius)]);
}
for (const [code, place] of Object.entries(BY_HAND)) if (!places.has(code)) places.set(code, place);
console.log("no place:", [...english.keys()].filter((code) => !places.has(code)).join(" "));


// The rings are whole on the sphere; a flat map wants them cut at 180 degrees.
const flat = (ring) => {
  const turned = [ring[0]];
  let turn = 0;
  for (let i = 1; i < ring.length; i++) {
    const step = ring[i][0] - ring[i - 1][0];
    turn += step > 180 ? -360 : step < -180 ? 360 : 0;
    turned.push([ring[i][0] + turn, ring[i][1]]);
  }
  if (!turn) return turned;
  const [[first], [last]] = [turned[0], turned.at(-1)]; // round a pole
  return [...turned, [last, -90], [first, -90], turned[0]];
};
const cut = (ring, side, edge) => {
  const kept = [];
  const within = ([x]) => (side > 0 ? x <= edge : x >= edge);
  ring.slice(0, -1).forEach((point, i, all) => {
    const next = all[(i + 1) % all.length];
    if (within(point)) kept.push(point);
    if (within(point) !== within(next))
      kept.push([edge, point[1] + ((next[1] - point[1]) * (edge - point[0])) / (next[0] - point[0])]);
  });
  return kept.length > 2 ? [...kept, kept[0]] : null;
};
const pieces = ({ coordinates: rings }) => {
  const turned = rings.map(flat);
  const found = [];
  for (const turns of [-360, 0, 360]) {
    const there = turned.map((ring) => {
      const moved = ring.map(([x, y]) => [x - turns, y]);
      const left = cut(moved, 1, 180);
      return left && cut(left, -1, -180);
    });
    if (there[0]) found.push(there.filter(Boolean));
  }
  return found;
};
const countries = feature(world, world.objects.countries);
for (const country of countries.features)
  country.geometry = { type: "MultiPolygon", coordinates: main(country.geometry).flatMap(pieces) };
let small = presimplify(topology({ countries }));
small = simplify(small, 0.006);
small = filter(small, filterWeight(small, 0.002));
small = quantize(small, 20000);
delete small.objects.land;
writeFileSync(`${out}/world.json`, JSON.stringify(small));
const lines = [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, [lat, lon, km]]) => `${code}\t${lat.toFixed(2)}\t${lon.toFixed(2)}\t${Math.round(km)}`);
writeFileSync(`${out}/places.tsv`, lines.join("\n") + "\n");
