// SPDX-License-Identifier: BSD-3-Clause
// What a picture shows at each pixel: grids of a stamp, and the colours of their values.
import { conservingValues, levelOrigin, mosaicIndex, pixelSide } from "./stamp.mjs";

/** Okabe & Ito, "Color Universal Design" (2008): distinct under all common colour deficiencies; as in hstamp.draw. */
export const LEVEL_COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#b0b0b0"];
/** Host candidates, and the place that was labelled: unlike the levels' colours for every eye, and each other in grey. */
export const CANDIDATE = "#9f80ff";
export const LABEL = "#b0f0a0";
export const MISSING = "#6a4c75";
export const HATCH = "#d8b8e2";
export const BEYOND = "#17212e";
const CLEAR = "#202020";

/** Colour of bit b: seven hues, and the same in half their brightness, and again. */
export function maskColour(bit) {
  const dim = [1, 0.62, 0.38][Math.floor(bit / 7)];
  const [r, g, b] = rgb(LEVEL_COLOURS[bit % 7]).map((v) => Math.round(v * dim));
  return `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A colour as an element of an image's Uint32Array. */
export function packed(r, g, b) {
  return littleEndian ? ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0 : ((r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
}
export const packedHex = (hex) => packed(...rgb(hex));

const indices = new Map();

/** Mosaic of n levels; the last two that were asked for are kept, since the largest takes 15 MB. */
function indexOf(n) {
  const index = indices.get(n) ?? mosaicIndex(n);
  indices.delete(n);
  indices.set(n, index);
  if (indices.size > 2) indices.delete(indices.keys().next().value);
  return index;
}

/**
 * A grid of a stamp in base offsets: {side, origin, size, element}, `element(row, column)` being the place of a pixel
 * in an n*15*15 plane.
 * @param {number} n
 * @param {?number} level null for the mosaic.
 */
export function gridOf(n, level) {
  if (level === null) {
    const side = 15 * pixelSide(n - 1), index = indexOf(n);
    return { side, origin: levelOrigin(n - 1), size: 1, element: (row, column) => index[row * side + column] };
  }
  return {
    side: 15, origin: levelOrigin(level), size: pixelSide(level), element: (row, column) => 225 * level + 15 * row + column,
  };
}

/** Level of an element of an n*15*15 plane. */
export const levelOfElement = (element) => Math.floor(element / 225);

/** Values of the image as the mosaic or a level shows them. */
export const shownValues = (stamp, level) => (level === null ? conservingValues(stamp) : stamp.image);

/** Colours of values: 0 where missing. */
function coloured(values, colour) {
  return Uint32Array.from(values, (v) => (v === v ? colour(v) : 0));
}

const GREYS = Uint32Array.from({ length: 256 }, (_, g) => packed(g, g, g));

export const imageColours = (values, stretch) => coloured(values, (v) => GREYS[stretch.grey(v)]);

/** Square root of the variance, from its 0.5 to its 99.5 percentile. */
export function noiseColours(variance) {
  const noise = variance.map(Math.sqrt), sorted = noise.filter(Number.isFinite).sort();
  const low = sorted[Math.floor(0.005 * (sorted.length - 1))] ?? 0;
  const high = sorted[Math.ceil(0.995 * (sorted.length - 1))] ?? 1;
  const scale = high > low ? 255.99 / (high - low) : 0;
  return { colours: coloured(noise, (v) => GREYS[Math.max(0, Math.min(255, Math.floor((v - low) * scale)))]), low, high };
}

/** The lowest set bit of those shown. */
export function maskColours(mask, shown) {
  const palette = mask.planes.map((_, bit) => packedHex(maskColour(bit))), clear = packedHex(CLEAR);
  return Uint32Array.from(mask.data, (v) => {
    const bits = v & shown;
    return bits === 0 ? clear : palette[31 - Math.clz32(bits & -bits)];
  });
}

/** The PSF from 0 to its peak by an asinh stretch that shows a hundredth of it. */
export function psfColours({ data }) {
  const peak = data.reduce((a, b) => Math.max(a, b), 0), full = Math.asinh(100);
  return coloured(data, (v) => GREYS[Math.max(0, Math.min(255, Math.floor((256 * Math.asinh((100 * v) / peak)) / full)))]);
}
