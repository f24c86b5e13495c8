// SPDX-License-Identifier: BSD-3-Clause
/**
 * Avro object container files of stamps or of alerts, read block by block: Sections 8.3, 8.4, 11.
 * A source is {size, read(start, end)}: `read` gives a Uint8Array, or a promise of one, of exactly
 * these bytes. So a file is never held as a whole.
 * @module container
 */
import {
  Budget, Cursor, HstampError, STAMP, check, compileSchema, fail, holds, isStamp, pick, read, resolves, schemaCheck, skip, skipBranch, spareWeight,
} from "./avro.mjs";
import { unsnap } from "./snappy.mjs";
import { ascii, decodeRecord, startsWith } from "./stamp.mjs";

const MAX_BLOCK = 64 * 1024 * 1024; // [LI-1] 1
const FIRST_READ = 2 ** 20; // bytes asked for at a time, and looked at first for the header
const MAX_HEADER = 32 * 2 ** 20; // longer metadata may be rejected, [SE-1]

/**
 * Whether the bytes begin as an Avro object container file.
 * @param {Uint8Array} bytes
 */
export const isContainer = (bytes) => startsWith(bytes, [0x4f, 0x62, 0x6a, 1]);

/** A source of bytes that are in memory. */
export const sourceOf = (bytes) => ({ size: bytes.length, read: (start, end) => bytes.subarray(start, end) });

// ---------------------------------------------------------------- compression

/** Decompresses with the runtime, giving up above `limit` bytes of output. */
async function decompress(form, data, limit) {
  check(data.length > 0, "E_AVRO", "a compressed block is empty");
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream(form)).getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => fail("E_AVRO", `a block is not valid ${form}`));
    if (done) break;
    length += value.length;
    if (length > limit) {
      reader.cancel().catch(() => {});
      fail("E_LIMIT", "a block decompresses to more than 64 MiB, or its file to too much");
    }
    chunks.push(value);
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) { out.set(chunk, at); at += chunk.length; }
  return out;
}

/**
 * Decompresses a block that may end in the rest of a zlib checksum: fastavro leaves 3 of its 4 bytes behind
 * every deflate stream. Node 20 ignores bytes behind the stream; browsers refuse them, so leave them off.
 */
async function inflateBlock(data, limit) {
  for (let rest = 0; ; rest++) {
    try {
      return await decompress("deflate-raw", data.subarray(0, Math.max(0, data.length - rest)), limit);
    } catch (error) {
      if (error.code !== "E_AVRO" || rest === 4) throw error; // E_LIMIT stands
    }
  }
}

const CODECS = { null: (data) => data, deflate: inflateBlock, snappy: unsnap };
try {
  new DecompressionStream("zstd"); // few runtimes have it
  CODECS.zstandard = (data, limit) => decompress("zstd", data, limit);
} catch { /* E_CODEC */ }

// ---------------------------------------------------------------- the header

class Unread extends Error {}

/** The beginning of a source: what lies beyond it has to be asked for. */
class Beginning extends Cursor {
  constructor(bytes, size) { super(bytes); this.beyond = size - bytes.length; }
  advance(count) {
    if (count > this.left && count <= this.left + this.beyond) throw new Unread();
    return super.advance(count);
  }
  items(weight, item) { // as if nothing were missing: the count is compared with what remains of the source
    for (let count; (count = this.long()) !== 0;) {
      const size = count < 0 ? this.long() : null;
      count = Math.abs(count);
      check(count <= this.left + this.beyond, "E_AVRO", "a count exceeds the remaining bytes");
      const start = this.pos;
      while (count-- > 0) item();
      check(size === null || this.pos - start === size, "E_AVRO", "a block's size is not that of its items");
    }
  }
}

function parseHeader(cursor) {
  cursor.advance(4);
  const meta = new Map();
  cursor.items(0, () => { // metadata are not counted
    const key = ascii(cursor.take(cursor.long()), 0, 32, 0x20), value = cursor.take(cursor.long());
    if (key === "avro.schema" || key === "avro.codec") meta.set(key, value);
  });
  const sync = [...cursor.take(16)];
  let root;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    root = compileSchema(JSON.parse(decoder.decode(meta.get("avro.schema")))); // absent: decodes to "", not JSON
  } catch (error) {
    throw error instanceof HstampError ? error : new HstampError("E_SCHEMA", "the writer's schema is missing or not JSON");
  }
  const candidates = root.kind !== "record" ? [] : isStamp(root) ? [root] : root.fields.map((f) => f.type).filter(holds);
  schemaCheck(candidates.length > 0, "the file holds no stamp");
  const stamp = isStamp(candidates[0]) ? candidates[0] : candidates[0].branches.find(isStamp);
  schemaCheck(resolves(stamp, STAMP), "the stamp's schema does not resolve");
  const codec = meta.has("avro.codec") ? ascii(meta.get("avro.codec"), 0, 32, 0x20) : "null";
  check(Object.hasOwn(CODECS, codec), "E_CODEC", `codec ${codec}`);
  return { sync, root, codec, end: cursor.pos };
}

async function readHeader(source) {
  for (let length = FIRST_READ; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size));
    check(isContainer(bytes), "E_MAGIC", "not an Avro object container file");
    try {
      return parseHeader(new Beginning(bytes, source.size));
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      check(length < MAX_HEADER, "E_LIMIT", "the header is longer than 32 MiB");
    }
  }
}

// ---------------------------------------------------------------- blocks and records

/** Reads a source from its beginning to its end in few large pieces. */
class Ahead {
  #bytes = new Uint8Array(0);
  #start = 0;
  constructor(source) { this.source = source; }
  async take(start, end) {
    if (start < this.#start || end > this.#start + this.#bytes.length) {
      this.#bytes = await this.source.read(start, Math.min(this.source.size, Math.max(end, start + FIRST_READ)));
      this.#start = start;
    }
    return this.#bytes.subarray(start - this.#start, end - this.#start);
  }
}

/** An open file; its schema and codec have been checked. */
export class Container {
  /** @private */
  constructor(source, header, wanted) {
    Object.assign(this, { source, wanted, ...header });
  }

  /**
   * Yields {start, size, count, limit, budget, content}: where a block's bytes lie, how many records it claims,
   * and what it decompresses to.
   */
  async* blocks() {
    const ahead = new Ahead(this.source), budget = new Budget();
    for (let pos = this.end; pos < this.source.size;) {
      const frame = new Cursor(await ahead.take(pos, Math.min(pos + 20, this.source.size)));
      const count = frame.long(), size = frame.long(), start = pos + frame.pos;
      check(size <= MAX_BLOCK, "E_LIMIT", "a block claims more than 64 MiB");
      check(count >= 0, "E_AVRO", "a block's count is negative");
      check(size >= 0 && start + size + 16 <= this.source.size, "E_AVRO", "the bytes end early or a length is negative");
      const data = await ahead.take(start, start + size);
      check(startsWith(await ahead.take(start + size, start + size + 16), this.sync), "E_AVRO", "a sync marker differs");
      pos = budget.size = start + size + 16;
      const limit = Math.min(MAX_BLOCK, budget.left);
      const content = await CODECS[this.codec](data, limit);
      budget.decompressed += content.length;
      yield { start, size, count, limit, budget, content };
    }
  }

  /** Reads what a block that was found before decompresses to once more. */
  async again({ start, size, limit }) {
    return CODECS[this.codec](await this.source.read(start, start + size), limit);
  }

  /** Yields {at, stop, stamps, values} for each record of a block, `stamps` being [field, raw] pairs, unchecked. */
  * records({ count, budget, content }) {
    const cursor = new Cursor(content, budget);
    while (count-- > 0) yield this.record(cursor);
    check(cursor.left === 0, "E_AVRO", "a block's size is not that of its records");
  }

  /** Reads the record at the cursor. */
  record(cursor) {
    const at = cursor.pos, stamps = [], values = {};
    if (isStamp(this.root)) stamps.push([null, read(cursor, this.root, STAMP)]);
    else {
      cursor.budget.passOver(spareWeight(this.root, (field) => holds(field.type)));
      for (const { name, type } of this.root.live) {
        if (holds(type)) {
          const branch = type.kind === "union" ? cursor.branch(type.branches) : type;
          if (isStamp(branch)) stamps.push([name, read(cursor, branch, STAMP)]);
          else skipBranch(cursor, branch);
        } else if (this.wanted && Object.hasOwn(this.wanted, name)) values[name] = pick(cursor, type, this.wanted[name]);
        else skip(cursor, type);
      }
    }
    return { at, stop: cursor.pos, stamps, values };
  }
}

/**
 * Opens an Avro object container file.
 * @param {{size: number, read: function(number, number)}} source
 * @param {?object} wanted Fields of an alert to read besides its stamps: names to true, or to an object of
 *   the same kind for the fields of a record.
 * @returns {Promise<Container>}
 * @throws {HstampError}
 */
export async function openContainer(source, wanted = null) {
  return new Container(source, await readHeader(source), wanted);
}

/**
 * Yields the stamps of an Avro object container file (codecs null, deflate and snappy), of stamps or of alerts.
 * A stamp already yielded stays valid if a later one is rejected.
 * @param {Uint8Array} bytes
 * @returns {AsyncGenerator<Stamp>}
 * @throws {HstampError}
 */
export async function* readContainer(bytes) {
  const container = await openContainer(sourceOf(bytes));
  for await (const block of container.blocks())
    for (const { stamps } of container.records(block))
      for (const [field, raw] of stamps) yield decodeRecord(raw, field);
}
