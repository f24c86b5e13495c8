// SPDX-License-Identifier: BSD-3-Clause
// Labels: what a labeller said of an alert, in one of two passes; how they are kept, and what two of them agree on.
// A label is an object with the members COLUMNS. The position is the one that was chosen: nothing moves it.
import { formatCsv } from "./csv.mjs";
import { separation } from "./sky.mjs";

export const COLUMNS = [
  "alert_id", "object_id", "file", "record", "image", "label", "class", "x", "y", "ra", "dec", "source_ra", "source_dec",
  "placed", "labeller", "pass", "time", "stamp_sha256", "file_sha256",
];
const NUMBERS = ["record", "x", "y", "ra", "dec", "source_ra", "source_dec", "pass"];

/** Whose label of what it is: an alert has one label of each labeller in each pass. */
export const sameSet = (a, b) => a.labeller === b.labeller && Number(a.pass) === Number(b.pass);
const alertKey = ({ file_sha256: file, record }) => `${file}/${record}`;
export const setName = ({ labeller, pass }) => `${labeller}, pass ${pass}`;

/** Labels as they were written, types put right; null for a row that is none. */
export function fromRow(row) {
  const label = Object.fromEntries(COLUMNS.map((name) => [name, row[name] === undefined || row[name] === "" ? null : row[name]]));
  for (const name of NUMBERS) if (label[name] !== null) label[name] = Number(label[name]);
  return ["host", "none", "unsure", "class"].includes(label.label) && label.labeller !== null && label.pass !== null ? label : null;
}

/** All labels that are known, in the order in which they were given. */
export class Labels {
  #log = [];
  #given = new Map(); // labels of a set for an alert, the last of which holds

  get all() { return this.#log; }

  add(label) {
    this.#log.push(label);
    const name = `${setName(label)}/${alertKey(label)}`, given = this.#given.get(name);
    if (given) given.push(label);
    else this.#given.set(name, [label]);
  }

  /** Labels of files as they are kept, in their order, instead of those that are known of these files. */
  replace(files, kept) {
    const others = this.#log.filter((label) => !files.has(label.file_sha256));
    this.#log = [];
    this.#given = new Map();
    for (const label of [...others, ...kept]) this.add(label);
  }

  /** Takes the last label of a labeller's pass back, and returns it. */
  undo(set) {
    const at = this.#log.findLastIndex((label) => sameSet(label, set));
    if (at < 0) return null;
    const [label] = this.#log.splice(at, 1);
    this.#given.get(`${setName(label)}/${alertKey(label)}`).pop();
    return label;
  }

  /** The label of an alert that holds; null without one. */
  of(file, record, set) {
    return this.#given.get(`${setName(set)}/${alertKey({ file_sha256: file, record })}`)?.at(-1) ?? null;
  }

  /** Labels that hold: all, or those of a set. */
  current(set = null) {
    return [...this.#given.values()].flatMap((given) => (given.length && (!set || sameSet(given[0], set)) ? [given.at(-1)] : []));
  }

  /** The sets of labels: {labeller, pass, count}. */
  sets() {
    const sets = new Map();
    for (const label of this.current()) {
      const name = setName(label), set = sets.get(name) ?? { labeller: label.labeller, pass: Number(label.pass), count: 0 };
      set.count++;
      sets.set(name, set);
    }
    return [...sets.values()];
  }
}

export const labelsCsv = (labels) => formatCsv(COLUMNS, labels);
export const labelsJson = (labels) => `${JSON.stringify({ format: "hstamp-labels", version: 1, labels }, null, 1)}\n`;

/** Labels of a JSON file of this page; null for another file. */
export function labelsOfJson(text) {
  try {
    const content = JSON.parse(text);
    return content?.format === "hstamp-labels" && Array.isArray(content.labels) ? content.labels.map(fromRow).filter(Boolean) : null;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- two labellers

const answer = (label) => (label.label === "class" ? `class ${label.class}` : label.label);

/**
 * Cohen's kappa (1960, Educational and Psychological Measurement 20, 37): the agreement beyond that of chance.
 * @param {[string, string][]} pairs
 * @returns {?number} null where chance alone agrees always, or without pairs.
 */
export function kappa(pairs) {
  const n = pairs.length, share = (side, name) => pairs.filter((pair) => pair[side] === name).length / n;
  if (n === 0) return null;
  const seen = pairs.filter(([a, b]) => a === b).length / n;
  const chance = [...new Set(pairs.flat())].reduce((sum, name) => sum + share(0, name) * share(1, name), 0);
  return chance === 1 ? null : (seen - chance) / (1 - chance);
}

/**
 * Compares two sets of labels.
 * @param {number} tolerance Distance within which two clicks mean the same host [arcsec].
 * @returns {object} {both, names, counts, kappa, distances, sameHost, differing}: `counts[a][b]` alerts that the first
 *   called a and the second b; `distances` of the clicks of alerts in which both chose a host, ascending [arcsec].
 */
export function compare(first, second, tolerance) {
  const others = new Map(second.map((label) => [alertKey(label), label]));
  const both = first.filter((label) => others.has(alertKey(label))).map((label) => [label, others.get(alertKey(label))]);
  const pairs = both.map((pair) => pair.map(answer)), names = [...new Set(pairs.flat())].sort();
  const counts = Object.fromEntries(names.map((a) => [a, Object.fromEntries(names.map((b) => [b, 0]))]));
  for (const [a, b] of pairs) counts[a][b]++;
  const distance = ([a, b]) => (a.label === "host" && b.label === "host" && a.ra !== null && b.ra !== null ? separation(a, b) : null);
  const distances = both.map(distance).filter((d) => d !== null).sort((a, b) => a - b);
  const differing = both.filter((pair, i) => pairs[i][0] !== pairs[i][1] || (distance(pair) ?? 0) > tolerance);
  return { both: both.length, names, counts, kappa: kappa(pairs), distances, sameHost: distances.filter((d) => d <= tolerance).length, differing };
}
