// SPDX-License-Identifier: BSD-3-Clause
// Words about an alert: what it holds, where it is, what tables say of it, and where else to look.
import { $, keepingFocus, make } from "./dom.mjs";
import { maskColour } from "./planes.mjs";
import { pixelScale, sexagesimal } from "./sky.mjs";
import { short } from "./panels.mjs";

const degrees = (value) => value.toFixed(6);

/** Pages of others about a position or an object; nothing is fetched before a click. */
export function links(alert) {
  const { ra, dec, objectId } = alert;
  const found = [];
  if (ra !== null && dec !== null) {
    const at = `${degrees(ra)} ${dec < 0 ? "" : "+"}${degrees(dec)}`, place = encodeURIComponent(at);
    found.push(
      ["Aladin Lite", `https://aladin.cds.unistra.fr/AladinLite/?target=${place}&fov=0.03`],
      ["SIMBAD", `https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=${place}&CooFrame=ICRS&Radius=1&Radius.unit=arcmin`],
      ["NED", `https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search&coordinates=${encodeURIComponent(`${degrees(ra)}d ${degrees(dec)}d`)}&radius=1&in_csys=Equatorial&in_equinox=J2000`],
      ["ALeRCE", `https://alerce.online/?ra=${degrees(ra)}&dec=${degrees(dec)}&radius=5`],
    );
  }
  if (/^ZTF\w+$/.test(objectId ?? "")) {
    found.push(["Fink", `https://ztf.fink-portal.org/${objectId}`], ["Lasair", `https://lasair-ztf.lsst.ac.uk/objects/${objectId}/`]);
  } else if (/^\d+$/.test(objectId ?? "")) {
    found.push(["Fink", `https://lsst.fink-portal.org/${objectId}`], ["Lasair", `https://lasair-lsst.lsst.ac.uk/objects/${objectId}/`]);
  }
  return found;
}

const row = (name, ...content) => [make("dt", {}, name), make("dd", {}, ...content)];

/** Candidates with their probabilities; a click puts the crosshair on one. */
function hostsOf({ candidates, none }, toCandidate) {
  const rest = none === null ? "" : `P(none) ${none.toFixed(2)}`;
  if (!candidates.length) return ["no candidate", rest && `, ${rest}`];
  const lines = candidates.map(({ rank, p, offset, x, y }, number) => make("li", {},
    make("button", { type: "button", class: "candidate", "aria-label": `crosshair on candidate ${rank}`, onclick: () => toCandidate(number) }, String(rank)),
    ` ${short(offset ?? Math.hypot(x, y))}${offset === null ? " px" : "\u2033"} away, P ${p === null ? "\u2013" : p.toFixed(2)}`));
  return [make("ol", { class: "candidates" }, ...lines), rest];
}

/** The list of facts under the pictures. */
export function showFacts(alert, loaded, tables, { hideHosts = false, toCandidate }) {
  const part = loaded.parts.find((p) => p.stamp), stamp = part?.stamp;
  const facts = [...row("alert", alert.id ?? "\u2013"), ...row("file", `${alert.file.name}, ${alert.member ?? `record ${alert.record}`}`)];
  if (alert.converted) facts.push(...row("made", "by hstamp view, of the alert\u2019s cutouts: the file holds no stamps"));
  if (alert.objectId) facts.push(...row("object", alert.objectId));
  if (alert.ra !== null) facts.push(...row("ICRS", `${degrees(alert.ra)} ${alert.dec < 0 ? "\u2212" : "+"}${degrees(Math.abs(alert.dec))}`, make("br"), sexagesimal(alert)));
  if (stamp) {
    const side = 15 * 2 ** (stamp.levels - 1);
    facts.push(...row("stamps", `${stamp.levels} levels, ${side} px${stamp.wcs ? ` = ${short(side * pixelScale(stamp.wcs))}\u2033` : ", no WCS"}`));
    facts.push(...row("bytes", loaded.parts.filter((p) => p.blob).map((p) => `${p.kind} ${p.blob.length.toLocaleString("en")}`).join(", ")));
  }
  const hosts = tables.hosts.get(alert.id);
  if (hosts) facts.push(...row("hosts", ...(hideHosts ? ["hidden while you label"] : hostsOf(hosts, toCandidate))));
  const classes = tables.classes.get(alert.id);
  if (classes) facts.push(...row("classes", ...classes.map(({ name, p }) => make("span", { class: "bar" }, make("meter", { min: 0, max: 1, value: p, "aria-label": `probability of ${name}` }), ` ${name} ${p.toFixed(2)}`))));
  const others = links(alert);
  if (others.length) facts.push(...row("look up", ...others.flatMap(([name, url]) => [make("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, name), " "])));
  keepingFocus($("facts"), () => $("facts").replaceChildren(...facts));
}

/** Names of the mask's planes with their colours, to be hidden or shown. */
export function showLegend(stamps, hidden, changed) {
  const names = new Map();
  for (const { mask } of stamps) mask?.planes.forEach((name, bit) => { if (!names.has(name)) names.set(name, { bit, used: false }); if (mask.data.some((v) => v & (1 << bit))) names.get(name).used = true; });
  keepingFocus($("legend"), () => $("legend").replaceChildren(...[...names].map(([name, { bit, used }]) => {
    const swatch = make("i", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = maskColour(bit);
    const box = make("input", { type: "checkbox", onchange: (event) => { if (event.target.checked) hidden.delete(name); else hidden.add(name); changed(); } });
    box.checked = !hidden.has(name);
    return make("label", { class: used ? "" : "unused" }, box, swatch, name, used ? "" : " (clear)");
  })));
}

/** The line that says what is under the pointer or the crosshair. */
export function readout(place) {
  if (!place) return "";
  const { part: { stamp }, kind, x, y, ra, dec, element } = place;
  const words = [kind];
  if (element !== null) {
    words.push(place.value === place.value ? `${Number(place.value.toPrecision(5))} ${stamp.fluxUnit}` : "missing");
    if (place.variance > 0) words.push(`\u00b1 ${short(Math.sqrt(place.variance))}`);
    words.push(`level ${place.valueLevel}`);
  }
  words.push(`x ${signed(x)} y ${signed(y)} px`);
  if (ra !== null) words.push(`RA ${degrees(ra)} Dec ${dec < 0 ? "\u2212" : "+"}${degrees(Math.abs(dec))}`, `${short(Math.hypot(x, y) * pixelScale(stamp.wcs))}\u2033 from the source`);
  if (place.bits) words.push(stamp.mask.planes.filter((_, bit) => place.bits & (1 << bit)).join(" "));
  return words.join(" \u00b7 ");
}

const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(1)}`;
