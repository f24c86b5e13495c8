// SPDX-License-Identifier: BSD-3-Clause
// Elements of the page.

export const $ = (id) => document.getElementById(id);

/** A new element: properties that begin with "on" are listeners, "data" its data, others attributes; false leaves one off. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Replaces what is in a box; where the focus was in it, it goes to what came in that place. */
export function keepingFocus(box, replace) {
  const inside = () => [...box.querySelectorAll("button, canvas, input, select, a")];
  const at = inside().indexOf(document.activeElement);
  replace();
  if (at >= 0) (inside()[at] ?? inside().at(-1) ?? box).focus({ preventScroll: true });
}

/** Offers bytes or text as a file to save. */
export function save(name, content, type = "application/octet-stream") {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** A context of a canvas as sharp as the screen, `unit` canvas pixels to a pixel of the page. */
export function prepared(canvas, side = canvas.clientWidth) {
  const unit = Math.min(2, window.devicePixelRatio || 1), pixels = Math.max(16, Math.round(side * unit));
  if (canvas.width !== pixels || canvas.height !== pixels) { canvas.width = pixels; canvas.height = pixels; }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.unit = unit;
  return context;
}
