import assert from "node:assert/strict";
import test from "node:test";

import { kindOf, readPhoto, sizeOf } from "../files.js";
import { bytesOf, fieldsOf } from "../onnx.js";

function png(width, height) {
  const bytes = new Uint8Array(64);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

test("reads the sides of a PNG and of a JPEG from their headers", () => {
  assert.deepEqual(sizeOf("png", png(640, 480)), { width: 640, height: 480 });
  const jpeg = Uint8Array.from([
    0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0x01, 0xe0, 0x02, 0x80, 3, 0, 0, 0,
  ]);
  assert.equal(kindOf(jpeg), "jpeg");
  assert.deepEqual(sizeOf("jpeg", jpeg), { width: 640, height: 480 });
  assert.equal(sizeOf("jpeg", jpeg.slice(0, 9)), null);
});

for (const [what, bytes, sentence] of [
  ["text", new TextEncoder().encode("hello"), /not a photo that can be read/],
  ["nothing", new Uint8Array(0), /empty \(0 bytes\)/],
  ["100 megapixels", png(10000, 10000), /100 megapixels/],
  ["a dot", png(5, 5), /only 5×5 pixels/],
  ["a strip", png(5000, 20), /strip of 5000×20/],
]) {
  test(`refuses ${what} in a sentence, before unpacking it`, async () => {
    await assert.rejects(readPhoto(new Blob([bytes]), "it.png"), sentence);
  });
}

test("writes messages back as they came", () => {
  const fields = [
    { number: 1, wire: 0, value: 300 },
    { number: 2, wire: 2, value: Uint8Array.from([1, 2, 3]) },
    { number: 3, wire: 5, value: Uint8Array.from([0, 0, 128, 63]) },
  ];
  const bytes = bytesOf(fields);
  assert.deepEqual(fieldsOf(bytes), fields);
  assert.deepEqual(bytesOf(fieldsOf(bytes)), bytes);
});
