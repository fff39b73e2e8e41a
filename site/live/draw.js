/** Drawing on canvases, and making elements. */

/** @returns {HTMLElement} an element with properties and children */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Give a canvas the size of a picture and draw it. */
export function drawPicture(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

/** Draw an N×N RGBA array. */
export function drawPixels(canvas, pixels, side) {
  canvas.width = canvas.height = side;
  const image = new ImageData(new Uint8ClampedArray(pixels), side, side);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A tensor of three channels, stretched over its own range, as RGBA. */
export function stretched(tensor, side) {
  let least = Infinity,
    most = -Infinity;
  for (const value of tensor) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const range = Math.max(most - least, 1e-6);
  const count = side * side;
  const out = new Uint8ClampedArray(count * 4);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) out[i * 4 + c] = (255 * (tensor[c * count + i] - least)) / range;
    out[i * 4 + 3] = 255;
  }
  return out;
}

// Viridis at nine places: dark to light, told apart without seeing colours.
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** A colour of the map for a value from 0 to 1. */
export function colour(value) {
  const place = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const part = place - low;
  return VIRIDIS[low].map((v, i) => v + part * (VIRIDIS[low + 1][i] - v));
}

export function rangeOf(values, from = 0, to = values.length) {
  let least = Infinity,
    most = -Infinity;
  for (let i = from; i < to; i++) {
    if (values[i] < least) least = values[i];
    if (values[i] > most) most = values[i];
  }
  return { least, most };
}

/** Paint one map (height×width values from `from` on) at a place of an image. */
export function paintMap(image, values, from, { width, height }, left, top, range) {
  const span = Math.max(range.most - range.least, 1e-9);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const rgb = colour((values[from + y * width + x] - range.least) / span);
      const at = ((top + y) * image.width + left + x) * 4;
      image.data[at] = rgb[0];
      image.data[at + 1] = rgb[1];
      image.data[at + 2] = rgb[2];
      image.data[at + 3] = 255;
    }
  }
}

/** Values of the page's style, for canvases. */
export function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const times = (...sides) => sides.join("×");
export const percent = (p) =>
  p >= 0.1 ? `${(100 * p).toFixed(0)} %` : `${(100 * p).toFixed(1)} %`;
