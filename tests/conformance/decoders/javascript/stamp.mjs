// SPDX-License-Identifier: BSD-3-Clause
/**
 * One hierarchical stamp: Sections 4 to 9 of the specification.
 * Identifiers in square brackets are clauses of spec/hstamp-1.0.md.
 * @module stamp
 */

/**
 * @typedef {object} Stamp
 * @property {?string} field Alert field that held the stamp; null for a blob or a file of stamps.
 * @property {number} version 100 * MAJOR + MINOR.
 * @property {number} levels Number of levels n, 2 to 8.
 * @property {?string} id
 * @property {?string} band
 * @property {string} fluxUnit Unit of the image, per base pixel.
 * @property {number} dx Source minus reference corner along columns [base pixel].
 * @property {number} dy Source minus reference corner along rows [base pixel].
 * @property {?{ra: number, dec: number, cd: number[]}} wcs ICRS [deg]; cd is [cd1_1, cd1_2, cd2_1, cd2_2] [deg/pixel].
 * @property {Float32Array} image n*15*15 values [level, row, column]; NaN is missing.
 * @property {?Float32Array} variance As image, in fluxUnit squared.
 * @property {?{planes: string[], data: Uint16Array}} mask Bit b of a value is planes[b].
 * @property {?{size: number, data: Float32Array}} psf size*size values with sum 1.
 */

import { Cursor, STAMP, check, fail, read } from "./avro.mjs";

const MAX_BLOB = 65536; // [CO-3]
const FLT_MAX = (2 - 2 ** -23) * 2 ** 127;
export const FINGERPRINT = [0x43, 0x6e, 0xb4, 0xbe, 0xbc, 0xee, 0xdc, 0x4c]; // [CO-2]

// ---------------------------------------------------------------- geometry (Section 4)

/** Side of a pixel of level k [base pixel], [GE-3]. */
export const pixelSide = (k) => 2 ** k;

/** Base offset o_k of the first pixel of level k along both axes, [GE-3]. */
export function levelOrigin(k) {
  let o = -7;
  for (let j = 0; j < k; j++) o += (j % 2) * 2 ** j - 2 ** (j + 3);
  return o;
}

/** Number of stored values N(n), [GE-6]. */
export const storedCount = (n) => 196 + 176 * (n - 1);

const inHole = (row, col) => row >= 4 && row <= 10 && col >= 4 && col <= 10; // [GE-4]
export const isStored = (k, row, col) => (k === 0 ? row < 14 && col < 14 : !inHole(row, col)); // [GE-5]

const indices = new Map();

/** Where each stored value lies in n*15*15, in stamp order, [GE-6]; element / 225 is its level. */
function storedIndex(n) {
  if (!indices.has(n))
    indices.set(n, Int32Array.from({ length: 225 * n }, (_, i) => i)
      .filter((i) => isStored(Math.floor(i / 225), Math.floor((i % 225) / 15), i % 15)));
  return indices.get(n);
}

/** Lays stored values out as n*15*15, fills the holes with `combine` and the derived edge, [DE-1] 3 to 5. */
function expand(stored, n, combine) {
  const out = new stored.constructor(n * 225), index = storedIndex(n);
  for (let i = 0; i < index.length; i++) out[index[i]] = stored[i];
  for (let k = 1; k < n; k++)
    for (let u = 0; u < 7; u++)
      for (let v = 0; v < 7; v++) {
        const c = (k - 1) % 2;
        const p = (k - 1) * 225 + (c + 2 * u) * 15 + c + 2 * v; // [GE-4]
        out[k * 225 + (4 + u) * 15 + 4 + v] = combine(out[p], out[p + 1], out[p + 15], out[p + 16]);
      }
  for (let a = 0; a < 15; a++)
    for (let b = a === 14 ? 0 : 14; b < 15; b++)
      out[a * 15 + b] = out[225 + (4 + (a >> 1)) * 15 + 4 + (b >> 1)]; // [GE-7]
  return out;
}

/** Sum of the finite children over m, or m^2 where they are variances; the Float32Array that takes it rounds it, [VA-3], [PL-3]. */
function reduceChildren(a, b, c, d, areVariances) {
  let sum = 0, m = 0;
  if (a === a) { sum += a; m++; }
  if (b === b) { sum += b; m++; }
  if (c === c) { sum += c; m++; }
  if (d === d) { sum += d; m++; }
  return m === 0 ? NaN : Math.fround(sum / (areVariances ? m * m : m));
}
const mean = (a, b, c, d) => reduceChildren(a, b, c, d, false);
const varianceOfMean = (a, b, c, d) => reduceChildren(a, b, c, d, true);
const union = (a, b, c, d) => a | b | c | d; // [PL-4]

// ---------------------------------------------------------------- planes (Sections 6, 7)

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The bytes as text if they number min..max and lie in low..7E hex, else undefined. */
export function ascii(bytes, min, max, low) {
  if (bytes.length < min || bytes.length > max || bytes.some((b) => b < low || b > 0x7e)) return undefined;
  return String.fromCharCode(...bytes);
}

function encodingOf(plane, known) {
  const encoding = ascii(plane.encoding, 1, 8, 0x20);
  check(known.includes(encoding), "E_ENCODING", `the encoding is none of ${known.join(", ")}`);
  return encoding;
}

function readF4(bytes, smallest) {
  const view = viewOf(bytes), out = new Float32Array(bytes.length / 4);
  for (let i = 0; i < out.length; i++) {
    const v = view.getFloat32(4 * i, true);
    if (v < smallest || Math.abs(v) === Infinity) fail("E_VALUE", `value ${i} is ${v}`);
    out[i] = v === v ? v : NaN; // one NaN for all, [VA-1]
  }
  return out;
}

function decodeImage({ encoding, zero, scale, data }, n) {
  const count = storedCount(n);
  const isF4 = encodingOf({ encoding }, ["f4", "i2"]) === "f4";
  check(data.length === count * (isF4 ? 4 : 2), "E_LENGTH", "image: data has the wrong length");
  if (isF4) {
    check(zero.length === 0 && scale.length === 0, "E_SCALE", "image: zero and scale are not empty"); // [EN-1]
    return expand(readF4(data, -Infinity), n, mean);
  }
  check(zero.length === n && scale.length === n, "E_SCALE", "image: zero and scale need one element per level"); // [EN-2]
  for (let k = 0; k < n; k++) // written so that NaN fails, [EN-3]
    check(scale[k] > 0 && Math.abs(zero[k]) + 32767 * scale[k] <= FLT_MAX, "E_SCALE", `image: zero or scale of level ${k}`);
  const view = viewOf(data), index = storedIndex(n), out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const q = view.getInt16(2 * i, true), k = Math.floor(index[i] / 225);
    out[i] = q === -32768 ? NaN : Math.fround(zero[k] + scale[k] * q); // [EN-2]
  }
  return expand(out, n, mean);
}

const M = [32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376, 46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757];

const POWERS = Float64Array.from({ length: 32 }, (_, i) => 2 ** i);

function decodeVariance({ encoding, unit, data }, n) {
  const count = storedCount(n);
  const isF4 = encodingOf({ encoding }, ["f4", "log8"]) === "f4";
  check(data.length === count * (isF4 ? 4 : 1), "E_LENGTH", "variance: data has the wrong length");
  if (isF4) return expand(readF4(data, 0), n, varianceOfMean); // [EN-4]
  check(unit > 0 && unit * M[13] <= FLT_MAX, "E_SCALE", "variance: unit"); // [EN-6]
  const index = storedIndex(n), out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const c = data[i], e = (c - 1) >> 4;
    if (c === 255) out[i] = NaN;
    else if (c > 0) out[i] = Math.fround((unit * M[(c - 1) & 15]) / POWERS[15 + 2 * Math.floor(index[i] / 225) - e]); // [EN-5]
  }
  return expand(out, n, varianceOfMean);
}

function decodeMask({ encoding, planes: names, data }, n) {
  const count = storedCount(n);
  const width = encodingOf({ encoding }, ["u1", "u2"]) === "u1" ? 1 : 2;
  check(names.length >= 1 && names.length <= 8 * width, "E_MASK", "mask: the number of planes"); // [EN-7]
  const planes = names.map((name) => ascii(name, 1, 32, 0x21));
  check(!planes.includes(undefined) && new Set(planes).size === planes.length, "E_MASK", "mask: the names of planes");
  check(data.length === 0 || data.length === count * width, "E_LENGTH", "mask: data has the wrong length"); // [EN-8]
  const view = viewOf(data), out = new Uint16Array(count);
  if (data.length > 0)
    for (let i = 0; i < count; i++) {
      out[i] = width === 1 ? data[i] : view.getUint16(2 * i, true);
      check(out[i] >> planes.length === 0, "E_MASK", "mask: a bit without a name is set");
    }
  return { planes, data: expand(out, n, union) };
}

function decodePsf({ encoding, size, data }) {
  encodingOf({ encoding }, ["i2"]);
  check(size >= 1 && size <= 127 && size % 2 === 1, "E_PSF", "psf: size"); // [EN-9]
  check(data.length === 2 * size * size, "E_LENGTH", "psf: data has the wrong length");
  const view = viewOf(data), out = new Float32Array(size * size);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = view.getInt16(2 * i, true);
    check(out[i] !== -32768, "E_PSF", "psf: -32768 occurs");
    sum += out[i];
  }
  check(sum > 0, "E_PSF", "psf: the sum is not positive");
  return { size, data: out.map((q) => Math.fround(q / sum)) };
}

// ---------------------------------------------------------------- stamps (Sections 8, 9, 11)

const within = (value, low, high) => value >= low && value <= high; // false for NaN

function decodeWcs({ ra, dec, cd1_1, cd1_2, cd2_1, cd2_2 }) { // [EN-11]
  const cd = [cd1_1, cd1_2, cd2_1, cd2_2];
  check(ra >= 0 && ra < 360 && within(dec, -90, 90) && cd.every(Number.isFinite)
    && cd1_1 * cd2_2 - cd1_2 * cd2_1 !== 0, "E_WCS", "wcs is not valid");
  return { ra, dec, cd };
}

/** Checks 8 to 20 of [LI-1] in the order of [LI-2], and the values, of a record that `read` gave. */
export function decodeRecord(raw, field) {
  const n = raw.levels;
  check(within(raw.version, 100, 199), "E_VERSION", `version ${raw.version}`);
  check(within(n, 2, 8), "E_LEVELS", `${n} levels`);
  const id = raw.id && ascii(raw.id, 0, 128, 0x20); // [EN-10]
  const band = raw.band && ascii(raw.band, 0, 32, 0x20);
  const fluxUnit = ascii(raw.fluxUnit, 1, 32, 0x20);
  check(id !== undefined && band !== undefined && fluxUnit !== undefined, "E_TEXT", "id, band or fluxUnit");
  check(within(raw.dx, -0.5, 0.5) && within(raw.dy, -0.5, 0.5), "E_OFFSET", `dx ${raw.dx}, dy ${raw.dy}`);
  const wcs = raw.wcs && decodeWcs(raw.wcs);
  return { // evaluated in this order, which is that of [LI-2]
    field, version: raw.version, levels: n, id, band, fluxUnit, dx: raw.dx, dy: raw.dy, wcs,
    image: decodeImage(raw.image, n),
    variance: raw.variance && decodeVariance(raw.variance, n),
    mask: raw.mask && decodeMask(raw.mask, n),
    psf: raw.psf && decodePsf(raw.psf),
  };
}

export const startsWith = (bytes, prefix) => prefix.every((b, i) => bytes[i] === b);

/** The record of a blob (single-object form, [CO-2]), whose fields are still to be checked. */
export function readBlob(bytes) {
  check(bytes.length <= MAX_BLOB, "E_LIMIT", "the blob is longer than 65,536 bytes");
  check(startsWith(bytes, [0xc3, 0x01]), "E_MAGIC", "not a stamp");
  check(bytes.length < 10 || startsWith(bytes.subarray(2), FINGERPRINT), "E_FINGERPRINT", "the schema is not known");
  const cursor = new Cursor(bytes);
  cursor.advance(10);
  const raw = read(cursor, STAMP, STAMP);
  check(cursor.left === 0, "E_TRAILING", `${cursor.left} bytes follow the record`);
  return raw;
}

/**
 * Decodes one blob.
 * @param {Uint8Array} bytes
 * @returns {Stamp}
 * @throws {HstampError}
 */
export const decodeBlob = (bytes) => decodeRecord(readBlob(bytes), null);

// ---------------------------------------------------------------- views for display

/**
 * Which element of an n*15*15 plane each base pixel of the mosaic shows, [DE-5]: Int32Array, side*side, row-major.
 * @param {number} n
 */
export function mosaicIndex(n) {
  const side = 15 * pixelSide(n - 1), origin = levelOrigin(n - 1);
  const index = new Int32Array(side * side);
  // Coarse first: the outer row and column of a level k >= 1 that lie outside the hole of level k + 1
  // are also covered by that level's ring, and the finer value is shown.
  for (let k = n - 1; k >= 0; k--) {
    const s = pixelSide(k), first = levelOrigin(k) - origin;
    for (let p = 0; p < 225; p++) {
      const row = Math.floor(p / 15), col = p % 15;
      if (!isStored(k, row, col)) continue;
      for (let y = first + row * s, end = y + s; y < end; y++) {
        const x = y * side + first + col * s;
        index.fill(k * 225 + p, x, x + s);
      }
    }
  }
  return index;
}

/**
 * The plane at base pixels that shows the finest stored value everywhere, [DE-5].
 * @param {Stamp} stamp
 * @param {"image"|"variance"|"mask"} [plane]
 * @returns {?{side: number, data: Float32Array|Uint16Array}} side*side values, row-major; null without that plane.
 */
export function mosaic(stamp, plane = "image") {
  const values = plane === "mask" ? stamp.mask?.data : stamp[plane];
  if (!values) return null;
  return { side: 15 * pixelSide(stamp.levels - 1), data: values.constructor.from(mosaicIndex(stamp.levels), (i) => values[i]) };
}

/**
 * The image's values as a mosaic that conserves flux shows them, [DE-6]: a copy of `image` in which each ring pixel
 * of which finer stored pixels cover a part has the value of the rest of it.
 * @param {Stamp} stamp
 * @returns {Float32Array}
 */
export function conservingValues({ image, levels: n }) {
  const out = image.slice();
  for (let k = 2; k < n; k++) // level 0 ends where level 1 has whole pixels
    for (let row = 3; row <= 11; row++)
      for (let col = 3; col <= 11; col++) {
        if (inHole(row, col)) continue;
        let covered = 0, finite = 0, sum = 0;
        for (const [r, c] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
          const y = (k - 1) % 2 + 2 * (row - 4) + r, x = (k - 1) % 2 + 2 * (col - 4) + c; // of level k - 1, [GE-4]
          if (y < 0 || y > 14 || x < 0 || x > 14) continue;
          const v = image[(k - 1) * 225 + y * 15 + x];
          covered++;
          if (v === v) { sum += v; finite++; }
        }
        const left = 4 - covered, at = k * 225 + row * 15 + col;
        if (covered > 0) out[at] = ((finite + left) * image[at] - sum) / left;
      }
  return out;
}

/**
 * FITS TAN keywords of one level, or of the mosaic, [PL-7]. CRPIX counts from 1, as in FITS.
 * @param {Stamp} stamp
 * @param {number|"mosaic"} k
 * @returns {?{crpix: number[], crval: number[], cd: number[], ctype: string[]}} null without a WCS;
 *   cd is [CD1_1, CD1_2, CD2_1, CD2_2].
 */
export function wcsForLevel(stamp, k) {
  const isLevel = Number.isInteger(k) && k >= 0 && k < stamp.levels;
  if (!isLevel && k !== "mosaic") throw new RangeError(`level ${k} of ${stamp.levels}`);
  if (!stamp.wcs) return null;
  const s = isLevel ? pixelSide(k) : 1, o = levelOrigin(isLevel ? k : stamp.levels - 1);
  return {
    crpix: [(stamp.dx - o) / s + 0.5, (stamp.dy - o) / s + 0.5],
    crval: [stamp.wcs.ra, stamp.wcs.dec],
    cd: stamp.wcs.cd.map((v) => s * v),
    ctype: ["RA---TAN", "DEC--TAN"],
  };
}

/**
 * The 15x15 values of level k, without a copy.
 * @template {Float32Array|Uint16Array} T
 * @param {T} plane For example stamp.image or stamp.mask.data.
 * @param {number} k
 * @returns {T}
 */
export const levelOf = (plane, k) => plane.subarray(225 * k, 225 * (k + 1));
