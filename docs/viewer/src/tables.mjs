// SPDX-License-Identifier: BSD-3-Clause
// What `hstamp hosts` and `hstamp classify` wrote, matched to alerts by their identifiers.
import { parseTable } from "./csv.mjs";

const number = (text) => (text === undefined || text.trim() === "" ? null : Number.isFinite(Number(text)) ? Number(text) : null);
const ID_COLUMNS = ["alert_id", "diaSourceId", "candid", "id"];
/** Classes whose columns have small letters, and whose names have not. */
const NAMES = { agn: "AGN", sn: "SN", vs: "VS" };
const NOT_CLASSES = new Set(["p_host", "p_none"]);

/** Candidates of a row of `hstamp hosts`: the best, and others in columns that end in a rank, `host_ra_2`. */
function candidatesOf(row) {
  const found = [];
  for (let rank = 1; rank <= 9; rank++) {
    const get = (name) => number(row[rank === 1 ? name : `${name}_${rank}`]);
    const host = {
      rank, ra: get("host_ra"), dec: get("host_dec"), x: get("offset_x"), y: get("offset_y"), p: get("p_host"), size: get("size"), offset: get("offset"),
      cov: ["cov_xx", "cov_xy", "cov_yy"].map(get), covSky: ["cov_ee", "cov_en", "cov_nn"].map(get),
    };
    if (host.ra !== null || host.x !== null) found.push(host);
  }
  return found;
}

/** Probabilities of a row of `hstamp classify`: columns named p_CLASS, prob_CLASS or probability_CLASS. */
function classesOf(row) {
  return Object.entries(row).flatMap(([name, text]) => {
    const match = /^(?:p|prob|probability)_(.+)$/.exec(name), value = number(text);
    if (!match || NOT_CLASSES.has(name) || !(value !== null && value >= 0 && value <= 1)) return [];
    return [{ name: NAMES[match[1]] ?? match[1], p: value }];
  }).sort((a, b) => b.p - a.p);
}

/**
 * What a file of comma-separated values holds: {kind: "hosts"|"classes"|"labels"|null, rows: Map of identifier to
 * what is known}. Labels are returned as objects in `labels`.
 */
export function readTable(text) {
  const { names, rows } = parseTable(text);
  if (names.includes("labeller") && names.includes("label")) return { kind: "labels", labels: rows };
  const id = ID_COLUMNS.find((name) => names.includes(name));
  if (!id) return { kind: null };
  if (names.includes("host_ra") || names.includes("offset_x"))
    return { kind: "hosts", rows: new Map(rows.map((row) => [row[id], { candidates: candidatesOf(row), none: number(row.p_none), image: row.image || null, band: row.band || null }])) };
  const classes = new Map(rows.map((row) => [row[id], classesOf(row)]).filter(([, found]) => found.length));
  return classes.size ? { kind: "classes", rows: classes } : { kind: null };
}
