/** Data flow: a photo becomes a tensor, step by step, with shapes on the arrows. */

import { drawPicture, drawPixels, element, stretched, times } from "../draw.js";

const STEP = 0.1; // of the room, by which an arrow key moves the crop

export function createFlow(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const resized = find("resized");
  let before = new Map();

  for (const name of ["bgr", "raw"]) find(name).addEventListener("change", choose);
  find("turn").addEventListener("click", () => {
    app.choose({ quarters: (app.choices.quarters + 1) % 4, shift: { x: 0, y: 0 } });
  });
  find("right").addEventListener("click", () => {
    find("bgr").checked = find("raw").checked = false;
    app.choose({ quarters: 0, shift: { x: 0, y: 0 }, bgr: false, normalise: true });
  });
  dragging(resized, app);

  function choose() {
    app.choose({ bgr: find("bgr").checked, normalise: !find("raw").checked });
  }

  function drawCrop({ corner, resized: size, pictures }, side) {
    drawPicture(resized, pictures[1]);
    const scale = resized.width / size.width;
    const context = resized.getContext("2d");
    const frame = [corner.left, corner.top, side, side].map((v) => v * scale);
    context.fillStyle = "rgb(0 0 0 / 0.45)";
    context.beginPath();
    context.rect(0, 0, resized.width, resized.height);
    context.rect(...frame);
    context.fill("evenodd");
    context.strokeStyle = "#ffd34d";
    context.lineWidth = Math.max(2, resized.width / 120);
    context.strokeRect(...frame);
  }

  /** The numbers of this step; those that changed light up. */
  function showNumbers(prepared, spec, choices) {
    const rows = numbersOf(prepared, spec, choices);
    const now = new Map();
    const body = find("numbers");
    body.replaceChildren(
      ...rows.map(([name, ...values], channel) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, name),
          ...values.map((value, i) => {
            const key = `${channel} ${i}`;
            now.set(key, value);
            const changed = before.has(key) && before.get(key) !== value;
            return element("td", { className: changed ? "changed" : "" }, value);
          }),
        ),
      ),
    );
    before = now;
  }

  return {
    showPrepared(prepared, network, choices) {
      const spec = network.preprocessing,
        side = spec.crop;
      drawPicture(find("photo"), prepared.pictures[0]);
      drawCrop(prepared, side);
      drawPixels(find("cropped"), prepared.pixels, side);
      drawPixels(find("tensor"), stretched(prepared.tensor, side), side);
      const { turned, resized: size } = prepared;
      find("shape-photo").textContent = times(turned.height, turned.width, 3);
      find("shape-resized").textContent = times(size.height, size.width, 3);
      find("shape-cropped").textContent = times(side, side, 3);
      find("shape-tensor").textContent = times(1, 3, side, side);
      find("how-resized").textContent =
        `resize the shorter side to ${spec.resize} (${spec.interpolation})`;
      find("how-cropped").textContent = `crop ${side}×${side}`;
      find("how-tensor").textContent = choices.normalise
        ? `÷ 255, − mean (${spec.mean.join(", ")}), ÷ std (${spec.std.join(", ")})`
        : "÷ 255 alone";
      showNumbers(prepared, spec, choices);
    },
    showAnswer(top) {
      find("answer").textContent = `${top[0].label}, ${(100 * top[0].probability).toFixed(1)} %`;
    },
  };
}

function numbersOf({ pixels, tensor }, { crop }, { bgr }) {
  const count = crop * crop;
  const middle = (crop / 2) * crop + crop / 2;
  const names = bgr ? ["blue", "green", "red"] : ["red", "green", "blue"];
  return [0, 1, 2].map((channel) => {
    const values = tensor.subarray(channel * count, (channel + 1) * count);
    let sum = 0,
      least = Infinity,
      most = -Infinity;
    for (const value of values) {
      sum += value;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const from = bgr ? 2 - channel : channel;
    const figures = [values[middle], sum / count, least, most].map((v) => v.toFixed(3));
    return [
      `channel ${channel} (${names[channel]})`,
      String(pixels[middle * 4 + from]),
      ...figures,
    ];
  });
}

/** Move the crop with the pointer, or with the arrow keys. */
function dragging(canvas, app) {
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, shift: app.choices.shift };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const scale = app.prepared.resized.width / canvas.clientWidth;
    const { width, height } = app.prepared.resized,
      side = app.network.preprocessing.crop;
    const part = (moved, room) => (room > 0 ? (2 * moved * scale) / room : 0);
    move(
      from.shift.x + part(event.clientX - from.x, width - side),
      from.shift.y + part(event.clientY - from.y, height - side),
    );
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => (from = null));
  }
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in by)) return;
    event.preventDefault();
    const { x, y } = app.choices.shift,
      [dx, dy] = by[event.key];
    move(x + STEP * dx, y + STEP * dy);
  });

  function move(x, y) {
    const inside = (value) => Math.min(1, Math.max(-1, value));
    app.choose({ shift: { x: inside(x), y: inside(y) } });
  }
}
