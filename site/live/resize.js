/**
 * Resize, crop and normalise as torchvision does it, so that the network gets the same numbers.
 *
 * A browser's own resizing has no fixed rule: two browsers give two tensors for one photo.
 */

/** @typedef {{width: number, height: number, data: Uint8ClampedArray | Uint8Array}} Rgba */

const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: cubic },
};

/** The cubic kernel with a = −0.5, which is Pillow's, and PyTorch's when it smooths. */
function cubic(x) {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((t - 5) * t + 8) * t * a - 4 * a : 0;
}

/** For each output pixel: the first input pixel that counts, and the weights from there on. */
function weightsOf(from, to, { reach, weight }) {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // when shrinking, the kernel covers more input: no aliasing
  const support = reach * stretch;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(from, Math.floor(centre + support + 0.5));
    const raw = [];
    for (let j = first; j < last; j++) raw.push(weight((j - centre + 0.5) / stretch));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: Float64Array.from(raw, (w) => w / sum) };
  });
}

/**
 * Scale a photo until its shorter side has `side` pixels.
 * @param {Rgba} photo
 * @param {number} side
 * @param {"bilinear" | "bicubic"} interpolation
 * @returns {Rgba}
 */
export function resize(photo, side, interpolation) {
  const { width, height } = photo;
  const wide = width >= height;
  const to = wide
    ? { width: Math.floor((side * width) / height), height: side }
    : { width: side, height: Math.floor((side * height) / width) };
  if (to.width === width && to.height === height) return photo;
  const filter = FILTERS[interpolation];
  const narrow = alongRows(photo, weightsOf(width, to.width, filter));
  return alongColumns(narrow, weightsOf(height, to.height, filter));
}

function alongRows({ width, height, data }, columns) {
  const out = new Uint8ClampedArray(columns.length * height * 4);
  let place = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of columns) {
      let r = 0,
        g = 0,
        b = 0;
      for (let k = 0, at = (y * width + first) * 4; k < weights.length; k++, at += 4) {
        const w = weights[k];
        r += w * data[at];
        g += w * data[at + 1];
        b += w * data[at + 2];
      }
      place = put(out, place, r, g, b);
    }
  }
  return { width: columns.length, height, data: out };
}

function alongColumns({ width, data }, rows) {
  const out = new Uint8ClampedArray(width * rows.length * 4);
  let place = 0;
  for (const { first, weights } of rows) {
    for (let x = 0; x < width; x++) {
      let r = 0,
        g = 0,
        b = 0;
      for (let k = 0, at = (first * width + x) * 4; k < weights.length; k++, at += 4 * width) {
        const w = weights[k];
        r += w * data[at];
        g += w * data[at + 1];
        b += w * data[at + 2];
      }
      place = put(out, place, r, g, b);
    }
  }
  return { width, height: rows.length, data: out };
}

/** Writes one rounded pixel; returns the place of the next. */
function put(out, place, r, g, b) {
  out[place] = Math.floor(r + 0.5);
  out[place + 1] = Math.floor(g + 0.5);
  out[place + 2] = Math.floor(b + 0.5);
  out[place + 3] = 255;
  return place + 4;
}

/**
 * Where a crop's upper left corner lies: in the middle, moved by a part (−1 to 1) of the room.
 * @returns {{left: number, top: number}}
 */
export function cropCorner({ width, height }, side, shift = { x: 0, y: 0 }) {
  const corner = (room, part) => {
    const middle = roundHalfEven(room / 2);
    return Math.min(room, Math.max(0, middle + Math.round((part * room) / 2)));
  };
  return { left: corner(width - side, shift.x), top: corner(height - side, shift.y) };
}

/** Python's `round`, by which torchvision finds the centre. */
function roundHalfEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** @returns {Rgba} a square of a photo */
export function crop({ width, data }, side, { left, top }) {
  const out = new Uint8ClampedArray(side * side * 4);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * 4;
    out.set(data.subarray(start, start + side * 4), y * side * 4);
  }
  return { width: side, height: side, data: out };
}

/** @returns {Rgba} a photo turned clockwise by a number of quarter turns */
export function turn(photo, quarters) {
  let now = photo;
  for (let i = 0; i < quarters % 4; i++) now = quarterTurn(now);
  return now;
}

function quarterTurn({ width, height, data }) {
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) to[x * height + (height - 1 - y)] = from[y * width + x];
  }
  return { width: height, height: width, data: new Uint8ClampedArray(to.buffer) };
}

/**
 * Pixels → the tensor that a network takes: 3×side×side, channel by channel.
 * @param {Rgba} photo
 * @param {{mean: number[], std: number[]}} spec
 * @param {{bgr?: boolean, normalise?: boolean}} options what to do wrong on purpose
 * @returns {Float32Array}
 */
export function toTensor({ width, height, data }, spec, { bgr = false, normalise = true } = {}) {
  const count = width * height;
  const tensor = new Float32Array(3 * count);
  for (let channel = 0; channel < 3; channel++) {
    const from = bgr ? 2 - channel : channel;
    const scale = normalise ? 1 / (255 * spec.std[channel]) : 1 / 255;
    const shift = normalise ? -spec.mean[channel] / spec.std[channel] : 0;
    for (let i = 0; i < count; i++)
      tensor[channel * count + i] = data[i * 4 + from] * scale + shift;
  }
  return tensor;
}
