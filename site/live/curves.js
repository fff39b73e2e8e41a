/** Loss and accuracy, drawn as they come. */

import { style } from "./draw.js";

const LEFT = 44,
  RIGHT = 12,
  TOP = 24,
  BOTTOM = 26;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object[]} history
 * @param {number} epochs how many are to come in all
 * @param {[string, string, string][]} lines key of an epoch, colour's variable, name
 */
export function drawCurves(canvas, history, epochs, lines, most) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 360,
    height = canvas.clientHeight || 200;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "12px system-ui, sans-serif";
  const values = history.flatMap((row) => lines.map(([key]) => row[key])).filter(Number.isFinite);
  const top = most ?? Math.max(...values, 1e-6) * 1.05;
  const x = (epoch) => LEFT + ((width - LEFT - RIGHT) * (epoch - 1)) / Math.max(epochs - 1, 1);
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - Math.min(value, top) / top);
  axes(context, { width, height, top, x, y, epochs });
  lines.forEach(([key, colour, name], i) => {
    context.strokeStyle = context.fillStyle = style(colour);
    context.lineWidth = 2;
    context.setLineDash(i ? [6, 4] : []);
    context.beginPath();
    history.forEach((row, place) => {
      if (place) context.lineTo(x(row.epoch), y(row[key]));
      else context.moveTo(x(row.epoch), y(row[key]));
    });
    context.stroke();
    context.fillText(name, LEFT + 8 + 90 * i, TOP - 10);
  });
  context.setLineDash([]);
}

function axes(context, { width, height, top, x, y, epochs }) {
  context.strokeStyle = style("--line");
  context.fillStyle = style("--muted");
  context.lineWidth = 1;
  for (const part of [0, 0.5, 1]) {
    const value = part * top;
    context.beginPath();
    context.moveTo(LEFT, y(value));
    context.lineTo(width - RIGHT, y(value));
    context.stroke();
    context.fillText(value.toFixed(top < 0.1 ? 3 : 2), 6, y(value) + 4);
  }
  context.fillText("1", x(1), height - 8);
  context.fillText(`epoch ${epochs}`, x(epochs) - 48, height - 8);
}
