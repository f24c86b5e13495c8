// SPDX-License-Identifier: BSD-3-Clause
// Files of alerts, stamps and blobs: an index of what is in them, made in one pass that checks every stamp; the
// stamps themselves are read again when they are shown.
import { Cursor, HstampError } from "./avro.mjs";
import { blobOf } from "./blob.mjs";
import { isContainer, openContainer } from "./container.mjs";
import { gunzipped, headOf, isGzip } from "./forms.mjs";
import { sha256 } from "./sha256.mjs";
import { pacer } from "./sources.mjs";
import { decodeRecord, readBlob } from "./stamp.mjs";

/** Images of an alert, in the order in which they stand side by side. */
export const KINDS = ["science", "template", "difference"];
const FIELDS = { hstampDifference: "difference", hstampScience: "science", hstampTemplate: "template" };
const CUTOUTS = { difference: "cutoutDifference", science: "cutoutScience", template: "cutoutTemplate" };
const all = (...names) => Object.fromEntries(names.map((name) => [name, true]));
const WANTED = {
  diaSource: all("diaSourceId", "diaObjectId", "ssObjectId", "ra", "dec", "midpointMjdTai", "psfFlux", "psfFluxErr", "band"),
  diaObject: all("diaObjectId"),
  ...all("objectId", "candid", "diaSourceId", "viewed"),
  candidate: all("candid", "ra", "dec", "jd", "fid", "magpsf", "sigmapsf"),
  ...Object.fromEntries(Object.values(CUTOUTS).map((name) => [name, { stampData: true }])),
};
const MAX_BLOB = 65536;
const MAX_CUTOUT = 4 * 2 ** 20; // longer ones are not shown
const MAX_FAULTS = 500; // kept with their words; the others are counted
const EDGE = 65536; // bytes at both ends of a file that its fingerprint is made of
const BLOCKS_KEPT = 64 * 2 ** 20;
const ALERTS_KEPT = 60;

const codeOf = (error) => (error instanceof HstampError ? error.code : "E_READ");

/** What is said of a fault. */
function faultOf(error, record = null, field = null) {
  return { code: codeOf(error), message: error.message.replace(/^E_\w+: /, ""), record, field };
}

const digits = (value) => (value === null || value === undefined || value === 0n || value === 0 ? null : String(value));
const finite = (value) => (Number.isFinite(value) ? value : null);

/** Identifiers, position, time and flux of an alert of LSST or ZTF. */
function describe(values) {
  const source = values.diaSource ?? {}, candidate = values.candidate ?? {};
  return {
    id: digits(source.diaSourceId ?? candidate.candid ?? values.candid ?? values.diaSourceId),
    objectId: digits(source.diaObjectId) ?? digits(values.diaObject?.diaObjectId) ?? digits(source.ssObjectId)
      ?? (typeof values.objectId === "bigint" ? digits(values.objectId) : values.objectId || null),
    ra: finite(source.ra ?? candidate.ra), dec: finite(source.dec ?? candidate.dec),
    mjdTai: finite(source.midpointMjdTai), jdUtc: finite(candidate.jd),
    psfFlux: finite(source.psfFlux), psfFluxErr: finite(source.psfFluxErr),
    magnitude: finite(candidate.magpsf), magnitudeErr: finite(candidate.sigmapsf),
  };
}

/** Identifier without the kind of image, and that kind: "17/science" as `hstamp convert` writes it. */
function split(id) {
  const match = /^(.+)\/(difference|science|template)$/.exec(id ?? "");
  return match ? { base: match[1], kind: match[2] } : { base: id, kind: null };
}

/** Files that are open, and the alerts in them. */
export class Library {
  files = [];
  alerts = [];
  #blocks = new Map();
  #blockBytes = 0;
  #loaded = new Map();

  /**
   * Reads a file from its beginning to its end; `changed` is called now and then.
   * A stamp that is not valid costs itself, a record whose Avro form is at fault what follows in its block, a fault
   * of the file what follows in it.
   */
  async open(source, changed = () => {}) {
    const file = { name: source.name, size: source.size, source, head: null, fingerprint: "", stamps: 0, records: 0, faults: [], faultCount: 0, done: 0, open: true };
    this.files.push(file);
    try {
      file.fingerprint = source.fingerprint ?? await fingerprint(source);
      if (source.piece) await this.#pieces(file, changed);
      else {
        if (isGzip(await headOf(source))) file.source = await gunzipped(source);
        file.head = await headOf(file.source);
        if (isContainer(file.head)) await this.#scan(file, await openContainer(file.source, WANTED), changed);
        else await this.#blob(file);
      }
    } catch (error) {
      this.#fault(file, error);
    }
    file.open = false;
    file.done = file.size;
    changed();
    return file;
  }

  #fault(file, error, record = null, field = null, member = null) {
    file.faultCount++;
    const fault = { ...faultOf(error, record, field), member };
    if (file.faults.length < MAX_FAULTS) file.faults.push(fault);
    return fault;
  }

  async #blob(file) {
    const raw = readBlob(await file.source.read(0, Math.min(file.source.size, MAX_BLOB + 1)));
    const stamp = decodeRecord(raw, null);
    file.records = 1;
    this.#add(file, 0, { block: null, at: 0 }, [{ field: null, stamp }], {});
  }

  /** Containers that `hstamp view` makes of a file of another form; each is asked for again when it is needed. */
  async #pieces(file, changed) {
    for (let number = 0; ; number++) {
      const bytes = await file.source.piece(number);
      if (bytes === null) return;
      const read = async (start, end) => (await file.source.piece(number)).subarray(start, end);
      await this.#scan(file, await openContainer({ size: bytes.length, read }, WANTED), changed);
    }
  }

  async #scan(file, container, changed) {
    const pace = pacer();
    for await (const block of container.blocks()) {
      const place = { container, start: block.start, size: block.size, limit: block.limit };
      let number = file.records;
      file.records += block.count;
      try {
        for (const { at, stamps, values } of container.records(block)) {
          const told = typeof values.viewed === "string" && file.source.piece ? JSON.parse(values.viewed) : null;
          const record = told?.record ?? number, parts = told ? this.#told(file, told) : [];
          stamps.forEach(([name, raw], order) => {
            const field = told?.alone ? null : name;
            try {
              parts.push({ field, order, stamp: decodeRecord(raw, field) });
            } catch (error) {
              parts.push({ field, order, error: this.#fault(file, error, record, field) });
            }
          });
          if (parts.length) this.#add(file, record, { block: place, at }, parts, values, told);
          number++;
          if (told) file.done = told.done;
          await pace();
        }
      } catch (error) {
        this.#fault(file, error, number);
        if (codeOf(error) === "E_LIMIT") return;
      }
      if (!file.source.piece) file.done = (file.size * (block.start + block.size)) / file.source.size;
      changed();
      await pace();
    }
  }

  /** What `hstamp view` says of a record: faults of the file's, and parts that it could not make. */
  #told(file, { record, error, faults, member }) {
    const fault = ({ code, message }, field) => this.#fault(file, new HstampError(code, message), record, field, member);
    if (error) fault(error, null);
    return faults.map((each) => ({ field: each.field, kind: each.kind, order: -1, error: fault(each, each.field) }));
  }

  #add(file, record, { block, at }, found, values, told = null) {
    const known = describe(told?.values ?? values);
    if (told?.id) known.id = told.id;
    const parts = found.map(({ field, stamp, error, kind = null, order = 0 }) => {
      const own = split(stamp?.id);
      return { record, block, at, order, field, kind: kind ?? FIELDS[field] ?? field ?? own.kind ?? "stamp", error: error ?? null, base: own.base ?? null };
    });
    file.stamps += found.filter((f) => f.stamp).length;
    const stamp = found.find((f) => f.stamp)?.stamp;
    const id = known.id ?? parts[0].base;
    const last = this.alerts.at(-1);
    if (last && last.file === file && parts.length === 1 && parts[0].field === null && KINDS.includes(parts[0].kind)
      && id !== null && last.id === id && last.loose && last.parts.every((p) => p.kind !== parts[0].kind)) {
      last.parts.push(parts[0]);
      return;
    }
    this.alerts.push({
      file, record, ...known, id, ra: known.ra ?? stamp?.wcs?.ra ?? null, dec: known.dec ?? stamp?.wcs?.dec ?? null,
      band: stamp?.band ?? null, member: told?.member ?? null, converted: told?.converted ?? false, parts, loose: parts[0].field === null && KINDS.includes(parts[0].kind),
    });
  }

  /**
   * The stamps of an alert, read again: {parts: [{kind, field, stamp, blob, error}], cutouts: {kind: bytes}}, parts in
   * the order of KINDS.
   */
  load(alert) {
    let promise = this.#loaded.get(alert);
    this.#loaded.delete(alert);
    promise ??= this.#read(alert);
    this.#loaded.set(alert, promise);
    if (this.#loaded.size > ALERTS_KEPT) this.#loaded.delete(this.#loaded.keys().next().value);
    return promise;
  }

  async #read(alert) {
    const parts = [], cutouts = {};
    for (const part of alert.parts) {
      if (part.error) { parts.push({ ...part, stamp: null, blob: null }); continue; }
      const { stamps, values } = await this.#record(alert.file, part);
      const [field, raw] = stamps[part.order];
      parts.push({ ...part, stamp: decodeRecord(raw, field), blob: blobOf(raw) });
      for (const [kind, name] of Object.entries(CUTOUTS)) {
        const bytes = values[name]?.stampData ?? values[name];
        // A copy: a part of a block's bytes would keep all of them in memory.
        if (bytes instanceof Uint8Array && bytes.length <= MAX_CUTOUT) cutouts[kind] ??= bytes.slice();
      }
    }
    const rank = ({ kind }) => (KINDS.includes(kind) ? KINDS.indexOf(kind) : KINDS.length);
    parts.sort((a, b) => rank(a) - rank(b));
    return { parts, cutouts };
  }

  async #record(file, { block, at }) {
    if (block === null) return { stamps: [[null, readBlob(await file.source.read(0, file.source.size))]], values: {} };
    const cursor = new Cursor(await this.#content(block));
    cursor.budget.size = Infinity; // the file was found to be within its budget
    cursor.pos = at;
    return block.container.record(cursor);
  }

  async #content(block) {
    const known = this.#blocks.get(block);
    if (known) { this.#blocks.delete(block); this.#blocks.set(block, known); return known; }
    const content = await block.container.again(block);
    this.#blocks.set(block, content);
    this.#blockBytes += content.length;
    for (const [key, old] of this.#blocks) {
      if (this.#blockBytes <= BLOCKS_KEPT || key === block) break;
      this.#blocks.delete(key);
      this.#blockBytes -= old.length;
    }
    return content;
  }
}

/** SHA-256 of a file's length, its first and its last 64 KiB. */
async function fingerprint(source) {
  const [head, tail] = [await source.read(0, Math.min(EDGE, source.size)), await source.read(Math.max(0, source.size - EDGE), source.size)];
  const length = new TextEncoder().encode(`${source.size}\n`), whole = new Uint8Array(length.length + head.length + tail.length);
  whole.set(length);
  whole.set(head, length.length);
  whole.set(tail, length.length + head.length);
  return sha256(whole);
}
