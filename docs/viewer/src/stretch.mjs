// SPDX-License-Identifier: BSD-3-Clause
// Brightness scales. The asinh stretch has the formulas of hstamp.draw.Stretch, so that pictures agree.
import { isStored } from "./stamp.mjs";

const ascending = (values) => Float64Array.from(values).filter(Number.isFinite).sort();

/** Percentile of sorted values, linear between neighbours. */
function percentile(sorted, q) {
  const at = (q / 100) * (sorted.length - 1), low = Math.floor(at), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

const median = (sorted) => (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

/** Stored image values of stamps, and those of their widest rings, which are mostly sky. */
export function storedValues(stamps) {
  const all = [], outer = [];
  for (const { image, levels } of stamps)
    for (let k = 0; k < levels; k++)
      for (let p = 0; p < 225; p++)
        if (isStored(k, Math.floor(p / 15), p % 15)) {
          all.push(image[k * 225 + p]);
          if (k === levels - 1) outer.push(image[k * 225 + p]);
        }
  return { all, outer };
}

/**
 * Robust limits: the 0.5 and 99.7 percentiles, at least 3 times the noise from the background; the noise is 1.4826 x
 * the median distance from the background of the sky below it.
 */
export function robust({ all, outer }) {
  const values = ascending(all);
  if (values.length === 0) return { low: 0, high: 1, background: 0, softening: 1 };
  const own = ascending(outer), sky = own.length ? own : values;
  const background = median(sky);
  const below = ascending(sky.filter((v) => v < background).map((v) => background - v));
  const noise = below.length ? 1.4826 * median(below) : 0;
  const low = Math.min(percentile(values, 0.5), background - 3 * noise);
  const high = Math.max(percentile(values, 99.7), background + 3 * noise);
  if (!(high > low)) return { low: low - 1, high: low + 1, background, softening: 1 };
  return { low, high, background, softening: Math.max(4 * noise, 0.01 * (high - low)) };
}

/** Limits of IRAF's zscale (D. Tody) over all values given, with contrast 0.25, as astropy has it. */
export function zscale(values) {
  const sorted = ascending(values), n = sorted.length;
  if (n === 0) return { low: 0, high: 1 };
  let low = sorted[0], high = sorted[n - 1];
  const least = Math.max(5, Math.floor(n / 2)), grow = Math.max(1, Math.floor(n / 100));
  let bad = new Uint8Array(n), good = n, before = n + 1, slope = 0;
  for (let round = 0; round < 5 && good < before && good >= least; round++) {
    let s = 0, sx = 0, sy = 0;
    for (let i = 0; i < n; i++) if (!bad[i]) { s++; sx += i; sy += sorted[i]; }
    let sxx = 0, sxy = 0;
    for (let i = 0; i < n; i++) if (!bad[i]) { sxx += (i - sx / s) ** 2; sxy += (i - sx / s) * (sorted[i] - sy / s); }
    slope = sxx > 0 ? sxy / sxx : 0;
    const flat = sorted.map((v, i) => v - sy / s - slope * (i - sx / s));
    let mean = 0, square = 0;
    for (let i = 0; i < n; i++) if (!bad[i]) mean += flat[i] / s;
    for (let i = 0; i < n; i++) if (!bad[i]) square += (flat[i] - mean) ** 2 / s;
    const threshold = 2.5 * Math.sqrt(square);
    const out = flat.map((v, i) => (bad[i] || Math.abs(v) > threshold ? 1 : 0));
    bad = new Uint8Array(n);
    const back = Math.floor((grow - 1) / 2); // a centred window of `grow` pixels, as of a convolution
    for (let i = 0; i < n; i++)
      if (out[i]) bad.fill(1, Math.max(0, i - back), Math.min(n, i - back + grow));
    before = good;
    good = n - bad.reduce((sum, b) => sum + b, 0);
  }
  if (good >= least) {
    const centre = (n - 1) >> 1, middle = median(sorted), steep = slope / 0.25;
    low = Math.max(low, middle - (centre - 1) * steep);
    high = Math.min(high, middle + (n - centre) * steep);
  }
  return { low, high };
}

/**
 * A function from values to greys 0 to 255; missing values are not asked for.
 * @param {"asinh"|"linear"|"zscale"} kind
 * @param {object[]} stamps Those that share it.
 */
export function stretchOf(kind, stamps) {
  const stored = storedValues(stamps);
  const limits = kind === "zscale" ? zscale(stored.all) : robust(stored);
  return { kind, ...limits, grey: greyFunction(kind, limits) };
}

/** As `stretchOf`, for limits that are known. */
export function greyFunction(kind, { low, high, background, softening }) {
  const at = kind === "asinh" ? (v) => Math.asinh((v - background) / softening) : (v) => v;
  const from = at(low), to = at(high), scale = to > from ? 1 / (to - from) : 1;
  return (v) => Math.max(0, Math.min(255, Math.floor(256 * ((at(Math.min(high, Math.max(low, v))) - from) * scale))));
}
