// SPDX-License-Identifier: BSD-3-Clause
// A stamp as the FITS file that `hstamp export` writes: mosaic, levels, their planes and the PSF, each with its WCS.
import { conservingValues, levelOf, levelOrigin, mosaicIndex, pixelSide, wcsForLevel } from "./stamp.mjs";

const BLOCK = 2880;
const quoted = (value) => `'${String(value).replaceAll("'", "''").padEnd(8)}'`;

function number(value) {
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? String(value) : value.toExponential().toUpperCase();
  return String(value).toUpperCase();
}
const real = (value) => (Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : number(value));

/** A card of 80 characters; a text that does not fit is cut, which FILTER and units never need. */
function card(name, value, comment = "") {
  if (value === undefined) return name.padEnd(80).slice(0, 80);
  const words = typeof value === "string" ? quoted(value.slice(0, 66)) : (typeof value === "boolean" ? (value ? "T" : "F") : value.text ?? number(value)).padStart(20);
  return `${name.padEnd(8)}= ${words.padEnd(20)}${comment ? ` / ${comment}` : ""}`.padEnd(80).slice(0, 80);
}
const float = (value) => ({ text: real(value) });

function padded(parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(Math.ceil(length / BLOCK) * BLOCK);
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

function headerBytes(cards) {
  const text = [...cards, card("END")].join("");
  return new TextEncoder().encode(text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK));
}

function dataBytes(values, isInteger) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((v, i) => (isInteger ? view.setInt32(4 * i, v) : view.setFloat32(4 * i, v)));
  return padded([new Uint8Array(view.buffer)]);
}

function describe(stamp) {
  return [
    card("HSVER", stamp.version, "hstamp format number, 100 x major + minor"),
    card("HSLEVELS", stamp.levels, "levels of the stamp"),
    ...(stamp.id === null ? [] : [card("HSID", stamp.id)]),
    ...(stamp.band === null ? [] : [card("FILTER", stamp.band)]),
    card("HSDX", float(stamp.dx), "[pix] source minus reference corner, x"),
    card("HSDY", float(stamp.dy), "[pix] source minus reference corner, y"),
  ];
}

function position(stamp, level) {
  const size = level === null ? 1 : pixelSide(level), origin = levelOrigin(level ?? stamp.levels - 1);
  const cards = [
    ...(level === null ? [] : [card("HSLEVEL", level, "level, 0 is the finest")]),
    card("HSSCALE", size, "[pix] side of a pixel in base pixels"),
    card("HSORIGIN", origin, "[pix] first base offset from reference corner"),
  ];
  const wcs = wcsForLevel(stamp, level ?? "mosaic");
  if (wcs) {
    cards.push(card("WCSAXES", 2));
    for (const i of [0, 1]) {
      cards.push(card(`CTYPE${i + 1}`, wcs.ctype[i]), card(`CUNIT${i + 1}`, "deg"), card(`CRPIX${i + 1}`, float(wcs.crpix[i]), "the source"),
        card(`CRVAL${i + 1}`, float(wcs.crval[i])), card(`CD${i + 1}_1`, float(wcs.cd[2 * i])), card(`CD${i + 1}_2`, float(wcs.cd[2 * i + 1])));
    }
    cards.push(card("RADESYS", "ICRS"));
  }
  const reference = [stamp.dx, stamp.dy].map((d) => (d - origin) / size + 0.5);
  for (const key of wcs ? ["P"] : ["", "P"])
    for (const i of [0, 1])
      cards.push(card(`CTYPE${i + 1}${key}`, "xy"[i], "base pixels from the source"), card(`CRPIX${i + 1}${key}`, float(reference[i])),
        card(`CRVAL${i + 1}${key}`, float(0)), card(`CDELT${i + 1}${key}`, float(size)));
  cards.push(card("WCSNAMEP", "PHYSICAL"));
  return cards;
}

function planeCards(stamp, plane) {
  if (plane === "mask") return stamp.mask.planes.flatMap((name, bit) => [
    ...(/^[A-Z0-9_-]{1,5}$/.test(name) ? [card(`MP_${name}`, bit)] : []), card(`HSMP${bit}`, name, `mask plane of bit ${bit}`),
  ]);
  const none = ["", "unknown", "none", "null", "n/a", "na", "unitless", "dimensionless"];
  if (none.includes(stamp.fluxUnit.trim().toLowerCase())) return [];
  return [card("BUNIT", plane === "variance" ? `${stamp.fluxUnit}2` : stamp.fluxUnit, "per base pixel")];
}

/** @param {object} stamp @returns {Uint8Array} */
export function fitsOf(stamp) {
  const index = mosaicIndex(stamp.levels), side = 15 * pixelSide(stamp.levels - 1), hdus = [];
  const add = (name, values, axis, cards, isInteger) => {
    const first = hdus.length === 0;
    hdus.push(headerBytes([
      first ? card("SIMPLE", true) : card("XTENSION", "IMAGE"), card("BITPIX", isInteger ? 32 : -32),
      card("NAXIS", 2), card("NAXIS1", axis), card("NAXIS2", axis),
      ...(first ? [card("EXTEND", true)] : [card("PCOUNT", 0), card("GCOUNT", 1)]), card("EXTNAME", name), ...cards,
    ]), dataBytes(values, isInteger));
  };
  for (const level of [null, ...Array(stamp.levels).keys()])
    for (const plane of ["image", "variance", "mask"]) {
      const values = plane === "mask" ? stamp.mask?.data : stamp[plane];
      if (!values) continue;
      const shown = plane === "image" && level === null ? conservingValues(stamp) : values;
      const data = level === null ? shown.constructor.from(index, (i) => shown[i]) : levelOf(shown, level);
      const name = (plane === "image" ? "" : `${plane.toUpperCase()}_`) + (level === null ? "MOSAIC" : `LEVEL${level}`);
      add(name, data, level === null ? side : 15, [...describe(stamp), ...position(stamp, level), ...planeCards(stamp, plane)], plane === "mask");
    }
  if (stamp.psf) add("PSF", stamp.psf.data, stamp.psf.size, [...describe(stamp), card("HSSCALE", 1, "[pix] side of a pixel in base pixels")], false);
  return padded(hdus);
}
