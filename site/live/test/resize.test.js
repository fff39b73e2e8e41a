import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { crop, cropCorner, resize, toTensor, turn } from "../resize.js";

const reference = JSON.parse(readFileSync(new URL("resized.json", import.meta.url)));

function photoOf({ width, height, pixels }) {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) data.set(pixels.slice(3 * i, 3 * i + 3), 4 * i);
  return { width, height, data };
}

for (const { interpolation, side, photo, wanted } of reference) {
  const sides = `${photo.width}×${photo.height}`;
  test(`resizes ${sides} to ${side} (${interpolation}) as torchvision`, () => {
    const came = resize(photoOf(photo), side, interpolation);
    assert.deepEqual([came.width, came.height], [wanted.width, wanted.height]);
    const expected = photoOf(wanted).data;
    const off = came.data.map((value, i) => Math.abs(value - expected[i]));
    assert.ok(Math.max(...off) <= 1, `off by ${Math.max(...off)}`);
  });
}

test("finds the centre by Python's rounding, and moves within the room", () => {
  assert.deepEqual(cropCorner({ width: 229, height: 256 }, 224), { left: 2, top: 16 });
  assert.deepEqual(cropCorner({ width: 231, height: 256 }, 224), { left: 4, top: 16 });
  const shift = { x: -1, y: 1 };
  assert.deepEqual(cropCorner({ width: 400, height: 224 }, 224, shift), { left: 0, top: 0 });
  assert.equal(cropCorner({ width: 400, height: 224 }, 224, { x: 1, y: 0 }).left, 176);
});

test("turns by quarters, four of which are none", () => {
  const photo = photoOf({ width: 2, height: 1, pixels: [1, 1, 1, 2, 2, 2] });
  const once = turn(photo, 1);
  assert.deepEqual([once.width, once.height, once.data[0], once.data[4]], [1, 2, 1, 2]);
  assert.deepEqual([...turn(photo, 2).data.slice(0, 3)], [2, 2, 2]);
  assert.deepEqual([...turn(photo, 4).data], [...photo.data]);
});

test("crops, and orders the tensor channel by channel", () => {
  const photo = photoOf({ width: 2, height: 2, pixels: [255, 0, 51, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
  const one = crop(photo, 1, { left: 0, top: 0 });
  const spec = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  const near = (came, wanted) => came.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]) < 1e-6));
  near(toTensor(one, spec), [1, -1, -0.6]);
  near(toTensor(one, spec, { bgr: true }), [-0.6, -1, 1]);
  near(toTensor(one, spec, { normalise: false }), [1, 0, 0.2]);
});
