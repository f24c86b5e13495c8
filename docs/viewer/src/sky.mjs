// SPDX-License-Identifier: BSD-3-Clause
// Directions and positions on the sky. Offsets are [base pixel] from the source, x along columns, y along rows.

const DEG = Math.PI / 180;

/** Side of a base pixel on the sky [arcsec]: the square root of its area, or of the CD matrix's determinant. */
export const pixelScale = ({ cd: [a, b, c, d] }) => Math.sqrt(Math.abs(a * d - b * c)) * 3600;

/** ICRS [deg] of an offset from the source, by the inverse of the gnomonic projection. */
export function skyAt({ ra, dec, cd: [a, b, c, d] }, x, y) {
  const xi = (a * x + b * y) * DEG, eta = (c * x + d * y) * DEG;
  const sin0 = Math.sin(dec * DEG), cos0 = Math.cos(dec * DEG);
  const depth = cos0 - eta * sin0;
  const lon = Math.atan2(xi, depth), lat = Math.atan2(sin0 + eta * cos0, Math.hypot(xi, depth));
  return { ra: (((ra + lon / DEG) % 360) + 360) % 360, dec: lat / DEG };
}

/** Offset from the source of a position on the sky; null for one a quarter of the sky away or farther. */
export function offsetOf({ ra: ra0, dec: dec0, cd: [a, b, c, d] }, { ra, dec }) {
  const lon = (ra - ra0) * DEG, lat = dec * DEG, lat0 = dec0 * DEG;
  const depth = Math.sin(lat) * Math.sin(lat0) + Math.cos(lat) * Math.cos(lat0) * Math.cos(lon);
  if (!(depth > 0)) return null;
  const xi = (Math.cos(lat) * Math.sin(lon)) / depth / DEG;
  const eta = (Math.sin(lat - lat0) + 2 * Math.cos(lat) * Math.sin(lat0) * Math.sin(lon / 2) ** 2) / depth / DEG;
  const det = a * d - b * c;
  return { x: (d * xi - b * eta) / det, y: (a * eta - c * xi) / det };
}

/** Angular distance of two positions [arcsec]. */
export function separation(p, q) {
  const s = Math.sin(((q.dec - p.dec) * DEG) / 2) ** 2
    + Math.cos(p.dec * DEG) * Math.cos(q.dec * DEG) * Math.sin(((q.ra - p.ra) * DEG) / 2) ** 2;
  return (2 * Math.asin(Math.min(1, Math.sqrt(s)))) / DEG * 3600;
}

/** Unit vector of the image that points to (east, north) on the sky. */
export function direction({ cd: [a, b, c, d] }, east, north) {
  const det = a * d - b * c, x = (d * east - b * north) / det, y = (a * north - c * east) / det;
  const length = Math.hypot(x, y);
  return [x / length, y / length];
}

/** How a picture is turned: the image's unit vectors that point to its right and up. */
export const AS_STORED = { right: [1, 0], up: [0, 1] };

/** North exactly up; east to the left, at right angles even where the WCS is sheared. */
export function northUp(wcs) {
  if (!wcs) return AS_STORED;
  const [nx, ny] = direction(wcs, 0, 1), [ex, ey] = direction(wcs, 1, 0);
  const eastIsClockwise = ny * ex - nx * ey > 0;
  return { right: eastIsClockwise ? [-ny, nx] : [ny, -nx], up: [nx, ny] };
}

/** Place of an offset in a turned picture: to the right, and up. */
export const turned = ({ right, up }, x, y) => [right[0] * x + right[1] * y, up[0] * x + up[1] * y];

/** Offset of a place in a turned picture. */
export const unturned = ({ right, up }, u, v) => [right[0] * u + up[0] * v, right[1] * u + up[1] * v];

/** Largest of 1, 2 or 5 times a power of ten that is at most `length`. */
export function roundLength(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].map((n) => n * power).find((v) => v <= length * 1.0001) ?? power;
}

const pad = (value, digits, width) => value.toFixed(digits).padStart(width, "0");

/** Right ascension and declination in hours, degrees, minutes and seconds; digits for 0.01". */
export function sexagesimal({ ra, dec }) {
  const part = (value, digits) => {
    const unit = 10 ** digits, total = Math.round(value * 3600 * unit);
    const s = (total % (60 * unit)) / unit, minutes = Math.floor(total / (60 * unit));
    return [Math.floor(minutes / 60), minutes % 60, s];
  };
  const [h, m, s] = part(ra / 15, 3), [d, dm, ds] = part(Math.abs(dec), 2);
  const sign = dec < 0 ? "\u2212" : "+";
  return `${pad(h % 24, 0, 2)}:${pad(m, 0, 2)}:${pad(s, 3, 6)} ${sign}${pad(d, 0, 2)}:${pad(dm, 0, 2)}:${pad(ds, 2, 5)}`;
}
