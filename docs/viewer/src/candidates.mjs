// SPDX-License-Identifier: BSD-3-Clause
// Host candidates of an alert, as `hstamp hosts` wrote them, in the pixels of an image.
import { CANDIDATE } from "./planes.mjs";
import { offsetOf } from "./sky.mjs";

/** Candidates as offsets in an image, with their covariance there; the best first. */
export function candidatesIn(stamp, row) {
  return (row?.candidates ?? []).flatMap((each) => {
    const { wcs } = stamp, bySky = wcs && each.ra !== null && each.dec !== null;
    const at = bySky ? offsetOf(wcs, each) : each.x === null ? null : { x: each.x, y: each.y };
    if (!at) return [];
    return [{ ...each, ...at, cov: bySky && each.covSky.every((v) => v !== null) ? inPixels(wcs, each.covSky) : each.cov.map((v) => v ?? 0) }];
  });
}

/** Covariance of (x, y) [base pixel^2] from that of (east, north) [arcsec^2]. */
function inPixels({ cd: [a, b, c, d] }, [ee, en, nn]) {
  const det = 3600 * (a * d - b * c), [p, q, r, s] = [d / det, -b / det, -c / det, a / det];
  return [p * p * ee + 2 * p * q * en + q * q * nn, p * r * ee + (p * s + q * r) * en + q * s * nn, r * r * ee + 2 * r * s * en + s * s * nn];
}

const SOLID = [], DASHED = [7, 4], DOTTED = [2, 4];
const UNLIKELY = 0.1;
const BESIDE = [[1, -1], [1, 1], [-1, 1], [-1, -1], [0, 1.6]]; // where the words stand, so that near candidates leave room

/** How a candidate is drawn: its rank is written beside it, and its line says how likely it is, without any colour. */
export function drawn(candidate) {
  const { rank, p } = candidate;
  const share = Math.min(1, Math.max(0, p ?? 1));
  return {
    shape: "host", ...candidate, colour: CANDIDATE, alpha: 0.5 + 0.5 * share, width: 1 + 0.8 * share,
    dash: rank === 1 ? SOLID : share < UNLIKELY ? DOTTED : DASHED, beside: BESIDE[(rank - 1) % BESIDE.length], name: p === null || rank > 1 ? String(rank) : `${rank}: ${p.toFixed(2)}`,
  };
}
