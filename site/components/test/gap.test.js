import assert from "node:assert/strict";
import test from "node:test";

import { gap } from "../gap.js";
import { fixed, general, readNumber, readShape } from "../numbers.js";

const asked = (kind, answer, options = []) => ({ kind, answer, options });

for (const [answer, guess, right, words] of [
  ["0.95", "0.95", true, "Exactly."],
  ["25,557,032", "25000000", true, "2% too low."],
  ["100", "120", false, "20% too high."],
  ["10", "1000", false, "100 times too high."],
  ["64.1%", "60", true, "4.1 points too low."],
  ["64.1%", "70 %", false, "5.9 points too high."],
  ["-3.3", "2", false, "5.3 too high."],
  ["0", "0", true, "Exactly."],
  ["1e+10", "1e10", true, "Exactly."],
  ["94 of 120", "90", true, "4% too low."],
]) {
  test(`${guess} for ${answer}: ${words}`, () => {
    assert.deepEqual(gap(asked("number", answer), guess), { right, words });
  });
}

for (const [guess, right, words] of [
  ["2, 128, 28, 28", true, "Exactly."],
  ["2x128x28x28", true, "Exactly."],
  ["2 64 28 28", false, "Off: dimension 2."],
  ["128 28 28", false, "Dimensions named: 3; there are 4."],
]) {
  test(`the shape ${guess}: ${words}`, () => {
    assert.deepEqual(gap(asked("shape", "(2, 128, 28, 28)"), guess), { right, words });
  });
}

test("a choice is made by its number", () => {
  const choice = asked("choice", "layer4", ["layer1", "layer4"]);
  const found = ["2", "1", "3", "0", "layer4"].map((guess) => gap(choice, guess)?.right ?? null);
  assert.deepEqual(found, [true, false, null, null, null]);
});

test("what can't be read is asked for again", () => {
  for (const guess of ["", "no idea", "e5", "-", "inf", "1e999"]) {
    assert.equal(gap(asked("number", "64"), guess), null);
  }
  assert.equal(gap(asked("shape", "(1, 2)"), "no idea"), null);
});

test("numbers are read with signs, commas and units", () => {
  const texts = ["−3.5 ms", "≈ 12", "1,234,567", ".5", "+2e3x", "1,5"];
  assert.deepEqual(texts.map(readNumber), [-3.5, null, 1234567, 0.5, 2000, 1]);
  assert.equal(readNumber("≈12"), 12);
  assert.deepEqual(readShape("512×7×7"), [512, 7, 7]);
});

test("numbers are written as Python writes them", () => {
  assert.deepEqual([0.25, 0.35, 12.5].map((value) => fixed(value, 1)), ["0.2", "0.3", "12.5"]);
  assert.deepEqual([12.5, 13.5].map((value) => fixed(value, 0)), ["12", "14"]);
  const numbers = [1234, 1225, 1235, 100, 2.5, 3.125, 0.00001234, 999.6];
  assert.deepEqual(numbers.map((value) => general(value, 3)), [
    "1.23e+03", "1.22e+03", "1.24e+03", "100", "2.5", "3.12", "1.23e-05", "1e+03",
  ]);
});
