// SPDX-License-Identifier: BSD-3-Clause
// Pixels and annotations on a canvas. A view is {u, v, scale, turn}: the place in the turned picture [base pixel
// from the source] that is in the middle of the canvas, base pixels per canvas pixel, and how the picture is turned.
import { BEYOND, HATCH, LEVEL_COLOURS, MISSING, packedHex } from "./planes.mjs";
import { levelOrigin, pixelSide } from "./stamp.mjs";
import { direction, pixelScale, roundLength, turned, unturned } from "./sky.mjs";

const LEAST_OUTLINE = 40; // [px]
const [BEYOND_PIXEL, HATCH_PIXEL, MISSING_PIXEL] = [BEYOND, HATCH, MISSING].map(packedHex);

/** Offset from the source of a point of the canvas (pixel corners at integers). */
export function offsetAt(view, width, height, i, j) {
  return unturned(view.turn, view.u + (i - width / 2) * view.scale, view.v - (j - height / 2) * view.scale);
}

/** Point of the canvas of an offset from the source. */
export function pointOf(view, width, height, x, y) {
  const [u, v] = turned(view.turn, x, y);
  return [width / 2 + (u - view.u) / view.scale, height / 2 - (v - view.v) / view.scale];
}

/** The view that just holds a square of base offsets from -dx, -dy: all of a grid. */
export function fitting({ origin, side, size }, { dx, dy }, turn, width, height) {
  const [low, high] = [origin, origin + side * size];
  const corners = [low, high].flatMap((x) => [low, high].map((y) => turned(turn, x - dx, y - dy)));
  const [us, vs] = [0, 1].map((axis) => corners.map((c) => c[axis]));
  const range = (a) => [Math.min(...a), Math.max(...a)];
  const [[u0, u1], [v0, v1]] = [range(us), range(vs)];
  return { u: (u0 + u1) / 2, v: (v0 + v1) / 2, scale: Math.max((u1 - u0) / width, (v1 - v0) / height), turn };
}

/**
 * Nearest pixel of a grid at the centre of every pixel of the canvas.
 * @param {CanvasRenderingContext2D} context
 * @param {object} grid As `gridOf` gives it.
 * @param {Uint32Array} colours By element; 0 where missing, which is hatched.
 * @param {{dx: number, dy: number}} source Source from the reference corner.
 * @param {object} view
 */
export function paint(context, grid, colours, { dx, dy }, view) {
  const { width, height } = context.canvas;
  const image = context.createImageData(width, height), out = new Uint32Array(image.data.buffer);
  const { side, size, origin, element } = grid;
  const [x0, y0] = offsetAt(view, width, height, 0.5, 0.5);
  const step = view.scale / size;
  const [ax, ay] = [view.turn.right[0] * step, view.turn.right[1] * step]; // per canvas pixel to the right
  const [bx, by] = [-view.turn.up[0] * step, -view.turn.up[1] * step]; // and down
  const cx = (x0 + dx - origin) / size, cy = (y0 + dy - origin) / size;
  for (let j = 0, at = 0; j < height; j++)
    for (let i = 0; i < width; i++, at++) {
      const column = Math.floor(cx + i * ax + j * bx), row = Math.floor(cy + i * ay + j * by);
      if (column < 0 || column >= side || row < 0 || row >= side) { out[at] = BEYOND_PIXEL; continue; }
      out[at] = colours[element(row, column)] || ((i + j) % 8 < 2 ? HATCH_PIXEL : MISSING_PIXEL);
    }
  context.putImageData(image, 0, 0);
}

// ---------------------------------------------------------------- annotations, in lines that any background shows

/** Draws a path twice: a black casing, then the line. */
export function cased(context, colour, width, path, dash = []) {
  context.lineJoin = "round";
  for (const [style, extra] of [["#000", 2], [colour, 0]]) {
    context.beginPath();
    path(context);
    context.strokeStyle = style;
    context.lineWidth = (width + extra) * context.unit;
    context.setLineDash(dash.map((d) => d * context.unit));
    context.stroke();
  }
  context.setLineDash([]);
}

export function text(context, words, i, j, colour = "#fff", align = "center", size = 12) {
  context.font = `600 ${size * context.unit}px system-ui, sans-serif`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5 * context.unit;
  context.strokeStyle = "#000";
  context.strokeText(words, i, j);
  context.fillStyle = colour;
  context.fillText(words, i, j);
}

const polygon = (points) => (context) => {
  points.forEach(([i, j], number) => (number ? context.lineTo(i, j) : context.moveTo(i, j)));
  context.closePath();
};

/** A box of base offsets, `low` to `high`: numbers for both axes, or [x, y]. */
export function square(context, { dx, dy }, view, low, high, colour, dash) {
  const { width, height } = context.canvas;
  const [[x0, y0], [x1, y1]] = [low, high].map((each) => (Array.isArray(each) ? each : [each, each]));
  const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    .map(([x, y]) => pointOf(view, width, height, x - dx, y - dy));
  cased(context, colour, 1.2, polygon(corners), dash);
  return corners;
}

/** Outlines of all levels but the widest, with their numbers where there is room. */
export function outlines(context, stamp, view) {
  for (let k = 0; k < stamp.levels - 1; k++) {
    const low = levelOrigin(k), high = low + 15 * pixelSide(k), colour = LEVEL_COLOURS[k];
    if ((high - low) / view.scale < LEAST_OUTLINE * context.unit) continue; // it would hide the source
    const corners = square(context, stamp, view, low, high, colour);
    const [i, j] = corners.reduce((a, b) => (b[0] - b[1] > a[0] - a[1] ? b : a));
    if ((high - low) / view.scale > 60 * context.unit)
      text(context, String(k), i - 8 * context.unit, j + 9 * context.unit, colour, "center", 11);
  }
}

/** Two ticks that leave the source itself free. */
export function sourceTicks(context, view) {
  const { width, height } = context.canvas, [i, j] = pointOf(view, width, height, 0, 0);
  const gap = 6 * context.unit, end = 15 * context.unit;
  cased(context, "#fff", 1.6, (c) => { c.moveTo(i + gap, j); c.lineTo(i + end, j); c.moveTo(i, j - gap); c.lineTo(i, j - end); });
}

/** Arrows to north and east in the lower right corner. */
export function compass(context, { wcs }, view) {
  if (!wcs) return;
  const { width, height } = context.canvas, length = 26 * context.unit;
  const arrows = [["N", direction(wcs, 0, 1)], ["E", direction(wcs, 1, 0)]]
    .map(([name, d]) => [name, turned(view.turn, ...d)]);
  const middle = [0, 1].map((axis) => arrows.reduce((sum, [, d]) => sum + d[axis] / 2, 0) * length);
  const [i, j] = [width - 34 * context.unit - middle[0], height - 34 * context.unit + middle[1]];
  for (const [name, [u, v]] of arrows) {
    const tip = [i + u * length, j - v * length];
    cased(context, "#fff", 1.8, (c) => {
      c.moveTo(i, j);
      c.lineTo(...tip);
      for (const side of [1, -1]) {
        c.moveTo(...tip);
        c.lineTo(tip[0] - (u * 0.25 - side * v * 0.16) * length, tip[1] + (v * 0.25 + side * u * 0.16) * length);
      }
    });
    text(context, name, i + 1.38 * u * length, j - 1.38 * v * length, "#fff", "center", 11);
  }
}

/** A bar of a round length in the lower left corner; in pixels without a WCS. */
export function scaleBar(context, { wcs }, view) {
  const { width, height } = context.canvas, pixel = wcs ? pixelScale(wcs) : 1;
  const length = roundLength(0.33 * width * view.scale * pixel), along = length / pixel / view.scale;
  const i = 12 * context.unit, j = height - 14 * context.unit;
  cased(context, "#fff", 2.4, (c) => { c.moveTo(i, j); c.lineTo(i + along, j); });
  text(context, `${length}${wcs ? "\u2033" : " px"}`, i + along / 2, j - 11 * context.unit);
}

/** A candidate: the ellipse of its covariance at two sigma, and a cross at its middle. */
export function ellipse(context, view, { x, y, cov: [xx, xy, yy], colour, name, beside, alpha, width: line, dash }) {
  const { width, height } = context.canvas, [i, j] = pointOf(view, width, height, x, y), u = context.unit;
  const mean = (xx + yy) / 2, half = Math.hypot((xx - yy) / 2, xy);
  const [a, b] = [mean + half, mean - half].map((v) => (2 * Math.sqrt(Math.max(v, 0))) / view.scale);
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const [p, q] = turned(view.turn, Math.cos(angle), Math.sin(angle));
  context.globalAlpha = alpha;
  if (a > 0) cased(context, colour, line, (c) => c.ellipse(i, j, a, b, Math.atan2(-q, p), 0, 2 * Math.PI), dash);
  cased(context, colour, 1.6, (c) => { c.moveTo(i - 5 * u, j - 5 * u); c.lineTo(i + 5 * u, j + 5 * u); c.moveTo(i + 5 * u, j - 5 * u); c.lineTo(i - 5 * u, j + 5 * u); });
  context.globalAlpha = 1;
  if (name) text(context, name, i + beside[0] * 9 * u, j + beside[1] * 11 * u, colour, beside[0] < 0 ? "right" : "left", 11);
}

/** A diamond: where a host was clicked. */
export function diamond(context, view, { x, y }, colour, name) {
  const { width, height } = context.canvas, [i, j] = pointOf(view, width, height, x, y), r = 8 * context.unit;
  cased(context, colour, 1.8, polygon([[i - r, j], [i, j - r], [i + r, j], [i, j + r]]));
  if (name) text(context, name, i + 1.4 * r, j + r, colour, "left", 11);
}

/** The crosshair that keys move: a circle with four gaps' ticks. */
export function crosshair(context, view, { x, y }) {
  const { width, height } = context.canvas, [i, j] = pointOf(view, width, height, x, y), u = context.unit;
  cased(context, "#fff", 1.2, (c) => {
    c.arc(i, j, 6 * u, 0, 2 * Math.PI);
    for (const [a, b] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { c.moveTo(i + a * 6 * u, j + b * 6 * u); c.lineTo(i + a * 16 * u, j + b * 16 * u); }
  });
}
