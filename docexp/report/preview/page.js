"use strict";
// Texts of pages reach the document by textContent and setAttribute alone, never as markup.
const PAGES = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#2f6fde", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#0b7285", "#a67c00", "#5f3dc4", "#846358", "#495057"];
const LAYERS = [
  ["words", "word boxes", "w", (page) => page.words.length],
  ["lines", "lines", "l", (page) => page.lines && page.lines.length],
  ["regions", "regions", "g", (page) => page.regions && page.regions.length],
  ["entities", "entities", "e", (page) => page.entities && page.entities.length],
  ["relations", "links", "r", (page) => page.relations && page.relations.length],
  ["order", "reading order", "o", (page) => page.order && page.order.length],
];
const shown = { words: false, lines: false, regions: true, entities: true, relations: true, order: true };
let labels = [...new Set(PAGES.flatMap((page) => [...(page.entities || []), ...(page.regions || [])].map((item) => item.label)))].sort();
const get = (id) => document.getElementById(id);
let current = 0;

function make(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function draw(name, attributes, said) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (said !== undefined) {
    made.addEventListener("mousemove", (event) => hint(event, said));
    made.addEventListener("mouseleave", () => { get("hint").hidden = true; });
  }
  return made;
}

function hint(event, text) {
  const box = get("hint");
  box.textContent = text;
  box.hidden = false;
  box.style.left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8) + "px";
  box.style.top = Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 8) + "px";
}

function colour(label) {
  const number = labels.indexOf(label);
  return number < COLOURS.length ? COLOURS[number] : `hsl(${(number * 137.5) % 360} 60% 42%)`;
}

function rectangle([x0, y0, x1, y1], attributes, said) {
  return draw("rect", { class: "box", x: x0, y: y0, width: x1 - x0, height: y1 - y0, ...attributes }, said);
}

const tinted = (label) => ({ stroke: colour(label), fill: colour(label), "fill-opacity": 0.13 });
const middle = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2];

const DRAWN = {
  words: (page) => page.words.map((word, i) => rectangle(page.boxes[i], {}, `word ${i}: ${word || "(empty)"}`)),
  lines: (page) => page.lines.map((box, i) => rectangle(box, {}, `line ${i}`)),
  entities: (page) => page.entities.map((entity, i) => rectangle(entity.box, tinted(entity.label),
    `${entity.label}: ${entity.words.map((word) => page.words[word]).join(" ") || "(no words)"}\nentity ${i}`)),
  regions: (page) => page.regions.flatMap((region, i) => {
    const said = `${region.label}\nregion ${i}${region.iscrowd ? ", a crowd" : ""}`;
    if (!region.polygons.length) return [rectangle(region.box, tinted(region.label), said)];
    return region.polygons.map((points) => draw("polygon", { class: "box", points: points.join(" "), ...tinted(region.label) }, said));
  }),
  relations: (page) => page.relations.map((relation) => {
    const [from, to] = [page.entities[relation.head].box, page.entities[relation.tail].box];
    const [[x1, y1], [x2, y2]] = ends(from, to);
    return draw("line", { x1, y1, x2, y2, "marker-end": "url(#arrow)" });
  }),
  order: (page) => {
    const points = page.order.map((word) => middle(page.boxes[word]));
    const size = Math.max(page.width, page.height) / 110;
    return [draw("polyline", { points: points.map((point) => point.join(",")).join(" ") }),
      ...points.map(([x], i) => {
        const y = page.boxes[page.order[i]][1] + size / 4; // above the word, which stays legible
        const number = draw("text", { x, y, "font-size": size, "stroke-width": size / 4, "text-anchor": "middle" });
        number.textContent = i + 1;
        return number;
      })];
  },
};

// Where pages are shown as pretraining sees them, that comes first and annotations wait until they are asked for.
const PICTURE = "picture";
if (PAGES.length && PAGES[0].seen) {
  for (const [name] of LAYERS) shown[name] = false;
  const layers = PAGES[0].seen.layers.map(({ title, kind }, i) => {
    const [name, marks] = [`seen${i}`, (page) => page.seen.layers[i].marks];
    shown[name] = kind !== "outlines";
    DRAWN[name] = (page) => marks(page).map(({ box, label, said }) => rectangle(box, kind === "tokens" ? tinted(label) : {}, said));
    return [name, title, String(i + 1), (page) => marks(page).length, kind, marks];
  });
  shown[PICTURE] = true;
  LAYERS.unshift([PICTURE, "image as the model sees it", "i", (page) => (page.seen.image ? 1 : 0)], ...layers);
  const tokens = PAGES.flatMap((page) => page.seen.layers.filter(({ kind }) => kind === "tokens"));
  labels = [...new Set([...tokens.flatMap(({ marks }) => marks.map(({ label }) => label)).sort(), ...labels])];
}

// An arrow begins and ends at the sides that face each other; it is upright where one box lies above the other.
function ends(from, to) {
  let [[ax, ay], [bx, by]] = [middle(from), middle(to)];
  const [left, right] = [Math.max(from[0], to[0]), Math.min(from[2], to[2])];
  if (left < right) ax = bx = (left + right) / 2;
  if (to[0] >= from[2]) return [[from[2], ay], [to[0], by]];
  if (to[2] <= from[0]) return [[from[0], ay], [to[2], by]];
  return by >= ay ? [[ax, from[3]], [bx, to[1]]] : [[ax, from[1]], [bx, to[3]]];
}

function paint(page) {
  const svg = draw("svg", { viewBox: `0 0 ${page.width} ${page.height}`, preserveAspectRatio: "none" });
  const [defs, marker] = [draw("defs", {}), draw("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4,
    markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse", markerUnits: "strokeWidth" })];
  marker.append(draw("path", { d: "M0 0 L8 4 L0 8 z", fill: "#b3195e" }));
  defs.append(marker);
  svg.append(defs);
  for (const [name, , , count, kind] of LAYERS) {
    if (!count(page) || name === PICTURE) continue;
    const group = draw("g", { class: kind ? `${name} ${kind}` : name });
    group.style.display = shown[name] ? "" : "none";
    group.append(...DRAWN[name](page));
    svg.append(group);
  }
  const paper = get("paper");
  paper.style.width = `min(100%, ${Math.max(900, Math.min(1200, page.width))}px)`;
  paper.style.aspectRatio = `${page.width} / ${page.height}`;
  paper.replaceChildren(...pictures(page), svg);
}

function pictures(page) {
  const seen = shown[PICTURE] && page.seen && page.seen.image;
  const whole = page.image ? [make("img", undefined, { src: page.image, alt: "" })] : [];
  if (!seen) return whole;
  const image = make("img", undefined, { src: seen, alt: "", class: "seen" });
  if (!page.seen.part) return [image];
  const [left, top, right, bottom] = page.seen.part.map((edge) => 100 * edge);
  Object.assign(image.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
  whole.forEach((own) => own.setAttribute("class", "around"));
  return [...whole, image];
}

function key(items) {
  const counts = new Map();
  for (const item of items) counts.set(item.label, (counts.get(item.label) || 0) + 1);
  return [...counts].sort((a, b) => labels.indexOf(a[0]) - labels.indexOf(b[0])).map(([label, count]) => {
    const row = make("div", undefined, { class: "key" });
    const patch = make("i");
    patch.style.background = colour(label);
    row.append(patch, make("span", label), make("b", count));
    return row;
  });
}

function controls(page) {
  const box = get("layers");
  box.replaceChildren(make("legend", "shown"));
  for (const [name, title, letter, count, kind, marks] of LAYERS) {
    const label = make("label", undefined, count(page) ? {} : { class: "absent" });
    const tick = make("input", undefined, { type: "checkbox" });
    tick.checked = shown[name];
    tick.disabled = !count(page);
    tick.addEventListener("change", () => { toggle(name); tick.blur(); });
    const number = count(page);
    const text = number === null || number === undefined ? `${title}: not annotated` : `${title} (${number})`;
    label.append(tick, make("span", name === PICTURE ? title : text), make("kbd", letter));
    box.append(label);
    if ((name === "entities" || name === "regions") && number) box.append(...key(page[name]));
    if (kind === "tokens") box.append(...key(marks(page)));
  }
}

function list(title, rows) {
  const [heading, items] = [make("h2", title), make("dl")];
  for (const [term, values] of rows) {
    items.append(make("dt", term));
    if (!values.length) items.append(make("dd", "no answer", { class: "none" }));
    for (const value of values) items.append(make("dd", value));
  }
  return [heading, items];
}

function show(number) {
  current = (number + PAGES.length) % PAGES.length;
  const page = PAGES[current];
  get("pages").value = current;
  get("hint").hidden = true;
  const document_ = page.document === page.id ? "" : ` · page ${page.number + 1} of ${page.document}`;
  get("facts").replaceChildren(make("p", `${page.split} · ${page.width} × ${page.height} pixels${page.image ? "" : " · no image"}${document_}`, { class: "quiet" }));
  if (page.document_class !== null) get("facts").append(...list("document class", [[page.document_class, [""]]]));
  if (page.document_tags) get("facts").append(...list("document tags", page.document_tags.map((tag) => [tag, [""]])));
  if (page.seen) get("facts").append(...list("as pretraining sees it", page.seen.facts));
  const details = [];
  if (page.questions) details.push(...list(`questions (${page.questions.length})`, page.questions.map((q) => [q.text, q.answers])));
  if (page.fields) details.push(...list("fields", Object.entries(page.fields)));
  get("details").replaceChildren(...details);
  controls(page);
  paint(page);
  document.querySelector("main").scrollTo(0, 0);
}

function toggle(name) {
  shown[name] = !shown[name];
  const group = document.querySelector(`#paper svg .${name}`);
  if (name === PICTURE) paint(PAGES[current]);
  if (group) group.style.display = shown[name] ? "" : "none";
  controls(PAGES[current]);
}

PAGES.forEach((page, number) => get("pages").append(make("option", `${number + 1} / ${PAGES.length}  ${page.id}`, { value: number })));
get("pages").addEventListener("change", (event) => { show(Number(event.target.value)); event.target.blur(); });
get("before").addEventListener("click", () => show(current - 1));
get("after").addEventListener("click", () => show(current + 1));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === "ArrowLeft") show(current - 1);
  else if (event.key === "ArrowRight") show(current + 1);
  else {
    const layer = LAYERS.find(([, , letter]) => letter === event.key);
    if (layer && layer[3](PAGES[current])) toggle(layer[0]);
  }
});
show(Math.max(0, Number(location.hash.slice(1)) - 1 || 0));
