// SPDX-License-Identifier: BSD-3-Clause
// The page: what is open, what is shown, and what keys and buttons do.
import { Library } from "./alerts.mjs";
import { candidatesIn, drawn } from "./candidates.mjs";
import { readCutout } from "./cutout.mjs";
import { $, make, save } from "./dom.mjs";
import { readout, showFacts, showLegend } from "./facts.mjs";
import { FileList, tell } from "./filelist.mjs";
import { fitsOf } from "./fits.mjs";
import { Labelling } from "./labelling.mjs";
import { fromRow, labelsOfJson } from "./labels.mjs";
import { AlertList } from "./list.mjs";
import { Panels, plainPicture } from "./panels.mjs";
import { CANDIDATE, LABEL, LEVEL_COLOURS } from "./planes.mjs";
import { fileSource, memorySource, servedSource } from "./sources.mjs";
import { readTable } from "./tables.mjs";
import { bulkReports } from "./tns.mjs";

const TABLE_NAME = /\.(csv|json)$/i;
const MAX_TABLE = 64 * 2 ** 20; // longest table that is read [byte]
const PLANES = ["image", "noise", "mask", "psf"];
const STRETCHES = ["asinh", "linear", "zscale"];

const state = {
  mode: "mosaic", plane: "image", stretch: "asinh", shared: false, north: true, outlines: true, marks: true, candidates: true, today: true,
  labelling: false, zoom: 1, u: 0, v: 0, active: "science", cursor: null, candidate: -1, hidden: new Set(),
};
const library = new Library();
const tables = { hosts: new Map(), classes: new Map() };
let current = null; // the alert that is shown
let loaded = { parts: [], cutouts: {} };

const say = (words) => { $("status").textContent = words; };
/** For those who do not see the page: what is on it now. */
const announce = (words) => { $("announcement").textContent = words; };
const files = new FileList(library, say);
const panels = new Panels(state, { hover: (place) => hover(place), click: (place) => click(place), overlays });
const list = new AlertList({ load: (alert) => library.load(alert), choose: (alert) => choose(alert), mark: (alert) => labelling.words(labelling.of(alert)) });
const labelling = new Labelling({
  library, say, choose: (alert) => choose(alert), current: () => ({ alert: current, loaded }), next: () => go(1),
  changed: () => { list.mark(); panels.draw(); }, crosshair: () => labelCrosshair(),
});

// ---------------------------------------------------------------- opening

let showing = 0;
function openedSoFar() {
  if (performance.now() - showing < 400 && library.files.some((file) => file.open)) return;
  showing = performance.now();
  filter();
  files.refresh();
  if (!current && list.length) choose(list.at(0));
}

let opening = 0;

async function open(sources) {
  document.body.classList.add("open");
  opening++;
  for (const source of sources) {
    if (TABLE_NAME.test(source.name)) await table(source);
    else {
      const file = await library.open(source, openedSoFar);
      await labelling.opened(file);
      tell(file);
    }
  }
  showing = 0;
  openedSoFar();
  await labelling.sync();
  labelling.refresh();
  if (current) list.select(current);
  else if (library.files.length) {
    say("no stamps: the list of files says why");
    $("summary").parentElement.open = true;
  }
  opening--;
}

async function table(source) {
  if (source.size > MAX_TABLE) { say(`${source.name}: longer than 64 MiB`); return; }
  const text = new TextDecoder().decode(await source.read(0, source.size));
  const fromJson = /\.json$/i.test(source.name) ? labelsOfJson(text) : null;
  const found = fromJson ? { kind: "labels", labels: fromJson } : readTable(text);
  if (found.kind === "labels") {
    const labels = fromJson ?? found.labels.map(fromRow).filter(Boolean);
    say(`${source.name}: ${await labelling.take(labels)} labels added`);
  } else if (found.kind) {
    for (const [id, value] of found.rows) tables[found.kind].set(id, value);
    const matched = library.alerts.filter((alert) => found.rows.has(alert.id)).length;
    say(`${source.name}: ${found.rows.size} rows of ${found.kind}, ${matched} of them for open alerts`);
  } else say(`${source.name}: neither hosts, classes nor labels`);
  if (current) { facts(); panels.draw(); }
}

function filter() {
  const words = $("search").value.trim().toLowerCase(), which = $("which").value;
  list.show(library.alerts.filter((alert) => (!words || `${alert.id ?? ""} ${alert.objectId ?? ""} ${alert.record}`.toLowerCase().includes(words))
    && (which === "all" || (which === "faults" ? alert.parts.some((p) => p.error) : (labelling.of(alert) === null) === (which === "unlabelled")))));
  count();
}

const count = () => { $("which-one").textContent = list.length ? `${list.position + 1} of ${list.length}` : "none"; };

// ---------------------------------------------------------------- choosing

async function choose(alert) {
  if (!alert) return;
  current = alert;
  Object.assign(state, { cursor: null, candidate: -1, u: 0, v: 0 }); // the source is what one looks for first
  list.select(alert);
  count();
  try {
    const found = await library.load(alert);
    const cutouts = {};
    for (const [kind, bytes] of Object.entries(found.cutouts)) cutouts[kind] = await readCutout(bytes, found.parts.find((p) => p.kind === kind)?.stamp);
    if (current !== alert) return; // another one was chosen meanwhile
    loaded = { parts: found.parts, cutouts };
  } catch (error) {
    loaded = { parts: [], cutouts: {} };
    say(`${alert.file.name}: ${error.message}`);
  }
  panels.show(loaded);
  facts();
  showLegend(loaded.parts.filter((p) => p.stamp).map((p) => p.stamp), state.hidden, () => panels.draw());
  labelling.refresh();
  hover(null);
  const label = labelling.of(alert), faults = alert.parts.filter((p) => p.error).map((p) => p.error.code).join(" ");
  announce(`alert ${alert.id ?? `record ${alert.record}`}, ${list.position + 1}${opening ? "" : ` of ${list.length}`}${faults ? `, at fault: ${faults}` : ""}${state.labelling ? `, ${label ? `labelled ${labelling.words(label)}` : "not labelled"}` : ""}`);
}

/** Chooses the alert so many rows on; false at the end of the list. */
function go(step) {
  const there = list.at(list.position + step);
  if (!there || there === current) return false;
  choose(there);
  return true;
}

/** Chooses the next alert without a label of this set, or the first. */
function nextUnlabelled() {
  for (let step = 1; step <= list.length; step++) {
    const alert = list.at((list.position + step) % list.length);
    if (labelling.of(alert) === null) { choose(alert); return; }
  }
  say("all alerts of the list have a label in this set");
}

// ---------------------------------------------------------------- places

function hover(place) { $("readout").textContent = readout(place ?? (state.cursor?.part ? state.cursor : null)); }

function click(place) {
  if (state.labelling) labelling.give("host", { ...place, placed: "clicked" });
  else setCursor(place, "clicked");
}

function setCursor(place, placed) {
  state.cursor = place && { ...place, placed };
  hover(null);
  panels.draw();
}

function labelCrosshair() {
  if (!state.cursor) { say("move the crosshair with the arrow keys, or click on the host"); return; }
  labelling.give("host", state.cursor);
}

/** Moves the crosshair to a candidate, by default the next, and says so: the label will, too. */
function toCandidate(number = state.candidate + 1) {
  if (candidatesHidden()) { say("candidates are hidden: untick \u201chide candidates\u201d first"); return; }
  const part = activePart(), found = part ? candidatesIn(part.stamp, tables.hosts.get(current?.id)) : [];
  if (!found.length) { say("no candidates: open the table of \u201chstamp hosts\u201d"); return; }
  state.candidate = number % found.length;
  const { x, y, rank, p } = found[state.candidate];
  setCursor(panels.at(part, x, y), `candidate ${rank}`);
  say(`crosshair on candidate ${rank} of ${found.length}${p === null ? "" : `, probability ${p.toFixed(2)}`}`);
}

const facts = () => showFacts(current, loaded, tables, { hideHosts: candidatesHidden(), toCandidate });

const candidatesHidden = () => state.labelling && $("blind").checked;

function overlays(stamp, kind) {
  const shown = [];
  // The best is drawn last, over the others.
  if (state.candidates && !candidatesHidden()) shown.push(...candidatesIn(stamp, tables.hosts.get(current?.id)).map(drawn).reverse());
  const label = labelling.of(current);
  if (label?.label === "host") {
    const at = panels.inImage({ ...label, kind: label.image }, stamp, kind);
    if (at) shown.push({ shape: "label", x: at.x, y: at.y, colour: LABEL, name: "host" });
  }
  return shown;
}

// ---------------------------------------------------------------- buttons and keys

const own = (suffix) => `${(current?.id ?? `record-${current?.record}`).replace(/[^\w.-]/g, "_")}${suffix}`;
const activePart = () => loaded.parts.find((p) => p.kind === state.active && p.stamp);

function saveFits() { const part = activePart(); if (part) save(own(`-${part.kind}.fits`), fitsOf(part.stamp), "application/fits"); }
function saveBlob() { const part = activePart(); if (part) save(own(`-${part.kind}.hstamp`), part.blob); }
function savePng() {
  if (loaded.parts.some((p) => p.stamp)) panels.composite().toBlob((blob) => save(own(".png"), blob, "image/png"));
}

const CHECKS = ["shared", "north", "outlines", "marks", "candidates", "today", "labelling"];

function set(name, value) {
  state[name] = value;
  if (CHECKS.includes(name)) $(name).checked = value;
  else $(name).value = value;
  if (name === "mode" || name === "plane" || name === "today") panels.rebuild();
  if (name === "labelling") { $("labels").hidden = !value; document.body.classList.toggle("labelling", value); if (current) facts(); if (value && !$("labeller").value) $("labeller").focus(); }
  $("legend").hidden = state.plane !== "mask";
  panels.draw();
}

const cycle = (name, values) => set(name, values[(values.indexOf(state[name]) + 1) % values.length]);
const toggle = (name) => set(name, !state[name]);

function arrows(right, up, event) {
  if (!state.labelling && right) { go(right); return; }
  const place = panels.moveCursor(right, up, event.shiftKey);
  if (!place) return;
  setCursor(place, "placed by keys");
  announce(`crosshair: ${$("readout").textContent}`);
}

const KEYS = {
  j: () => go(1), k: () => go(-1), m: () => cycle("mode", ["mosaic", "levels"]), p: () => cycle("plane", PLANES), s: () => cycle("stretch", STRETCHES),
  h: () => toggle("shared"), o: () => toggle("north"), l: () => toggle("outlines"), a: () => toggle("marks"), c: () => toggle("candidates"), t: () => toggle("today"),
  e: () => toggle("labelling"), "+": () => panels.zoom(1.5), "=": () => panels.zoom(1.5), "-": () => panels.zoom(1 / 1.5), 0: () => panels.reset(),
  i: nextImage, g: () => toCandidate(), x: nextUnlabelled, "?": () => $("keys").showModal(), Escape: () => setCursor(null),
  ArrowRight: (event) => arrows(1, 0, event), ArrowLeft: (event) => arrows(-1, 0, event), ArrowUp: (event) => arrows(0, 1, event), ArrowDown: (event) => arrows(0, -1, event),
};
const LABEL_KEYS = { Enter: labelCrosshair, n: () => labelling.give("none"), u: () => labelling.give("unsure"), z: () => labelling.undo(), Backspace: () => labelling.undo() };

function nextImage() {
  const kinds = loaded.parts.filter((p) => p.stamp).map((p) => p.kind);
  if (!kinds.length) return;
  state.active = kinds[(kinds.indexOf(state.active) + 1) % kinds.length];
  say(`image: ${state.active}`);
  panels.rebuild();
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target.matches("input:not([type=checkbox])")) {
    if (event.key === "Enter" || event.key === "Escape") target.blur(); // and the keys are the page's again
    return;
  }
  if (target.matches("select") && (event.key.length > 1 || /[0-9 ]/.test(event.key))) return; // these are its own
  if (event.key === "Enter" && target.matches("button, a, summary")) return;
  const digit = state.labelling && /^[1-9]$/.test(event.key) ? labelling.classes[event.key - 1] : null;
  const action = digit ? () => labelling.give("class", null, digit) : (state.labelling && LABEL_KEYS[event.key]) || KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
});

for (const name of CHECKS) $(name).addEventListener("change", (event) => set(name, event.target.checked));
for (const name of ["mode", "plane", "stretch"]) $(name).addEventListener("change", (event) => set(name, event.target.value));
for (const [id, action] of Object.entries({
  previous: () => go(-1), next: () => go(1), closer: () => panels.zoom(1.5), farther: () => panels.zoom(1 / 1.5), whole: () => panels.reset(),
  "save-png": savePng, "save-fits": saveFits, "save-blob": saveBlob, "show-keys": () => $("keys").showModal(), sample: () => open([sample()]), "sample-2": () => open([sample()]),
})) $(id).addEventListener("click", action);
$("search").addEventListener("input", filter);
$("which").addEventListener("change", filter);
$("blind").addEventListener("change", () => { if (current) facts(); panels.draw(); });
for (const close of document.querySelectorAll("dialog button.close")) close.addEventListener("click", () => close.closest("dialog").close());
for (const id of ["open", "open-2"]) $(id).addEventListener("change", (event) => { open([...event.target.files].map(fileSource)); event.target.value = ""; });
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
document.addEventListener("drop", (event) => open([...event.dataTransfer.files].map(fileSource)));

function sample() {
  return memorySource("sample.avro", Uint8Array.from(atob($("sample-data").textContent.trim()), (c) => c.charCodeAt(0)));
}

for (const name of CHECKS) $(name).checked = state[name];
set("labelling", false);
labelling.refresh();

// Only a page that `hstamp view` serves has this element, and only such a page asks for anything.
const served = document.querySelector("meta[name=hstamp-files]");
if (served) fetch(served.content).then((answer) => answer.json()).then((items) => open(items.map(servedSource)));

// What tests look at.
window.hstampViewer = { library, state, tables, labelling, open, choose, plainPicture, current: () => ({ alert: current, loaded }), busy: () => opening > 0, fitsOf, bulkReports, colours: { ...LEVEL_COLOURS.slice(0, 4), candidate: CANDIDATE, label: LABEL, mark: "#ffffff" }, drawnCandidates: () => overlays(activePart().stamp, state.active).filter((each) => each.shape === "host") };
