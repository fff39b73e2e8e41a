/** Prediction trace: logits → softmax → top five; activation maps; covering parts by brush. */

import { colour, drawPixels, element, percent } from "../draw.js";
import { softmax } from "../softmax.js";

const BRUSH = 32; // pixels
const STEP = 16;

export function createPrediction(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const slider = find("temperature"),
    pick = find("class"),
    brush = find("brush"),
    map = find("map");
  let now = null,
    target = null,
    wanted = null,
    covered = null,
    cursor = null;
  let seen = null,
    busy = false; // the logits of what is covered now

  find("classes").append(
    ...[...new Set(app.classes)].map((name) => element("option", { value: name })),
  );
  slider.addEventListener("input", showTop);
  pick.addEventListener("change", () => {
    const number = app.classes.indexOf(pick.value.trim());
    if (number < 0)
      return app.complain(`ImageNet has no class "${pick.value}": take one of the list.`);
    wanted = number;
    showTarget(number);
  });
  find("first").addEventListener("click", () => {
    wanted = null;
    showTarget(now.top[0].number);
  });
  find("uncover").addEventListener("click", uncover);
  brushing();

  function showTop() {
    const temperature = 10 ** Number(slider.value);
    find("temperature-value").textContent = temperature.toFixed(2);
    const top = app.top(now.found.logits, 5, temperature);
    const logits = now.found.logits;
    find("top").replaceChildren(
      ...top.map(({ label, number, probability }) => {
        const bar = element("meter", { min: 0, max: 1, value: probability, "aria-hidden": "true" });
        const show = element("button", { type: "button", title: "Show its activation map" }, label);
        show.addEventListener("click", () => {
          wanted = number;
          showTarget(number);
        });
        return element(
          "tr",
          {},
          element("th", { scope: "row" }, show),
          element("td", {}, logits[number].toFixed(2)),
          element("td", {}, percent(probability)),
          element("td", { className: "bar" }, bar),
        );
      }),
    );
    const rest = 1 - top.reduce((sum, { probability }) => sum + probability, 0);
    find("rest").textContent =
      `The other ${logits.length - 5} classes get ${percent(Math.max(rest, 0))} together.`;
  }

  /** The class activation map: the last maps, weighted as the head weights their means. */
  async function showTarget(number) {
    target = number;
    pick.value = app.classes[number];
    const { found, network, prepared } = now;
    const last = network.stages[network.stages.length - 1];
    const head = await app.trying(() =>
      app.engine.call("head", { name: network.name, label: number }),
    );
    if (!head || target !== number || now.found !== found) return;
    const cells = activationMap(found[last.output], head.weight, last.shape);
    drawHeat(map, prepared.pixels, network.preprocessing.crop, cells, last.shape);
    const mean = cells.reduce((a, b) => a + b, 0) / cells.length;
    find("sum").textContent =
      `Mean of the map ${mean.toFixed(3)} + bias ${head.bias.toFixed(3)} = ` +
      `${(mean + head.bias).toFixed(3)}; the logit of ${app.classes[number]} is ` +
      `${found.logits[number].toFixed(3)}.`;
    showDrop();
  }

  function showDrop() {
    const logits = seen;
    const before = softmax(now.found.logits)[target],
      after = softmax(logits)[target];
    const top = app.top(logits, 1)[0];
    find("drop").textContent = covered.some(Boolean)
      ? `${app.classes[target]}: ${percent(before)} → ${percent(after)} with ` +
        `${percent(covered.reduce((a, b) => a + b, 0) / covered.length)} of the photo covered. ` +
        `First is now ${top.label} (${percent(top.probability)}).`
      : `${app.classes[target]}: ${percent(before)} with nothing covered.`;
  }

  function uncover() {
    const side = now.network.preprocessing.crop;
    covered = new Uint8Array(side * side);
    cursor = { x: side / 2, y: side / 2 };
    seen = now.found.logits;
    drawBrush();
    if (target !== null) showDrop();
  }

  function drawBrush(withCursor = false) {
    const side = now.network.preprocessing.crop;
    const pixels = now.prepared.pixels.slice();
    covered.forEach((is, i) => is && pixels.set([128, 128, 128], i * 4));
    drawPixels(brush, pixels, side);
    if (!withCursor) return;
    const context = brush.getContext("2d");
    context.strokeStyle = "#ffd34d";
    context.lineWidth = 2;
    context.strokeRect(cursor.x - BRUSH / 2, cursor.y - BRUSH / 2, BRUSH, BRUSH);
  }

  function cover({ x, y }) {
    const side = now.network.preprocessing.crop;
    const from = (v) => Math.max(0, Math.round(v - BRUSH / 2));
    const to = (v) => Math.min(side, Math.round(v + BRUSH / 2));
    for (let row = from(y); row < to(y); row++)
      covered.fill(1, row * side + from(x), row * side + to(x));
    drawBrush();
    ask();
  }

  /** Ask the network about the covered photo; strokes that come meanwhile are taken together. */
  async function ask() {
    if (busy) return (busy = "again");
    busy = true;
    const { network, prepared, found } = now;
    const tensor = prepared.tensor.slice();
    const count = covered.length;
    covered.forEach((is, i) => {
      if (is) tensor[i] = tensor[count + i] = tensor[2 * count + i] = 0;
    });
    const came = await app.trying(() => app.run(network.name, tensor, ["logits"]));
    const again = busy === "again";
    busy = false;
    if (came && now.found === found && covered.some(Boolean)) {
      seen = came.found.logits;
      showDrop();
    }
    if (again) ask();
  }

  function brushing() {
    let down = false;
    const place = (event) => ({
      x: (event.offsetX / brush.clientWidth) * brush.width,
      y: (event.offsetY / brush.clientHeight) * brush.height,
    });
    brush.addEventListener("pointerdown", (event) => {
      down = true;
      brush.setPointerCapture(event.pointerId);
      cover(place(event));
    });
    brush.addEventListener("pointermove", (event) => down && cover(place(event)));
    for (const end of ["pointerup", "pointercancel"])
      brush.addEventListener(end, () => (down = false));
    brush.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key === " ") cover(cursor);
      else if (event.key in by) {
        const inside = (v) => Math.min(Math.max(v, 0), brush.width);
        const [dx, dy] = by[event.key];
        cursor = { x: inside(cursor.x + STEP * dx), y: inside(cursor.y + STEP * dy) };
      } else return;
      event.preventDefault();
      drawBrush(true);
    });
  }

  return {
    showRun(found, network, prepared) {
      now = { found, network, prepared, top: app.top(found.logits) };
      find("note").textContent = network.note;
      find("note").hidden = !network.note;
      showTop();
      target = wanted ?? now.top[0].number;
      uncover();
      showTarget(target);
    },
  };
}

/** Σ over channels of weight × map, cell by cell; the mean of it, plus the bias, is the logit. */
export function activationMap(maps, weight, [channels, height, width]) {
  const count = height * width;
  const cells = new Float64Array(count);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < count; i++) cells[i] += weight[c] * maps[c * count + i];
  }
  return cells;
}

function drawHeat(canvas, pixels, side, cells, [, height, width]) {
  const most = Math.max(...cells.map(Math.abs), 1e-9);
  const mixed = new Uint8ClampedArray(pixels.length);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = (y * side + x) * 4;
      const cell = cells[Math.floor((y * height) / side) * width + Math.floor((x * width) / side)];
      const rgb = colour(Math.max(cell, 0) / most);
      const grey = (pixels[at] + pixels[at + 1] + pixels[at + 2]) / 3;
      for (let c = 0; c < 3; c++) mixed[at + c] = 0.45 * grey + 0.55 * rgb[c];
      mixed[at + 3] = 255;
    }
  }
  drawPixels(canvas, mixed, side);
}
