// SPDX-License-Identifier: BSD-3-Clause
// What a file is that this page cannot read by itself, and which command can; gzip, which it unpacks.
import { HstampError } from "./avro.mjs";
import { fileSource } from "./sources.mjs";

const PART = 2 ** 20; // bytes that are unpacked at a time
const HELD = 2 ** 24; // unpacked bytes in the page's own memory
const FREE = 64 * 2 ** 20, RATIO = 64, MOST = 2 ** 30; // what a file may unpack to; gzip makes images 2 to 20 times smaller
const HEAD = 512;

export const isGzip = (bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * What a gzipped file holds, as a source. The browser keeps it where it keeps files.
 * @throws {HstampError} E_LIMIT for what unpacks to too much, E_MAGIC for what is damaged.
 */
export async function gunzipped(source) {
  const limit = Math.min(MOST, FREE + RATIO * source.size);
  let at = 0, length = 0, held = [], heldBytes = 0;
  const packed = new ReadableStream({
    async pull(controller) {
      if (at >= source.size) { controller.close(); return; }
      const next = Math.min(source.size, at + PART);
      controller.enqueue(await source.read(at, next));
      at = next;
    },
  }, { highWaterMark: 0 });
  const reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader(), blobs = [];
  const settle = () => { blobs.push(new Blob(held)); held = []; heldBytes = 0; };
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw new HstampError("E_MAGIC", "its gzip is damaged, or of several members"); });
    if (done) break;
    length += value.length;
    if (length > limit) {
      reader.cancel().catch(() => {});
      throw new HstampError("E_LIMIT", `its gzip unpacks to more than ${Math.round(limit / 2 ** 20)} MiB`);
    }
    held.push(value);
    heldBytes += value.length;
    if (heldBytes > HELD) settle();
  }
  settle();
  const blob = new Blob(blobs);
  return { ...fileSource(blob), name: source.name };
}

const text = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));
const packed = [[0x28, 0xb5, 0x2f, 0xfd], [0x42, 0x5a, 0x68], [0xfd, 0x37, 0x7a, 0x58], [0x50, 0x4b, 3, 4]];

/** What a file is by its first bytes, for a person; null for what nothing here knows. */
export function formOf(head) {
  if (head.length === 0) return "an empty file";
  if (text(head, 257, 262) === "ustar") return "a tar archive";
  if (text(head, 0, 4) === "PAR1") return "a Parquet file";
  if (text(head, 0, 9) === "SIMPLE  =") return "a FITS file";
  if (isGzip(head)) return "a gzip file inside a gzip file";
  if (packed.some((sign) => sign.every((byte, i) => head[i] === byte))) return "compressed by something else than gzip: unpack it first";
  if (head[0] === 0 && head.length > 5) return "perhaps a message in the wire format";
  return null;
}

const LEARN = "this page reads Avro containers, blobs and tables; ";

/**
 * What is said of a file of which nothing can be shown: what is wrong, and what to do about it.
 * @param {{code: string, message: string}} fault
 * @param {string} name Of the file.
 * @param {?Uint8Array} head Its first bytes, unpacked; null where they are not known.
 * @param {boolean} served Whether the file comes from `hstamp view`, which says itself what it cannot read.
 */
export function advised({ code, message }, name, head, served) {
  if (served || !head) return message;
  const form = formOf(head), quoted = /^[\w.,+-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`, view = `\u201chstamp view ${quoted}\u201d`;
  if (code === "E_MAGIC" || (code === "E_LIMIT" && form)) {
    if (form && /empty|inside|else than/.test(form)) return form;
    return form ? `${form}; ${LEARN}${view} opens it` : `${message}; ${LEARN}${view} says what it is`;
  }
  if (code === "E_CODEC") return `${message}: this page reads null, deflate and snappy; ${view} opens the others`;
  if (code === "E_SCHEMA" && /holds no stamp/.test(message)) return `${message}: ${view} shows alerts of today as stamps; \u201chstamp convert\u201d writes them`;
  return message;
}

export const headOf = (source) => source.read(0, Math.min(HEAD, source.size));
