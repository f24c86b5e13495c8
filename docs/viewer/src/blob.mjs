// SPDX-License-Identifier: BSD-3-Clause
// A record as the blob that an encoder writes, [CO-1], [CO-2], [EC-8]: equal stamps have equal bytes and fingerprints.
import { FINGERPRINT } from "./stamp.mjs";

/** @param {object} raw A record as `read` gives it, checked. @returns {Uint8Array} */
export function blobOf(raw) {
  const out = [0xc3, 0x01, ...FINGERPRINT];
  const long = (value) => {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
    out.push(rest);
  };
  const bytes = (value) => { long(value.length); for (const b of value) out.push(b); };
  const number = (size, value) => {
    const view = new DataView(new ArrayBuffer(size));
    if (size === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
    for (let i = 0; i < size; i++) out.push(view.getUint8(i));
  };
  const array = (items, write) => {
    if (items.length) { long(items.length); items.forEach(write); }
    long(0);
  };
  const optional = (value, write) => { long(value === null ? 0 : 1); if (value !== null) write(value); };
  long(raw.version);
  long(raw.levels);
  optional(raw.id, bytes);
  optional(raw.band, bytes);
  bytes(raw.fluxUnit);
  number(4, raw.dx);
  number(4, raw.dy);
  optional(raw.wcs, (w) => {
    number(8, w.ra);
    number(8, w.dec);
    for (const v of [w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2]) number(4, v);
  });
  bytes(raw.image.encoding);
  array(raw.image.zero, (v) => number(4, v));
  array(raw.image.scale, (v) => number(4, v));
  bytes(raw.image.data);
  optional(raw.variance, (v) => { bytes(v.encoding); number(4, v.unit); bytes(v.data); });
  optional(raw.mask, (m) => { bytes(m.encoding); array(m.planes, bytes); bytes(m.data); });
  optional(raw.psf, (p) => { bytes(p.encoding); long(p.size); bytes(p.data); });
  return Uint8Array.from(out);
}
