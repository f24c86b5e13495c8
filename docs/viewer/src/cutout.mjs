// SPDX-License-Identifier: BSD-3-Clause
// Today's cutout of an alert: the image of a FITS file's first HDU, gzipped (ZTF) or not.

const MAX_PIXELS = 2 ** 20;
const MAX_BYTES = 16 * 2 ** 20;

async function gunzip(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts = [];
  let length = 0;
  for (let item = await reader.read(); !item.done; item = await reader.read()) {
    parts.push(item.value);
    length += item.value.length;
    if (length > MAX_BYTES) { reader.cancel().catch(() => {}); return null; }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Where the source is in a cutout that says nothing of it: by the pixel nearest to it, or the nearest corner of four. */
const centred = (side, d) => side / 2 + (side % 2 === 0 ? d : d < 0 ? d + 0.5 : d - 0.5);

function cards(bytes) {
  const values = {};
  for (let at = 0; at + 80 <= Math.min(bytes.length, 2880 * 20); at += 80) {
    const card = String.fromCharCode(...bytes.subarray(at, at + 80)), name = card.slice(0, 8).trim();
    if (name === "END") return { values, end: Math.ceil((at + 80) / 2880) * 2880 };
    if (card.slice(8, 10) === "= ") values[name] = card.slice(10).split("/")[0].trim().replace(/^'(.*)'$/, "$1").trim();
  }
  return null;
}

/**
 * @param {Uint8Array} bytes
 * @param {?{dx: number, dy: number}} stamp Of the same image: where in its pixel the source is.
 * @returns {Promise<?{columns: number, rows: number, data: Float32Array, dx: number, dy: number}>} `dx`, `dy`: the
 *   source from the lower left corner [pixel]; null for what is not an image.
 */
export async function readCutout(bytes, stamp) {
  try {
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes) : bytes;
    const header = plain && cards(plain);
    if (!header || header.values.SIMPLE !== "T") return null;
    const get = (name, otherwise) => { const v = Number(header.values[name]); return name in header.values && Number.isFinite(v) ? v : otherwise; };
    const columns = get("NAXIS1", 0), rows = get("NAXIS2", 0), bitpix = get("BITPIX", 0);
    const getter = { "-32": "getFloat32", "-64": "getFloat64", 16: "getInt16", 32: "getInt32" }[bitpix];
    const width = Math.abs(bitpix) / 8;
    if (get("NAXIS", 0) !== 2 || !getter || !(columns >= 1 && rows >= 1 && columns * rows <= MAX_PIXELS)) return null;
    if (!(header.end + columns * rows * width <= plain.length)) return null;
    const view = new DataView(plain.buffer, plain.byteOffset + header.end), data = new Float32Array(columns * rows);
    const scale = get("BSCALE", 1), zero = get("BZERO", 0);
    for (let i = 0; i < data.length; i++) {
      const value = zero + scale * view[getter](i * width);
      data[i] = Number.isFinite(value) ? value : NaN;
    }
    const inside = (v, side) => v !== null && v >= 0.5 && v <= side + 0.5;
    const x = get("CRPIX1", null), y = get("CRPIX2", null), known = inside(x, columns) && inside(y, rows);
    return { columns, rows, data, dx: known ? x - 0.5 : centred(columns, stamp?.dx ?? 0), dy: known ? y - 0.5 : centred(rows, stamp?.dy ?? 0) };
  } catch {
    return null;
  }
}
