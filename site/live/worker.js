/**
 * The page's second thread: photos are decoded, networks run and heads are trained here, so that
 * the page itself never stands still.
 *
 * A message is {id, method, args}; the answer {id, result} or {id, told} or {id, error}.
 */

import { readPhoto, Told } from "./files.js";
import { Networks } from "./networks.js";
import { withHead } from "./onnx.js";
import { crop, cropCorner, resize, toTensor, turn } from "./resize.js";
import { trainHead } from "./training.js";

const networks = new Networks((news) => self.postMessage({ news }));
const photos = new Map();
let stopped = false;

const methods = {
  /** Make ONNX Runtime ready; `base` is where its files and the networks lie. */
  start: ({ base, known }) => networks.start(base, known),

  /** Get WebGPU ready; tells whether this browser has it. */
  webgpu: () => networks.openWebgpu(),

  /** Time a network on both engines and choose the faster. */
  compare: ({ name, tensor, outputs }) => networks.compare(name, tensor, outputs),

  use: ({ name, engine }) => networks.use(name, engine),

  /** Decode a photo and keep it under a number; gives a picture of it to draw. */
  async open({ number, blob, name }) {
    const photo = await readPhoto(blob, name);
    photos.set(number, photo);
    const picture = await pictureOf(photo);
    return [{ width: photo.width, height: photo.height, picture }, [picture]];
  },

  close: ({ number }) => photos.delete(number),

  /** Every step from a photo to a tensor, with pictures to draw. */
  async prepare({ number, spec, choices }) {
    const steps = prepared(photos.get(number), spec, choices);
    const pictures = [
      await pictureOf(steps.turned),
      await pictureOf(steps.resized),
      await pictureOf(steps.cropped),
    ];
    const { tensor } = steps;
    const result = {
      turned: sizeOf(steps.turned),
      resized: sizeOf(steps.resized),
      corner: steps.corner,
      pictures,
      tensor,
      pixels: steps.cropped.data,
    };
    return [result, [...pictures, tensor.buffer, steps.cropped.data.buffer]];
  },

  /** A network's outputs for a tensor, the milliseconds that it took, and on which engine. */
  async run({ name, tensor, outputs }) {
    const { found, ms, engine } = await networks.run(name, tensor, outputs);
    return [{ found, ms, engine }, Object.values(found).map((values) => values.buffer)];
  },

  /** Weights of one class of a network's own head: for its activation map. */
  async head({ name, label }) {
    const { weight, bias, classes } = await networks.head(name);
    const width = weight.length / classes;
    return { weight: weight.slice(label * width, (label + 1) * width), bias: bias[label] };
  },

  /** The feature vector of a photo, and the photo resized: small enough to be kept. */
  async features({ name, spec, blob, file }) {
    const photo = await readPhoto(blob, file);
    const steps = prepared(photo, spec, {});
    const { found } = await networks.run(name, steps.tensor, ["features"]);
    const picture = await fileOf(steps.resized);
    return [{ features: found.features, picture }, [found.features.buffer]];
  },

  async train({ examples, classes, choices }) {
    stopped = false;
    return trainHead(examples, classes, choices, async (row) => {
      self.postMessage({ news: { epoch: row } });
      await pause(); // a message that says stop comes in here
      return !stopped;
    });
  },

  stop() {
    stopped = true;
  },

  /** A network with a new head, as the bytes of an ONNX file. */
  async classifier({ name, head, metadata }) {
    const bytes = withHead(await networks.bytes(name), head, metadata);
    return [bytes, [bytes.buffer]];
  },
};

function prepared(photo, spec, { quarters = 0, shift, bgr, normalise }) {
  const turned = turn(photo, quarters);
  const resized = resize(turned, spec.resize, spec.interpolation);
  const corner = cropCorner(resized, spec.crop, shift);
  const cropped = crop(resized, spec.crop, corner);
  return { turned, resized, corner, cropped, tensor: toTensor(cropped, spec, { bgr, normalise }) };
}

const sizeOf = ({ width, height }) => ({ width, height });
const pause = () => new Promise((go) => setTimeout(go, 0));

/** A picture for the page, no larger than it draws one. */
function pictureOf({ width, height, data }, most = 640) {
  const scale = Math.min(1, most / Math.max(width, height));
  const image = new ImageData(new Uint8ClampedArray(data), width, height);
  return createImageBitmap(image, {
    resizeWidth: Math.max(1, Math.round(width * scale)),
    resizeHeight: Math.max(1, Math.round(height * scale)),
    resizeQuality: "medium",
  });
}

/** A photo as a PNG, which keeps every pixel. */
function fileOf({ width, height, data }) {
  const canvas = new OffscreenCanvas(width, height);
  canvas
    .getContext("2d")
    .putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

const AT_ONCE = new Set(["stop", "webgpu"]); // all others wait for their turn
let last = Promise.resolve();

self.addEventListener("message", ({ data }) => {
  const answer = () => respond(data);
  if (AT_ONCE.has(data.method)) answer();
  else last = last.then(answer, answer); // one after the other: ONNX Runtime runs one at a time
});

async function respond({ id, method, args }) {
  try {
    const result = await methods[method](args);
    if (Array.isArray(result)) self.postMessage({ id, result: result[0] }, result[1]);
    else self.postMessage({ id, result });
  } catch (error) {
    if (error instanceof Told) self.postMessage({ id, told: error.message });
    else self.postMessage({ id, error: String(error?.message ?? error) });
  }
}
