/** Feature extraction: the maps of each stage to zoom into, receptive fields, the pooled vector. */

import { colour, drawPixels, element, paintMap, rangeOf, times } from "../draw.js";

const OVERVIEW = 16; // channels of a stage in the overview
const GAP = 1;

export function createFeatures(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const zoom = find("zoom"),
    one = find("map"),
    photo = find("photo"),
    strip = find("strip");
  let now = null,
    stage = null,
    channel = 0;

  zoom.addEventListener("pointermove", (event) => {
    const found = channelAt(event);
    if (found !== null && found !== channel) showChannel(found);
  });
  zoom.addEventListener("keydown", (event) => {
    const by = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -grid().columns,
      ArrowDown: grid().columns,
    };
    if (!(event.key in by)) return;
    event.preventDefault();
    showChannel(Math.min(Math.max(channel + by[event.key], 0), stage.shape[0] - 1));
  });
  one.addEventListener("pointermove", (event) => showField(cellAt(event)));
  one.addEventListener("pointerleave", () => drawPhoto());
  let cell = { x: 0, y: 0 };
  one.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in by)) return;
    event.preventDefault();
    const [, height, width] = stage.shape,
      [dx, dy] = by[event.key];
    cell = {
      x: Math.min(Math.max(cell.x + dx, 0), width - 1),
      y: Math.min(Math.max(cell.y + dy, 0), height - 1),
    };
    showField(cell);
  });
  strip.addEventListener("pointermove", (event) => {
    if (!now) return;
    const place = Math.floor((event.offsetX / strip.clientWidth) * now.found.features.length);
    const value = now.found.features[place];
    if (value !== undefined) find("feature").textContent = `feature ${place}: ${value.toFixed(3)}`;
  });

  function grid() {
    const [channels, height, width] = stage.shape;
    const columns = Math.ceil(Math.sqrt((channels * (height + GAP)) / (width + GAP)));
    return { channels, height, width, columns };
  }

  /** All channels of the stage that was chosen, each over its own range. */
  function showStage(next) {
    stage = next;
    channel = Math.min(channel, stage.shape[0] - 1);
    for (const button of find("stages").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === stage.output));
    }
    drawMosaic(zoom, now.found[stage.output], grid());
    find("zoom-title").textContent =
      `Stride ${stage.stride}: ${stage.shape[0]} maps of ${stage.shape[1]}×${stage.shape[2]}`;
    showChannel(channel);
  }

  function showChannel(next) {
    channel = next;
    const { height, width } = grid();
    const values = now.found[stage.output],
      from = channel * height * width;
    const range = rangeOf(values, from, from + height * width);
    one.width = width;
    one.height = height;
    const image = new ImageData(width, height);
    paintMap(image, values, from, { width, height }, 0, 0, range);
    one.getContext("2d").putImageData(image, 0, 0);
    find("map-title").textContent =
      `Channel ${channel}: from ${range.least.toFixed(2)} to ${range.most.toFixed(2)}`;
    drawPhoto();
  }

  function channelAt(event) {
    const { channels, height, width, columns } = grid();
    const scale = zoom.width / zoom.clientWidth;
    const column = Math.floor((event.offsetX * scale) / (width + GAP));
    const found = Math.floor((event.offsetY * scale) / (height + GAP)) * columns + column;
    return column < columns && found < channels ? found : null;
  }

  function cellAt(event) {
    return {
      x: Math.floor((event.offsetX / one.clientWidth) * one.width),
      y: Math.floor((event.offsetY / one.clientHeight) * one.height),
    };
  }

  function drawPhoto() {
    drawPixels(photo, now.prepared.pixels, app.network.preprocessing.crop);
  }

  /** Frame what the cell under the pointer can see of the photo. */
  function showField({ x, y }) {
    const { size, stride, start } = stage.field;
    const side = photo.width;
    drawPhoto();
    const [left, top] = [x, y].map((i) => start + i * stride - (size - 1) / 2);
    const context = photo.getContext("2d");
    context.fillStyle = "rgb(0 0 0 / 0.5)";
    context.beginPath();
    context.rect(0, 0, side, side);
    context.rect(left, top, size, size);
    context.fill("evenodd");
    context.strokeStyle = "#ffd34d";
    context.lineWidth = 2;
    context.strokeRect(
      Math.max(left, 1),
      Math.max(top, 1),
      Math.min(left + size, side - 1) - Math.max(left, 1),
      Math.min(top + size, side - 1) - Math.max(top, 1),
    );
    const whole = size >= 2 * side ? "; it sees the whole photo" : "";
    const [, , width] = stage.shape;
    const value = now.found[stage.output][(channel * stage.shape[1] + y) * width + x];
    find("field").textContent =
      `Cell (${y}, ${x}) is ${value?.toFixed(2)}; ` +
      `its receptive field is ${size}×${size} pixels${whole}.`;
  }

  return {
    showRun(found, network, prepared) {
      const same = now?.network === network;
      now = { found, network, prepared };
      showOverview(find("stages"), network, found, showStage);
      drawStrip(strip, found.features);
      find("strip-title").textContent =
        `The pooled vector: ${found.features.length} features, ` +
        "each the mean of one map of the last stage";
      find("vector-shape").textContent = times(1, found.features.length);
      showStage(same && stage ? stage : network.stages[network.stages.length - 2]);
    },
  };
}

/** A button for each stage, with its first maps, and the shapes on the arrows between. */
function showOverview(list, network, found, onChoose) {
  list.replaceChildren();
  for (const stage of network.stages) {
    const [channels, height, width] = stage.shape;
    const canvas = element("canvas", { "aria-hidden": "true" });
    drawMosaic(canvas, found[stage.output], {
      channels: Math.min(OVERVIEW, channels),
      height,
      width,
      columns: 4,
    });
    const button = element(
      "button",
      { type: "button", value: stage.output },
      canvas,
      element("span", {}, `stride ${stage.stride}`),
    );
    button.addEventListener("click", () => onChoose(stage));
    const shape = element("span", { className: "arrow" }, times(channels, height, width));
    list.append(element("li", {}, button, shape));
  }
}

function drawMosaic(canvas, values, { channels, height, width, columns }) {
  const rows = Math.ceil(channels / columns);
  canvas.width = columns * (width + GAP) - GAP;
  canvas.height = rows * (height + GAP) - GAP;
  const image = new ImageData(canvas.width, canvas.height);
  for (let c = 0; c < channels; c++) {
    const from = c * height * width;
    const left = (c % columns) * (width + GAP),
      top = Math.floor(c / columns) * (height + GAP);
    const range = rangeOf(values, from, from + height * width);
    paintMap(image, values, from, { width, height }, left, top, range);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawStrip(canvas, features) {
  canvas.width = features.length;
  canvas.height = 1;
  const range = rangeOf(features);
  const image = new ImageData(features.length, 1);
  features.forEach((value, i) => {
    const rgb = colour((value - range.least) / Math.max(range.most - range.least, 1e-9));
    image.data.set([...rgb, 255], i * 4);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}
