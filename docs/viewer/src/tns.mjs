// SPDX-License-Identifier: BSD-3-Clause
// Bulk reports of the Transient Name Server ("AT reports") for alerts whose host was labelled, in the form of TNS 2.0:
// https://www.wis-tns.org/sites/default/files/api/tns2_manuals/TNS2.0_bulk_reports_manual.pdf (January 2025). What only
// the reporter knows stays empty: host name and redshift, and the last non-detection, without which TNS takes no report.

/** Reports that TNS takes at once. */
export const MOST = 100;
/** What all reports of a reporter have in common. */
export const COMMON = ["reporting_groupid", "data_source_groupid", "reporter", "at_type"];
const NON_DETECTION = ["obsdate", "limiting_flux", "flux_unitid", "filterid", "instrumentid", "exptime", "observer", "comments", "archiveid", "archival_remarks"];
const AB_MAGNITUDE = "1"; // TNS's id of the unit
// TNS's ids (https://www.wis-tns.org/api/get/values) of a survey's instrument and filters.
const SURVEYS = {
  ZTF: { instrument: "196", filters: { g: "110", r: "111", i: "112" } },
  LSST: { instrument: "287", filters: { u: "160", g: "161", r: "162", i: "163", z: "164", y: "165" } },
};

const TAI_MINUS_UTC = 37; // seconds, since 2017

/** Time of an alert in UTC, as TNS takes it: 2026-04-01 05:06:07.890. */
export function utc(alert) {
  const mjd = alert.mjdTai !== null ? alert.mjdTai - TAI_MINUS_UTC / 86400 : alert.jdUtc !== null ? alert.jdUtc - 2400000.5 : null;
  return mjd === null ? "" : new Date(Math.round((mjd - 40587) * 86400000)).toISOString().replace("T", " ").replace("Z", "");
}

/** AB magnitude and its error. */
function brightness(alert) {
  if (alert.magnitude !== null) return [alert.magnitude, alert.magnitudeErr];
  if (!(alert.psfFlux > 0)) return [null, null];
  return [31.4 - 2.5 * Math.log10(alert.psfFlux), alert.psfFluxErr === null ? null : (2.5 / Math.LN10) * (alert.psfFluxErr / alert.psfFlux)];
}

/** Ids of an alert's survey; none where nothing says which it is. */
function idsOf({ objectId, mjdTai }) {
  if (/^ZTF\d\d[a-z]{7}$/.test(objectId ?? "")) return SURVEYS.ZTF;
  return mjdTai !== null ? SURVEYS.LSST : { instrument: "", filters: {} };
}

const digits = (value, count) => (value === null ? "" : value.toFixed(count));
const angle = (value) => ({ value: digits(value, 6), error: "", units: "arcsec" }); // the units are the error's

function reportOf({ alert, label }, common) {
  const date = utc(alert), [magnitude, error] = brightness(alert), { instrument, filters } = idsOf(alert);
  const where = label.label === "host" && label.ra !== null
    ? `Host chosen by eye at RA ${digits(label.ra, 6)}, Dec ${digits(label.dec, 6)} (ICRS, deg)` : "No host found by eye in the stamp";
  return {
    ra: angle(alert.ra), dec: angle(alert.dec), ...Object.fromEntries(COMMON.map((name) => [name, common[name] ?? ""])),
    discovery_datetime: date, host_name: "", host_redshift: "", internal_name: alert.objectId ?? alert.id ?? "",
    remarks: `${where}, by ${label.labeller}.`,
    non_detection: Object.fromEntries(NON_DETECTION.map((name) => [name, ""])),
    photometry: { 0: {
      obsdate: date, flux: digits(magnitude, 3), flux_error: digits(error, 3), limiting_flux: "", flux_unitid: magnitude === null ? "" : AB_MAGNITUDE,
      filterid: filters[alert.band] ?? "", instrumentid: instrument, exptime: "", observer: "", comments: alert.band === null ? "" : `band ${alert.band}`,
    } },
    internal_ids: { alert_id: alert.id ?? "", object_id: alert.objectId ?? "" },
  };
}

/**
 * @param {{alert: object, label: object}[]} labelled
 * @param {object} common What all have in common: COMMON to texts.
 * @returns {object[]} The contents of JSON files, each of as many reports as TNS takes at once.
 */
export function bulkReports(labelled, common = {}) {
  const files = [];
  for (let first = 0; first < labelled.length; first += MOST)
    files.push({ at_report: Object.fromEntries(labelled.slice(first, first + MOST).map((each, i) => [String(i), reportOf(each, common)])) });
  return files;
}
