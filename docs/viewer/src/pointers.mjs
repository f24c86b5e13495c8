// SPDX-License-Identifier: BSD-3-Clause
// What a mouse, a pen or fingers do on a picture, in pixels of its canvas.

const CLICK = { mouse: 5, touch: 14 }; // a pointer that moves less has clicked [px of the page]; fingers roll

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{down: function, hover: function(?number[]), move: function(number, number), zoom: function(number, number,
 *   number), click: function(number, number)}} to `hover` gets null when the pointer has left.
 */
export function listen(canvas, to) {
  const pointers = new Map();
  let moved = 0, pinch = 0, several = false; // several: fingers, which have not clicked when they leave
  const still = (event) => moved <= (CLICK[event.pointerType] ?? CLICK.mouse) * (canvas.width / canvas.clientWidth);
  const place = (event) => {
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    several = pointers.size > 1;
    if (!several) moved = 0;
    to.down();
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event), before = pointers.get(event.pointerId);
    to.hover(now);
    if (!before) return;
    pointers.set(event.pointerId, now);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], distance = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) to.zoom(distance / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pinch = distance;
    } else if (!still(event)) to.move(now[0] - before[0], now[1] - before[1]);
  });
  const up = (event) => {
    const was = pointers.delete(event.pointerId);
    pinch = 0;
    if (was && event.type === "pointerup" && still(event) && !several && pointers.size === 0) to.click(...place(event));
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => to.hover(null));
}

/** The wheel, as a factor by which a picture is magnified about a point. */
export function listenToWheel(canvas, zoom) {
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), (event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
  }, { passive: false });
}
