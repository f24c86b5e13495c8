#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// Decoder test protocol, Appendix C of the hstamp specification.
import { createInterface } from "node:readline";
import { HstampError, decode } from "./hstamp.mjs";

const number = (v) => (Object.is(v, -0) ? "-0.0" : String(v)); // JSON.stringify would lose the sign of zero
const text = (v) => JSON.stringify(v);
const or = (v, f) => (v === null ? "null" : f(v));

/** Base64 of the array's elements, little-endian on any machine. */
function base64(array) {
  const size = array.BYTES_PER_ELEMENT, bytes = Buffer.alloc(array.length * size);
  array.forEach((v, i) => (size === 4 ? bytes.writeFloatLE(v, 4 * i) : bytes.writeUInt16LE(v, 2 * i)));
  return `"${bytes.toString("base64")}"`;
}

const stampJson = (s) => `{"field":${text(s.field)},"version":${s.version},"levels":${s.levels},"id":${text(s.id)},`
  + `"band":${text(s.band)},"fluxUnit":${text(s.fluxUnit)},"dx":${number(s.dx)},"dy":${number(s.dy)},`
  + `"wcs":${or(s.wcs, (w) => `{"ra":${number(w.ra)},"dec":${number(w.dec)},"cd":[${w.cd.map(number)}]}`)},`
  + `"image":${base64(s.image)},"variance":${or(s.variance, base64)},`
  + `"mask":${or(s.mask, (m) => `{"planes":${text(m.planes)},"data":${base64(m.data)}}`)},`
  + `"psf":${or(s.psf, (p) => `{"size":${p.size},"data":${base64(p.data)}}`)}}`;

/** The members of the answer and the exit status. */
async function answer(bytes) {
  try {
    return [`"stamps":[${(await decode(bytes)).map(stampJson)}]`, 0];
  } catch (error) {
    if (!(error instanceof HstampError)) throw error;
    return [`"error":${text(error.code)}`, 1];
  }
}

async function serveLines() {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const { id, data } = JSON.parse(line);
    const [members, status] = await answer(new Uint8Array(Buffer.from(data, "base64")));
    process.stdout.write(`{"id":${text(id)},"status":"${["decoded", "rejected"][status]}",${members}}\n`);
  }
}

async function serveOne() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const [members, status] = await answer(new Uint8Array(Buffer.concat(chunks)));
  process.stdout.write(`{${members}}\n`);
  process.exitCode = status;
}

try {
  await (process.argv.includes("--jsonl") ? serveLines() : serveOne());
} catch (error) {
  console.error(error);
  process.exitCode = 70; // Node's own status for a crash, 1, would read as "rejected"
}
