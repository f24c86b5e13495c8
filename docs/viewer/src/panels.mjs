// SPDX-License-Identifier: BSD-3-Clause
// The pictures of one alert side by side, and how pointers and keys move in them.
import { $, keepingFocus, make, prepared } from "./dom.mjs";
import * as draw from "./picture.mjs";
import {
  BEYOND, LEVEL_COLOURS, gridOf, imageColours, levelOfElement, maskColours, noiseColours, packedHex, psfColours, shownValues,
} from "./planes.mjs";
import { listen, listenToWheel } from "./pointers.mjs";
import { AS_STORED, northUp, offsetOf, pixelScale, skyAt, turned, unturned } from "./sky.mjs";
import { stretchOf } from "./stretch.mjs";

const TODAY = [-15, 15]; // base offsets of a cutout as LSST makes them

export class Panels {
  #panels = [];
  #queued = false;

  /** @param {object} state Of the page. @param {{hover: function, click: function, overlays: function}} host */
  constructor(state, host) {
    Object.assign(this, { state, host, box: $("panels"), loaded: null });
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Shows what was loaded of an alert. */
  show(loaded) {
    this.loaded = loaded;
    const parts = loaded?.parts ?? [];
    if (!parts.some((p) => p.kind === this.state.active && p.stamp)) this.state.active = parts.find((p) => p.stamp)?.kind ?? null;
    this.rebuild();
  }

  /** Makes the canvases anew: one for each picture. */
  rebuild() {
    const { mode, plane } = this.state, parts = this.loaded?.parts ?? [];
    this.#panels = [];
    const figures = parts.map((part) => {
      if (!part.stamp) return failed(part);
      const levels = mode === "levels" && plane !== "psf" ? [...Array(part.stamp.levels).keys()] : [null];
      return this.#figure(part, levels, part.kind);
    });
    keepingFocus(this.box, () => this.box.replaceChildren(...figures));
    this.box.classList.toggle("alone", figures.length === 1);
    this.#setBeside();
  }

  /** The picture of today's cutout, which follows the active image: the others stay, a pointer may be on them. */
  #setBeside() {
    const { mode, plane, today, active } = this.state;
    const part = (this.loaded?.parts ?? []).find((p) => p.kind === active && p.stamp);
    this.#panels = this.#panels.filter((p) => p.name !== "today");
    const shown = today && part && mode === "mosaic" && plane === "image" ? [this.#figure(part, [null], "today", this.loaded.cutouts[part.kind])] : [];
    keepingFocus($("beside"), () => $("beside").replaceChildren(...shown));
    this.draw();
  }

  #figure(part, levels, name, cutout) {
    const canvases = levels.map((level) => {
      const canvas = make("canvas", { tabindex: 0, role: "img", data: { panel: name } });
      const panel = { canvas, part, level, name, cutout, caption: null };
      if (level !== null) canvas.style.borderColor = LEVEL_COLOURS[level];
      this.#panels.push(panel);
      this.#listen(panel);
      return canvas;
    });
    const caption = make("figcaption");
    for (const panel of this.#panels.filter((p) => p.part === part && p.name === name)) panel.caption = caption;
    return make("figure", { class: levels.length > 1 ? "levels" : "", data: { kind: name } }, caption, make("div", { class: "canvases" }, ...canvases));
  }

  /** Draws everything at the next frame. */
  draw() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.stretches = this.#stretches();
      for (const panel of this.#panels) this.#paint(panel);
    });
  }

  #stretches() {
    const stamps = (this.loaded?.parts ?? []).filter((p) => p.stamp).map((p) => p.stamp);
    if (this.state.shared && stamps.length) {
      const one = stretchOf(this.state.stretch, stamps);
      return new Map(stamps.map((stamp) => [stamp, one]));
    }
    return new Map(stamps.map((stamp) => [stamp, stretchOf(this.state.stretch, [stamp])]));
  }

  turnOf(stamp) { return this.state.north ? northUp(stamp.wcs) : AS_STORED; }

  /** The view of a panel: all of its grid, magnified and moved in a mosaic. */
  viewOf(panel, width = panel.canvas.width, height = panel.canvas.height) {
    const { part: { stamp }, level } = panel, { plane, zoom, u, v } = this.state, turn = this.turnOf(stamp);
    if (plane === "psf" && stamp.psf) {
      const { size } = stamp.psf;
      return draw.fitting({ origin: 0, side: size, size: 1 }, { dx: size / 2, dy: size / 2 }, turn, width, height);
    }
    const view = draw.fitting(gridOf(stamp.levels, level), stamp, turn, width, height);
    return level === null ? { ...view, u: view.u + u, v: view.v + v, scale: view.scale / zoom } : view;
  }

  #paint(panel) {
    const { canvas, part, level, name, caption } = panel, { stamp } = part, { state } = this;
    if (!canvas.clientWidth) return;
    // All of a picture needs no moving: a finger moves the page then, and the picture when it is magnified.
    canvas.style.touchAction = state.zoom > 1 && level === null ? "none" : "pan-y";
    const context = prepared(canvas), view = this.viewOf(panel), stretch = this.stretches.get(stamp);
    const grid = gridOf(stamp.levels, level);
    let title = name, note = "";
    const nothing = (words) => {
      context.fillStyle = "#17212e";
      context.fillRect(0, 0, canvas.width, canvas.height);
      draw.text(context, words, canvas.width / 2, canvas.height / 2);
    };
    if (name === "today") {
      note = this.#today(context, panel, view, stretch);
      title = "today\u2019s cutout";
    } else if (state.plane === "image") {
      draw.paint(context, grid, imageColours(shownValues(stamp, level), stretch), stamp, view);
      note = `${short(stretch.low)} to ${short(stretch.high)} ${stamp.fluxUnit}`;
    } else if (state.plane === "noise") {
      if (stamp.variance) {
        const { colours, low, high } = noiseColours(stamp.variance);
        draw.paint(context, grid, colours, stamp, view);
        note = `noise ${short(low)} to ${short(high)} ${stamp.fluxUnit}`;
      } else nothing("no variance");
    } else if (state.plane === "mask") {
      if (stamp.mask) {
        draw.paint(context, grid, maskColours(stamp.mask, bitsShown(stamp.mask.planes, state.hidden)), stamp, view);
        note = "mask, lowest bit";
      } else nothing("no mask");
    } else if (stamp.psf) {
      const { size } = stamp.psf;
      draw.paint(context, { side: size, origin: 0, size: 1, element: (row, column) => row * size + column }, psfColours(stamp.psf), { dx: size / 2, dy: size / 2 }, view);
      note = `PSF, ${size} px`;
    } else nothing("no PSF");
    if (state.plane !== "psf") this.#annotate(context, panel, view);
    if (level === null || level === 0) caption.replaceChildren(make("b", {}, title), " ", make("span", {}, [part.stamp.band, note].filter(Boolean).join(" \u00b7 ")));
    const size = 15 * 2 ** (level ?? stamp.levels - 1) * (stamp.wcs ? pixelScale(stamp.wcs) : 1);
    const up = state.north && stamp.wcs ? "north up, east left" : "pixels as stored";
    canvas.setAttribute("aria-label", `${title}, ${level === null ? "mosaic" : `level ${level}`}, ${state.plane}, ${short(size)} ${stamp.wcs ? "arcseconds" : "pixels"} across, ${up}`);
  }

  #annotate(context, panel, view) {
    const { part: { stamp, kind }, level, name } = panel, { state } = this;
    if (name !== "today" && level === null) {
      if (state.outlines) draw.outlines(context, stamp, view);
      if (state.today) {
        const cutout = this.loaded.cutouts[kind];
        const corner = cutout && [stamp.dx - cutout.dx, stamp.dy - cutout.dy];
        const [low, high] = cutout ? [corner, [corner[0] + cutout.columns, corner[1] + cutout.rows]] : TODAY;
        draw.square(context, stamp, view, low, high, "#fff", [4, 4]);
      }
    }
    if (level !== null) draw.text(context, String(level), 10 * context.unit, 11 * context.unit, LEVEL_COLOURS[level], "center", 12);
    if (state.marks) {
      draw.sourceTicks(context, view);
      draw.scaleBar(context, stamp, view);
      if (level === null) draw.compass(context, stamp, view);
    }
    for (const each of this.host.overlays(stamp, kind)) {
      if (each.shape === "host") draw.ellipse(context, view, each);
      else draw.diamond(context, view, each, each.colour, each.name);
    }
    const cursor = state.cursor && this.inImage(state.cursor, stamp, kind);
    if (cursor && name !== "today") draw.crosshair(context, view, cursor);
  }

  /** A place that was chosen in one image, as an offset in another: by the sky where both have one. */
  inImage(place, stamp, kind) {
    if (place.kind === kind || place.ra === null || place.ra === undefined || !stamp.wcs) return place.kind === kind || !stamp.wcs ? place : null;
    return offsetOf(stamp.wcs, place);
  }

  /** The alert's own cutout at the stamp's scale; without one, what the stamp knows of its pixels. */
  #today(context, { part: { stamp }, cutout }, view, stretch) {
    if (!cutout) {
      const grid = gridOf(stamp.levels, null), low = TODAY[0] - grid.origin, high = TODAY[1] - grid.origin;
      const inside = (place) => place >= low && place < high;
      const colours = imageColours(shownValues(stamp, null), stretch), beyond = colours.length;
      const shown = new Uint32Array(beyond + 1);
      shown.set(colours);
      shown[beyond] = packedHex(BEYOND);
      draw.paint(context, { ...grid, element: (row, column) => (inside(row) && inside(column) ? grid.element(row, column) : beyond) }, shown, stamp, view);
      return "from the stamp: 30 px";
    }
    const { columns, rows, data, dx, dy } = cutout;
    const side = Math.max(columns, rows);
    const colours = imageColours(data, stretch), grid = { side, origin: 0, size: 1, element: (row, column) => (row < rows && column < columns ? row * columns + column : -1) };
    draw.paint(context, grid, colours, { dx, dy }, view);
    return `as sent: ${columns}\u00d7${rows} px`;
  }

  // -------------------------------------------------------------- pointers

  #listen(panel) {
    const { canvas, level } = panel, movable = level === null;
    listen(canvas, {
      down: () => this.activate(panel),
      hover: (place) => this.host.hover(place && this.describe(panel, ...place)),
      move: (di, dj) => { if (movable) this.pan(panel, di, dj); },
      zoom: (factor, i, j) => { if (movable) this.zoomAt(panel, factor, i, j); },
      click: (i, j) => this.host.click(this.describe(panel, i, j)),
    });
    if (movable) listenToWheel(canvas, (factor, i, j) => this.zoomAt(panel, factor, i, j));
    canvas.addEventListener("focus", () => this.activate(panel));
    canvas.addEventListener("dblclick", () => { if (!this.state.labelling) this.reset(); });
  }

  activate({ part }) {
    if (this.state.active === part.kind) return;
    this.state.active = part.kind;
    this.#setBeside();
  }

  pan(panel, di, dj) {
    const { scale } = this.viewOf(panel);
    this.state.u -= di * scale;
    this.state.v += dj * scale;
    this.draw();
  }

  /** Magnifies about a point of the canvas, which stays where it is. */
  zoomAt(panel, factor, i = panel.canvas.width / 2, j = panel.canvas.height / 2) {
    const { width, height } = panel.canvas, before = this.viewOf(panel);
    const zoom = Math.max(1, Math.min(64, this.state.zoom * factor)), after = before.scale * (this.state.zoom / zoom);
    this.state.u += (i - width / 2) * (before.scale - after);
    this.state.v -= (j - height / 2) * (before.scale - after);
    this.state.zoom = zoom;
    if (zoom === 1) { this.state.u = 0; this.state.v = 0; }
    this.draw();
  }

  zoom(factor) { const panel = this.activePanel; if (panel) this.zoomAt(panel, factor); }
  reset() { Object.assign(this.state, { zoom: 1, u: 0, v: 0 }); this.draw(); }
  get activePanel() { return this.#panels.find((p) => p.part.kind === this.state.active && p.name !== "today") ?? this.#panels[0] ?? null; }

  /** What is under a point of a canvas: place, value, level. */
  describe(panel, i, j) {
    const { canvas } = panel, [x, y] = draw.offsetAt(this.viewOf(panel), canvas.width, canvas.height, i, j);
    return { ...this.at(panel.part, x, y, panel.level), level: panel.level };
  }

  /** What an image shows at an offset from the source. */
  at(part, x, y, level = null) {
    const { stamp, kind } = part, grid = gridOf(stamp.levels, level);
    const [column, row] = [x + stamp.dx, y + stamp.dy].map((d) => Math.floor((d - grid.origin) / grid.size));
    const sky = stamp.wcs ? skyAt(stamp.wcs, x, y) : { ra: null, dec: null };
    const found = { part, kind, x, y, ...sky, element: null };
    if (this.state.plane === "psf" || row < 0 || column < 0 || row >= grid.side || column >= grid.side) return found;
    const element = grid.element(row, column);
    return { ...found, element, valueLevel: levelOfElement(element), value: shownValues(stamp, level)[element], variance: stamp.variance?.[element], bits: stamp.mask?.data[element] };
  }

  /** Moves the crosshair in the picture of the active image [picture pixels at the present magnification]. */
  moveCursor(right, up, fine) {
    const panel = this.activePanel;
    if (!panel) return null;
    const { part } = panel, turn = this.turnOf(part.stamp), old = this.state.cursor && this.inImage(this.state.cursor, part.stamp, part.kind);
    const step = fine ? 0.2 : Math.max(1, 4 * this.viewOf(panel).scale);
    const [u, v] = old ? turned(turn, old.x, old.y) : [0, 0];
    return this.at(part, ...unturned(turn, u + right * step, v + up * step));
  }

  /** All pictures beside each other, as they are drawn. */
  composite() {
    const canvases = this.#panels.map((p) => p.canvas), gap = 8;
    const out = make("canvas", { width: canvases.reduce((sum, c) => sum + c.width + gap, -gap), height: Math.max(...canvases.map((c) => c.height)) });
    const context = out.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, out.width, out.height);
    let at = 0;
    for (const canvas of canvases) { context.drawImage(canvas, at, 0); at += canvas.width + gap; }
    return out;
  }
}

/** The mosaic of a stamp at one canvas pixel to a base pixel, pixels as stored, without annotations; or north up. */
export function plainPicture(stamp, kind = "asinh", north = false) {
  const grid = gridOf(stamp.levels, null), canvas = make("canvas", { width: grid.side, height: grid.side });
  const view = draw.fitting(grid, stamp, north ? northUp(stamp.wcs) : AS_STORED, grid.side, grid.side);
  draw.paint(canvas.getContext("2d"), grid, imageColours(shownValues(stamp, null), stretchOf(kind, [stamp])), stamp, view);
  return canvas;
}

export const bitsShown = (planes, hidden) => planes.reduce((bits, name, bit) => (hidden.has(name) ? bits : bits | (1 << bit)), 0);

export const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "\u2013");

function failed(part) {
  return make("figure", {}, make("figcaption", {}, make("b", {}, part.kind)), make("div", { class: "rejected" }, make("b", {}, part.error.code), ` ${part.error.message}`));
}
