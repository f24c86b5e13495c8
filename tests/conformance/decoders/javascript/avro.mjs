// SPDX-License-Identifier: BSD-3-Clause
// The part of Apache Avro that stamps need: bounded reading, schemas and their resolution.
// Internal to hstamp.mjs.

/** An input was rejected; `code` is an error code of [LI-1], for example "E_SCALE". */
export class HstampError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(`${code}: ${message}`);
    this.name = "HstampError";
    this.code = code;
  }
}

export const fail = (code, message) => { throw new HstampError(code, message); };
export const check = (ok, code, message) => { if (!ok) fail(code, message); };

const MAX_DEPTH = 128; // nesting of schemas and of their values; the specification sets no bound
const MAX_FIXED = 2 ** 26; // largest size of a fixed, [SE-1]
const MAX_ITEMS = 17; // more items than any valid array has, so keeping further ones is useless

// ---------------------------------------------------------------- Avro values ([CO-1])

/** What a whole file may decompress to and have passed over, [LI-4]. */
export class Budget {
  size = 0; // of the file up to the end of the block at hand
  decompressed = 0;
  passed = 0;
  /** How many bytes the block at hand may decompress to. */
  get left() { return 64 * 1024 * 1024 + 16 * this.size - this.decompressed; }
  passOver(count) {
    this.passed += count;
    check(this.passed <= 2 ** 23 + 8 * this.size, "E_LIMIT", "too many values are passed over");
  }
}

export class Cursor {
  constructor(bytes, budget = new Budget()) {
    this.bytes = bytes;
    this.budget = budget;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = 0;
  }
  get left() { return this.bytes.length - this.pos; }
  /** Steps over `count` bytes and returns where they begin; every length passes here, [DE-4]. */
  advance(count) {
    check(count >= 0 && count <= this.left, "E_AVRO", "the bytes end early or a length is negative");
    const start = this.pos;
    this.pos += count;
    return start;
  }
  take(count) { const start = this.advance(count); return this.bytes.subarray(start, start + count); }
  /** A long as BigInt: 64 bits do not fit a Number. */
  bigLong() {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = this.bytes[this.advance(1)];
      value |= BigInt(byte & 127) << (7n * i);
      if (byte < 128) {
        check(i < 9n || byte < 2, "E_AVRO", "a long does not fit 64 bits");
        return (value >> 1n) ^ -(value & 1n);
      }
    }
    return fail("E_AVRO", "a long has more than 10 bytes");
  }
  /** A long as the nearest Number, which is enough to compare a length with the bytes that remain. */
  long() {
    if (this.left > 0 && this.bytes[this.pos] < 128) {
      const byte = this.bytes[this.pos++];
      return (byte >> 1) ^ -(byte & 1);
    }
    return Number(this.bigLong());
  }
  int() {
    const value = this.long();
    check(value === (value | 0), "E_AVRO", "an int does not fit 32 bits");
    return value;
  }
  branch(branches) {
    const index = this.long();
    check(index >= 0 && index < branches.length, "E_AVRO", "a union index is out of range");
    return branches[index];
  }
  /** Calls `item` for each item of an array or map; each costs 1 + `weight` of the file's budget, [LI-4]. */
  items(weight, item) {
    for (let count; (count = this.long()) !== 0;) {
      const size = count < 0 ? this.long() : null;
      count = Math.abs(count);
      check(count <= this.left, "E_AVRO", "a count exceeds the remaining bytes");
      this.budget.passOver(count * (1 + weight));
      const start = this.pos;
      while (count-- > 0) item();
      check(size === null || this.pos - start === size, "E_AVRO", "a block's size is not that of its items");
    }
  }
}

/** The long as a binary32. Above 2^53 it is first rounded to odd, so that two roundings give the result of one. */
function longToFloat(v) {
  if (v >= -(2n ** 53n) && v <= 2n ** 53n) return Math.fround(Number(v));
  return Math.fround(Number((v >> 11n) | (v & 2047n ? 1n : 0n)) * 2048);
}

function readFloat(cursor, kind) {
  if (kind === "float") return cursor.view.getFloat32(cursor.advance(4), true);
  return kind === "int" ? Math.fround(cursor.int()) : longToFloat(cursor.bigLong());
}

function readDouble(cursor, kind) {
  if (kind === "double") return cursor.view.getFloat64(cursor.advance(8), true);
  if (kind === "float") return readFloat(cursor, kind);
  return kind === "int" ? cursor.int() : Number(cursor.bigLong());
}

/** Reads a value written with schema `w` as the reader's `r`; resolves(w, r) holds. Text stays bytes. */
export function read(cursor, w, r) {
  if (w.kind === "union") return read(cursor, cursor.branch(w.branches), r);
  if (w.kind === "null") return null;
  if (r.kind === "union") r = r.branches[1];
  switch (r.kind) {
    case "int": return cursor.int();
    case "float": return readFloat(cursor, w.kind);
    case "double": return readDouble(cursor, w.kind);
    case "array": {
      const items = [];
      cursor.items(weightOf(w.items), () => {
        const item = read(cursor, w.items, r.items);
        if (items.length < MAX_ITEMS) items.push(item);
      });
      return items;
    }
    case "record": {
      const out = { ...r.defaults };
      cursor.budget.passOver(spareWeight(w, (field) => r.byName.has(field.name)));
      for (const field of w.live) {
        const target = r.byName.get(field.name);
        if (target) out[field.name] = read(cursor, field.type, target.type);
        else skip(cursor, field.type);
      }
      return out;
    }
    default: return cursor.take(cursor.long());
  }
}

/** Number of fields of a value, at any depth outside unions, arrays and maps, [LI-4]. */
const weightOf = (type) => type.weight ?? 0;

/** What the fields of a record cost that are not needed, [LI-4]. */
export function spareWeight(record, isNeeded) {
  return record.fields.reduce((sum, field) => sum + (isNeeded(field) ? 0 : 1 + weightOf(field.type)), 0);
}

/** Steps over a value of a union's branch that is not needed. */
export function skipBranch(cursor, branch) {
  cursor.budget.passOver(weightOf(branch));
  skip(cursor, branch);
}

/** Steps over a value that is not needed. Types of zero bytes cost nothing, whatever they hold. */
export function skip(cursor, type) {
  switch (type.kind) {
    case "null": return;
    case "boolean": cursor.advance(1); return;
    case "int": case "enum": cursor.int(); return;
    case "long": cursor.long(); return;
    case "float": cursor.advance(4); return;
    case "double": cursor.advance(8); return;
    case "fixed": cursor.advance(type.size); return;
    case "union": skipBranch(cursor, cursor.branch(type.branches)); return;
    case "array": cursor.items(weightOf(type.items), () => skip(cursor, type.items)); return;
    case "map":
      cursor.items(weightOf(type.items), () => { cursor.advance(cursor.long()); skip(cursor, type.items); });
      return;
    case "record":
      if (type.skipAs) skip(cursor, type.skipAs); // a chain of wrappers costs one step, not one each
      else for (const field of type.live) skip(cursor, field.type);
      return;
    default: cursor.advance(cursor.long()); // bytes, string
  }
}

/**
 * Steps over a value like `skip`, at the same cost, and gives what is wanted of it: numbers, text or bytes where
 * `wanted` is true, or an object of the fields of a record that `wanted` names. What has another form gives null.
 */
export function pick(cursor, type, wanted) {
  switch (type.kind) {
    case "union": {
      const branch = cursor.branch(type.branches);
      cursor.budget.passOver(weightOf(branch));
      return pick(cursor, branch, wanted);
    }
    case "record": {
      const out = {};
      for (const field of type.live) {
        if (wanted !== true && Object.hasOwn(wanted, field.name)) out[field.name] = pick(cursor, field.type, wanted[field.name]);
        else skip(cursor, field.type);
      }
      return out;
    }
    case "int": return cursor.int();
    case "long": return cursor.bigLong(); // identifiers need all of their digits
    case "float": return cursor.view.getFloat32(cursor.advance(4), true);
    case "double": return cursor.view.getFloat64(cursor.advance(8), true);
    case "bytes": return cursor.take(cursor.long());
    case "string": return new TextDecoder().decode(cursor.take(cursor.long()));
    default: skip(cursor, type); return null;
  }
}

// ---------------------------------------------------------------- Avro schemas ([CO-6])

const PRIMITIVES = new Set(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const isFullName = (text) => typeof text === "string" && text.split(".").every((part) => NAME.test(part));
export const schemaCheck = (ok, message) => check(ok, "E_SCHEMA", message);
const isObject = (value) => typeof value === "object" && value !== null;

function nestingWithin(value, depth) {
  return !isObject(value) || (depth > 0 && Object.values(value).every((v) => nestingWithin(v, depth - 1)));
}

/** Whether values of this type take no bytes. */
const isEmpty = (type) => type.kind === "null" || type.size === 0 || type.live?.length === 0;

/** Bounds the depth of values, and so of recursion: names let it grow faster than the JSON nests. */
function nest(node, parts) {
  node.depth = 1 + parts.reduce((most, part) => Math.max(most, part.depth ?? 0), 0);
  schemaCheck(node.depth <= MAX_DEPTH, "types nest too deeply");
  return node;
}

/**
 * Turns a parsed schema into nodes {kind, name, items, branches, fields, byName, live, skipAs, size}. `live` are
 * the fields that take bytes: the others can be passed over, however many there are.
 */
export function compileSchema(json) {
  const names = new Map();

  function named(json, space) {
    schemaCheck(isFullName(json.name), "a name is not valid");
    schemaCheck(json.namespace == null || json.namespace === "" || isFullName(json.namespace), "a namespace is not valid");
    const dot = json.name.lastIndexOf(".");
    const own = dot >= 0 ? json.name.slice(0, dot) : json.namespace ?? space;
    const full = dot < 0 && own ? `${own}.${json.name}` : json.name;
    schemaCheck(!names.has(full) && !PRIMITIVES.has(full), `${full} is defined twice`);
    const node = { kind: json.type, name: full };
    names.set(full, node);
    if (node.kind === "fixed") {
      node.size = json.size;
      schemaCheck(Number.isInteger(json.size) && json.size >= 0 && json.size <= MAX_FIXED, "a fixed size is not valid");
    } else if (node.kind === "enum") {
      schemaCheck(Array.isArray(json.symbols) && json.symbols.every((s) => typeof s === "string" && NAME.test(s))
        && new Set(json.symbols).size === json.symbols.length, "enum symbols are not valid");
    } else {
      schemaCheck(Array.isArray(json.fields), "a record has no fields");
      node.byName = new Map();
      node.fields = json.fields.map((field) => {
        schemaCheck(isObject(field) && typeof field.name === "string" && NAME.test(field.name)
          && !node.byName.has(field.name), "a field is not valid");
        node.byName.set(field.name, null); // a nested definition must not hide a duplicate
        const entry = { name: field.name, type: compile(field.type, own) };
        node.byName.set(field.name, entry);
        return entry;
      });
      node.weight = spareWeight(node, () => false);
      node.live = node.fields.filter((field) => !isEmpty(field.type));
      if (node.live.length === 1) node.skipAs = node.live[0].type.skipAs ?? node.live[0].type;
      nest(node, node.fields.map((field) => field.type));
    }
    return node;
  }

  function compile(json, space) {
    if (typeof json === "string") {
      if (PRIMITIVES.has(json)) return { kind: json };
      const node = names.get(json.includes(".") || !space ? json : `${space}.${json}`);
      schemaCheck(node, "a type is not known");
      schemaCheck(node.kind !== "record" || node.fields, `${node.name} contains itself`); // [SE-1]
      return node;
    }
    if (Array.isArray(json)) {
      const branches = json.map((branch) => compile(branch, space));
      const keys = new Set(branches.map((b) => b.name ?? `#${b.kind}`)); // # is not part of any name
      schemaCheck(keys.size === json.length && json.length > 0 && !keys.has("#union"), "a union is not valid");
      return nest({ kind: "union", branches }, branches);
    }
    schemaCheck(isObject(json), "a schema is not valid");
    if (json.type === "record" || json.type === "enum" || json.type === "fixed") return named(json, space);
    if (json.type === "array" || json.type === "map") {
      const node = { kind: json.type, items: compile(json.type === "array" ? json.items : json.values, space) };
      schemaCheck(json.type === "map" || !isEmpty(node.items), "an array holds items of zero bytes"); // [SE-1]
      return nest(node, [node.items]);
    }
    return compile(json.type, space);
  }

  schemaCheck(nestingWithin(json, MAX_DEPTH), "the schema nests too deeply");
  return compile(json, "");
}

const record = (name, types) => (
  { type: "record", name, fields: Object.entries(types).map(([n, type]) => ({ name: n, type })) });
const floats = { type: "array", items: "float" };
const texts = { type: "array", items: "string" };
const STAMP_NAME = "hstamp.v1.stamp";

/** The reader's schema, schemas/hstamp.v1.stamp.avsc without its documentation, [CO-1]. */
export const STAMP = compileSchema(record(STAMP_NAME, {
  version: "int", levels: "int", id: ["null", "string"], band: ["null", "string"], fluxUnit: "string",
  dx: "float", dy: "float",
  wcs: ["null", record("wcs", { ra: "double", dec: "double", cd1_1: "float", cd1_2: "float", cd2_1: "float", cd2_2: "float" })],
  image: record("image", { encoding: "string", zero: floats, scale: floats, data: "bytes" }),
  variance: ["null", record("variance", { encoding: "string", unit: "float", data: "bytes" })],
  mask: ["null", record("mask", { encoding: "string", planes: texts, data: "bytes" })],
  psf: ["null", record("psf", { encoding: "string", size: "int", data: "bytes" })],
}));
STAMP.defaults = { id: null, band: null, fluxUnit: Uint8Array.of(0x6e, 0x4a, 0x79), wcs: null, variance: null, mask: null, psf: null };

const PROMOTIONS = {
  null: ["null"], int: ["int"], float: ["float", "int", "long"], double: ["double", "float", "int", "long"],
  bytes: ["bytes", "string"], string: ["string", "bytes"],
};
const unqualified = (name) => name.slice(name.lastIndexOf(".") + 1);

/** Whether every value of writer's schema `w` can be read as reader's schema `r`, [CO-6]. */
export function resolves(w, r) {
  if (w.kind === "union") return w.branches.every((branch) => resolves(branch, r));
  if (r.kind === "union") return r.branches.some((branch) => resolves(w, branch));
  if (r.kind === "array") return w.kind === "array" && resolves(w.items, r.items);
  if (r.kind !== "record") return PROMOTIONS[r.kind].includes(w.kind);
  return w.kind === "record" && unqualified(w.name) === unqualified(r.name) && r.fields.every(({ name, type }) => {
    const field = w.byName.get(name);
    return field ? resolves(field.type, type) : name in (r.defaults ?? {});
  });
}

export const isStamp = (type) => type.kind === "record" && type.name === STAMP_NAME;
export const holds = (type) => isStamp(type) || (type.kind === "union" && type.branches.some(isStamp));
