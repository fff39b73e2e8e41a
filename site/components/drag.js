/** Drags a line up and down to move it, and sideways to set it in: by mouse, pen or finger. */

import { STEP } from "./order.js";

/**
 * @param {HTMLElement} handle
 * @param {{place: HTMLElement, shown: HTMLElement, indent: number, move: (by: number) => void,
 *   setIn: (level: number) => void, tell: () => void}} row
 */
export function dragged(handle, row) {
  handle.addEventListener("pointerdown", (start) => {
    if (start.button !== 0) return;
    start.preventDefault();
    const [from, level] = [row.indent, STEP * width(row.shown)];
    row.place.classList.add("course-dragged");
    const move = (event) => {
      if (event.pointerId !== start.pointerId) return;
      follow(row, event.clientY);
      row.setIn(from + Math.round((event.clientX - start.clientX) / level));
    };
    const end = (event) => {
      if (event.pointerId !== start.pointerId) return;
      row.place.classList.remove("course-dragged");
      document.removeEventListener("pointermove", move);
      for (const name of ENDS) document.removeEventListener(name, end);
      row.tell();
    };
    document.addEventListener("pointermove", move);
    for (const name of ENDS) document.addEventListener(name, end);
  });
}

const ENDS = ["pointerup", "pointercancel"];

/** Moves the line past each neighbour whose middle the pointer has passed. */
function follow(row, y) {
  const { place } = row;
  while (place.previousElementSibling && y < middle(place.previousElementSibling)) row.move(-1);
  while (place.nextElementSibling && y > middle(place.nextElementSibling)) row.move(1);
}

function middle(place) {
  const { top, height } = place.getBoundingClientRect();
  return top + height / 2;
}

/** Pixels of a letter of code. */
function width(shown) {
  const probe = document.createElement("code");
  probe.textContent = "0".repeat(10);
  shown.append(probe);
  const wide = probe.getBoundingClientRect().width / 10;
  probe.remove();
  return wide || 8;
}
