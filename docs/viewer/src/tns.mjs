// SPDX-License-Identifier: BSD-3-Clause
// Rows of a bulk report of the Transient Name Server ("AT report") for alerts whose host was labelled. What only the
// reporter knows stays empty: groups, reporter, names and redshifts.

/** Members of a report, in the order of the Bulk Report manual (TNS 2.0). */
export const FIELDS = [
  "ra", "dec", "reporting_group_id", "discovery_data_source_id", "reporter", "discovery_datetime", "at_type", "host_name",
  "host_redshift", "transient_redshift", "internal_name", "internal_name_format", "remarks", "proprietary_period_groups",
  "proprietary_period", "non_detection", "photometry", "related_files",
];
const PHOTOMETRY = ["obsdate", "flux", "flux_error", "limiting_flux", "flux_units", "filter_value", "instrument_value", "exptime", "observer", "comments"];

const TAI_MINUS_UTC = 37; // seconds, since 2017

/** Time of an alert in UTC, as TNS writes it: 2026-04-01 05:06:07.890. */
export function utc(alert) {
  const mjd = alert.mjdTai !== null ? alert.mjdTai - TAI_MINUS_UTC / 86400 : alert.jdUtc !== null ? alert.jdUtc - 2400000.5 : null;
  return mjd === null ? "" : new Date(Math.round((mjd - 40587) * 86400000)).toISOString().replace("T", " ").replace("Z", "");
}

function brightness(alert) {
  if (alert.magnitude !== null) return [alert.magnitude, alert.magnitudeErr];
  if (!(alert.psfFlux > 0)) return [null, null];
  return [31.4 - 2.5 * Math.log10(alert.psfFlux), alert.psfFluxErr === null ? null : (2.5 / Math.LN10) * (alert.psfFluxErr / alert.psfFlux)];
}

const digits = (value, count) => (value === null ? "" : value.toFixed(count));

/** @param {{alert: object, label: object}[]} labelled @returns {object} The content of the report's JSON file. */
export function bulkReport(labelled) {
  const reports = labelled.map(({ alert, label }) => {
    const date = utc(alert), [magnitude, error] = brightness(alert), angle = (value) => ({ value: digits(value, 6), error: "", units: "deg" });
    const where = label.label === "host" && label.ra !== null
      ? `Host chosen by eye at RA ${digits(label.ra, 6)}, Dec ${digits(label.dec, 6)} (ICRS, deg)` : "No host found by eye in the stamp";
    return {
      ra: angle(alert.ra), dec: angle(alert.dec), reporting_group_id: "", discovery_data_source_id: "", reporter: "",
      discovery_datetime: date, at_type: "", host_name: "", host_redshift: "", transient_redshift: "",
      internal_name: alert.objectId ?? alert.id ?? "", remarks: `${where}, by ${label.labeller}.`,
      photometry: { photometry_group: { 0: {
        ...Object.fromEntries(PHOTOMETRY.map((name) => [name, ""])), obsdate: date, flux: digits(magnitude, 3), flux_error: digits(error, 3),
        comments: alert.band === null ? "" : `band ${alert.band}`,
      } } },
    };
  });
  return { at_report: Object.fromEntries(reports.map((report, i) => [String(i), report])) };
}
