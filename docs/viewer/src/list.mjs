// SPDX-License-Identifier: BSD-3-Clause
// The list of alerts: only the rows in sight exist, and only they have a thumbnail.
import { $, make, prepared } from "./dom.mjs";
import { fitting, paint } from "./picture.mjs";
import { gridOf, imageColours, shownValues } from "./planes.mjs";
import { northUp } from "./sky.mjs";
import { stretchOf } from "./stretch.mjs";

const ROW = 64; // height of a row [px], as in the style sheet
const SPARE = 3; // rows above and below those in sight
const REST = 50; // milliseconds for which a row stays in sight before its stamp is read

export class AlertList {
  #rows = new Map();
  #shown = [];
  #timer = 0;

  /** @param {{load: function, choose: function, mark: function}} host */
  constructor(host) {
    this.host = host;
    this.box = $("list");
    this.space = this.box.firstElementChild;
    this.box.addEventListener("scroll", () => this.#refresh());
    new ResizeObserver(() => this.#refresh()).observe(this.box);
    this.box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity }[event.key];
      if (!step || event.altKey || event.ctrlKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.host.choose(this.at(this.position + step));
    });
  }

  /** Alert at a position of those shown, or the nearest. */
  at(position) { return this.#shown[Math.max(0, Math.min(this.#shown.length - 1, position))] ?? null; }
  get length() { return this.#shown.length; }
  get position() { return Math.max(0, this.#shown.indexOf(this.current)); }

  show(alerts) {
    this.#shown = alerts;
    this.space.style.height = `${alerts.length * ROW}px`;
    this.#refresh(true);
  }

  /** Writes the rows in sight anew: labels have changed. */
  mark() { this.#refresh(true); }

  select(alert) {
    this.current = alert;
    const top = this.#shown.indexOf(alert) * ROW;
    if (top >= 0 && (top < this.box.scrollTop || top + ROW > this.box.scrollTop + this.box.clientHeight))
      this.box.scrollTop = top - (this.box.clientHeight - ROW) / 2;
    this.#refresh(true);
  }

  #refresh(again = false) {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - SPARE);
    const last = Math.min(this.#shown.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + SPARE);
    for (const [alert, row] of this.#rows) {
      const position = row.position;
      if (position >= first && position < last && this.#shown[position] === alert) continue;
      row.node.remove();
      this.#rows.delete(alert);
    }
    for (let position = first; position < last; position++) {
      const alert = this.#shown[position];
      const row = this.#rows.get(alert) ?? this.#make(alert, position);
      if (again || row.fresh) this.#describe(row, alert, position);
    }
    this.box.setAttribute("aria-activedescendant", this.#rows.get(this.current)?.node.id ?? "");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), REST);
  }

  #make(alert, position) {
    const row = { position, fresh: true, drawn: false, node: make("div", { class: "row", role: "option", id: `row-${position}` }) };
    row.canvas = make("canvas", { width: 54, height: 54, "aria-hidden": "true" });
    row.words = make("span", { class: "words" });
    row.node.append(row.canvas, row.words);
    row.node.addEventListener("click", () => this.host.choose(alert));
    this.space.append(row.node);
    this.#rows.set(alert, row);
    return row;
  }

  #describe(row, alert, position) {
    Object.assign(row, { position, fresh: false });
    row.node.id = `row-${position}`;
    row.node.style.top = `${position * ROW}px`;
    row.node.setAttribute("aria-selected", alert === this.current);
    row.node.setAttribute("aria-setsize", this.#shown.length);
    row.node.setAttribute("aria-posinset", position + 1);
    const faults = alert.parts.filter((part) => part.error).map((part) => part.error.code);
    const mark = this.host.mark(alert);
    row.words.replaceChildren(
      make("b", {}, alert.id ?? `record ${alert.record}`),
      make("small", {}, [alert.objectId, alert.band].filter(Boolean).join(" \u00b7 ")),
      make("small", {}, ...faults.map((code) => make("span", { class: "fault" }, code, " ")), mark ? make("span", { class: "mark" }, mark) : ""),
    );
  }

  async #draw() {
    for (const [alert, row] of [...this.#rows]) {
      if (row.drawn || !row.node.isConnected) continue;
      row.drawn = true;
      try {
        const part = (await this.host.load(alert)).parts.find((p) => p.stamp);
        if (part) thumbnail(row.canvas, part.stamp);
      } catch {
        row.drawn = false; // the file is gone; choosing the alert says so
      }
    }
  }
}

function thumbnail(canvas, stamp) {
  const context = prepared(canvas, 54), grid = gridOf(stamp.levels, null);
  const colours = imageColours(shownValues(stamp, null), stretchOf("asinh", [stamp]));
  paint(context, grid, colours, stamp, fitting(grid, stamp, northUp(stamp.wcs), canvas.width, canvas.height));
}
