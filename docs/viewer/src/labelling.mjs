// SPDX-License-Identifier: BSD-3-Clause
// Labelling: who labels what, the answers, and what is saved of them.
import { $, keepingFocus, make, save } from "./dom.mjs";
import { COLUMNS, Labels, compare, labelsCsv, labelsJson, setName } from "./labels.mjs";
import { sha256 } from "./sha256.mjs";
import { KEY, Store } from "./store.mjs";
import { COMMON, bulkReports } from "./tns.mjs";

const TOLERANCE = 1; // arcseconds within which two clicks are the same host, at first
const NAME_KEY = "hstamp-labeller", TNS_KEY = "hstamp-tns";

const remembered = (key) => { try { return localStorage.getItem(key) ?? ""; } catch { return ""; } };
const remember = (key, text) => { try { localStorage.setItem(key, text); } catch { /* not kept */ } };
const recall = (key) => { try { return JSON.parse(remembered(key) || "{}"); } catch { return {}; } };

export class Labelling {
  labels = new Labels();
  store = new Store();
  #files = new Set();
  #turn = Promise.resolve(); // one at a time reads or changes what is kept

  /** @param {{current: function, library: object, next: function, changed: function, choose: function, say: function}} host */
  constructor(host) {
    this.host = host;
    this.ready = this.store.open();
    this.store.onOthers(() => this.sync());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.sync(); });
    window.addEventListener("focus", () => this.sync());
    $("labeller").value = remembered(NAME_KEY);
    $("labeller").addEventListener("change", () => { remember(NAME_KEY, this.set.labeller); this.refresh(); });
    $("pass").addEventListener("change", () => this.refresh());
    $("classes").addEventListener("change", () => this.refresh());
    $("host").addEventListener("click", () => this.host.crosshair());
    $("none").addEventListener("click", () => this.give("none"));
    $("unsure").addEventListener("click", () => this.give("unsure"));
    $("undo").addEventListener("click", () => this.undo());
    const synced = (id, action) => $(id).addEventListener("click", async () => { await this.sync(); action(); });
    synced("save-csv", () => save("labels.csv", labelsCsv(this.labels.current()), "text/csv"));
    synced("save-json", () => save("labels.json", labelsJson(this.labels.current()), "application/json"));
    synced("save-tns", () => this.#askTns());
    synced("compare", () => this.compare());
    $("tns-save").addEventListener("click", () => this.#saveTns());
    for (const id of ["first-set", "second-set", "tolerance"]) $(id).addEventListener("change", () => this.#compared());
  }

  /** Who labels, and in which pass. Labels of other sets are never shown beside a picture. */
  get set() { return { labeller: $("labeller").value.trim() || "anonymous", pass: Number($("pass").value) }; }
  get classes() { return $("classes").value.split(",").map((name) => name.trim()).filter(Boolean).slice(0, 9); }

  /** Takes up what was labelled before in a file that has been opened. */
  async opened(file) {
    await this.ready;
    if (!file.fingerprint || this.#files.has(file.fingerprint)) return;
    this.#files.add(file.fingerprint);
    await this.#after(async () => { for (const label of await this.store.of(file.fingerprint)) this.labels.add(label); });
  }

  /** Takes up what is kept of the open files: another page may have added to it. */
  sync() {
    return this.#after(async () => {
      if (!this.store.keeps) return;
      const kept = (await Promise.all([...this.#files].map((file) => this.store.of(file)))).flat().sort((a, b) => a[KEY] - b[KEY]);
      this.labels.replace(this.#files, kept);
      this.host.changed();
      this.refresh();
    });
  }

  #after(action) {
    const next = this.#turn.then(action);
    this.#turn = next.catch(() => {});
    return next;
  }

  /** Labels of other files or people, from a table or a JSON file; those that are known already are left out. */
  async take(labels) {
    const known = new Set(this.labels.all.map((label) => JSON.stringify(COLUMNS.map((name) => label[name]))));
    const fresh = labels.filter((label) => !known.has(JSON.stringify(COLUMNS.map((name) => label[name]))));
    await this.#after(async () => { for (const label of fresh) { this.labels.add(label); await this.store.add(label); } });
    this.refresh();
    return fresh.length;
  }

  of(alert) { return alert ? this.labels.of(alert.file.fingerprint, alert.record, this.set) : null; }

  /** Words for an alert's label. */
  words(label) { return !label ? "" : label.label === "class" ? label.class : label.label; }

  /**
   * Gives the alert at hand a label and goes on to the next.
   * @param {"host"|"none"|"unsure"|"class"} kind
   * @param {?object} place Where a host was chosen, as `Panels.at` gives it, with `placed`: how.
   * @param {?string} name The class.
   */
  async give(kind, place = null, name = null) {
    const { alert, loaded } = this.host.current();
    if (!alert) return;
    const part = place?.part ?? loaded.parts.find((p) => p.stamp);
    if (!part) return;
    const wcs = part.stamp.wcs;
    const label = {
      alert_id: alert.id, object_id: alert.objectId, file: alert.file.name, record: alert.record, image: part.kind, label: kind, class: name,
      x: place?.x ?? null, y: place?.y ?? null, ra: place?.ra ?? null, dec: place?.dec ?? null, source_ra: wcs?.ra ?? null, source_dec: wcs?.dec ?? null,
      placed: place?.placed ?? null, ...this.set, time: new Date().toISOString(), stamp_sha256: sha256(part.blob), file_sha256: alert.file.fingerprint,
    };
    await this.#after(async () => { this.labels.add(label); await this.store.add(label); });
    this.host.say(`${alert.id ?? `record ${alert.record}`}: ${kind === "class" ? name : kind}${place ? ` at ${place.x.toFixed(2)}, ${place.y.toFixed(2)} px, as ${place.placed}` : ""}`);
    this.host.changed();
    this.refresh();
    if ($("onward").checked && !this.host.next()) this.host.say(`that was the last: ${this.labels.current(this.set).length} of ${this.host.library.alerts.length} labelled by ${setName(this.set)}`);
  }

  async undo() {
    const label = await this.#after(async () => {
      const last = this.labels.undo(this.set);
      if (last) await this.store.remove(last);
      return last;
    });
    if (!label) { this.host.say("nothing to undo"); return; }
    const alert = this.host.library.alerts.find((a) => a.file.fingerprint === label.file_sha256 && a.record === label.record);
    this.host.say(`taken back: ${this.words(label)} of ${label.alert_id ?? `record ${label.record}`}`);
    if (alert) this.host.choose(alert);
    this.host.changed();
    this.refresh();
  }

  refresh() {
    const mine = this.labels.current(this.set), label = this.of(this.host.current().alert);
    $("label-now").textContent = label ? `now: ${this.words(label)}` : "not labelled";
    $("label-count").textContent = `${mine.length} of ${this.host.library.alerts.length} in this set`;
    $("kept").textContent = this.store.keeps ? "Labels are kept in this browser; save them to share them." : "This browser keeps nothing: save the labels before you close the page.";
    for (const id of ["save-csv", "save-json", "save-tns", "compare"]) $(id).disabled = this.labels.all.length === 0;
    const buttons = this.classes.map((name, i) => make("button", { type: "button", "aria-pressed": String(label?.class === name), onclick: () => this.give("class", null, name) }, `${i + 1} ${name}`));
    keepingFocus($("class-buttons"), () => $("class-buttons").replaceChildren(...buttons));
    for (const id of ["host", "none", "unsure"]) $(id).setAttribute("aria-pressed", label?.label === id);
  }

  /** Asks for what all reports of a reporter have in common; the browser remembers it. */
  #askTns() {
    const known = recall(TNS_KEY);
    for (const name of COMMON) $(name).value = known[name] ?? $(name).value;
    const count = this.#reported().length;
    $("tns-count").textContent = `${count} report${count === 1 ? "" : "s"}, of alerts with a host or none in this set`;
    $("tns").showModal();
  }

  #saveTns() {
    const common = Object.fromEntries(COMMON.map((name) => [name, $(name).value.trim()]));
    remember(TNS_KEY, JSON.stringify(common));
    const files = bulkReports(this.#reported(), common);
    files.forEach((content, i) => save(`tns-bulk-report${files.length > 1 ? `-${i + 1}` : ""}.json`, `${JSON.stringify(content, null, 2)}\n`, "application/json"));
    $("tns").close();
    this.host.say(`${files.length} file${files.length === 1 ? "" : "s"} for TNS: fill in the last non-detection, and host names and redshifts`);
  }

  #reported() {
    const alerts = new Map(this.host.library.alerts.map((alert) => [`${alert.file.fingerprint}/${alert.record}`, alert]));
    return this.labels.current(this.set).filter((label) => label.label === "host" || label.label === "none")
      .map((label) => ({ label, alert: alerts.get(`${label.file_sha256}/${label.record}`) })).filter(({ alert }) => alert);
  }

  // -------------------------------------------------------------- two sets beside each other

  compare() {
    const sets = this.labels.sets();
    for (const [i, id] of ["first-set", "second-set"].entries()) {
      $(id).replaceChildren(...sets.map((set, number) => make("option", { value: number }, `${setName(set)} (${set.count})`)));
      $(id).selectedIndex = Math.min(i, sets.length - 1);
    }
    $("tolerance").value = TOLERANCE;
    this.#compared();
    $("comparison").showModal();
  }

  #compared() {
    const sets = this.labels.sets(), [a, b] = ["first-set", "second-set"].map((id) => sets[$(id).selectedIndex]);
    if (!a || !b) return;
    const tolerance = Number($("tolerance").value) || TOLERANCE;
    const found = compare(this.labels.current(a), this.labels.current(b), tolerance);
    const { distances } = found, middle = distances[(distances.length - 1) >> 1];
    const table = make("table", {}, make("caption", {}, `rows: ${setName(a)}; columns: ${setName(b)}`),
      make("tr", {}, make("td"), ...found.names.map((name) => make("th", { scope: "col" }, name))),
      ...found.names.map((row) => make("tr", {}, make("th", { scope: "row" }, row), ...found.names.map((name) => make("td", { class: row === name ? "same" : "" }, String(found.counts[row][name]))))));
    $("agreement").replaceChildren(
      make("p", {}, `${found.both} alerts labelled in both. `, make("b", { id: "kappa" }, `Cohen\u2019s kappa ${found.kappa === null ? "is not defined" : found.kappa.toFixed(3)}`), "."),
      make("p", {}, distances.length ? `Both chose a host in ${distances.length}: ${found.sameHost} within ${tolerance}\u2033, median distance ${middle.toFixed(2)}\u2033.` : "No alert in which both chose a host with a position."),
      ...(found.both ? [table] : []),
      make("p", {}, found.differing.length ? `${found.differing.length} differ:` : "None differ."),
      make("ul", {}, ...found.differing.slice(0, 200).map(([one, other]) => make("li", {}, make("button", {
        type: "button", onclick: () => { $("comparison").close(); const alert = this.host.library.alerts.find((x) => x.file.fingerprint === one.file_sha256 && x.record === one.record); if (alert) this.host.choose(alert); },
      }, one.alert_id ?? `record ${one.record}`), ` ${this.words(one)} \u2013 ${this.words(other)}`))),
    );
  }
}
