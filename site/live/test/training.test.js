import assert from "node:assert/strict";
import test from "node:test";

import { observe } from "../observations.js";
import {
  evaluate,
  featureScale,
  logitsOf,
  softmax,
  standardise,
  unstandardised,
} from "../softmax.js";
import { splitBySource, trainHead } from "../training.js";

const epoch = (number, trainLoss, valLoss, valAccuracy = 0.5, riseError = 0) => ({
  epoch: number,
  trainLoss,
  valLoss,
  valAccuracy,
  riseError,
  trainAccuracy: 0.5,
});

function examplesOf(count, classes) {
  return Array.from({ length: count * classes }, (_, i) => {
    const label = i % classes;
    const features = Float32Array.from(
      { length: 6 },
      (_, j) => (j === label ? 2 : 0) + Math.sin(7 * i + 3 * j),
    );
    return { features, label, source: `source ${Math.floor(i / (2 * classes))}-${label}` };
  });
}

const CHOICES = {
  epochs: 12,
  lr: 0.05,
  batch: 8,
  seed: 0,
  decay: 1e-3,
  validation: 0.25,
  overfit: false,
};
const goOn = async () => true;

test("softmax adds up to one, whatever the size of the logits", () => {
  const p = softmax([1000, 1001, 1002]);
  assert.ok(Math.abs(p.reduce((a, b) => a + b) - 1) < 1e-12);
  assert.ok(Math.abs(p[2] - 0.66524) < 1e-5);
  assert.ok(softmax([0, 1], 10)[1] < softmax([0, 1])[1]);
});

test("a feature that never varies counts for nothing", () => {
  const scale = featureScale([
    [1, 5],
    [3, 5],
  ]);
  assert.deepEqual(
    [...standardise([3, 9], scale)].map((v) => v > 0),
    [true, false],
  );
});

test("a head on features gives the logits of the one on standardised features", () => {
  const rows = examplesOf(4, 2).map((e) => e.features);
  const scale = featureScale(rows);
  const head = {
    weight: Float64Array.from({ length: 12 }, (_, k) => Math.cos(k)),
    bias: [0.3, -0.2],
  };
  const plain = unstandardised(head, scale);
  const wanted = logitsOf(head, standardise(rows[1], scale)),
    came = logitsOf(plain, rows[1]);
  wanted.forEach((value, c) => assert.ok(Math.abs(value - came[c]) < 1e-4));
});

test("no source stands on both sides of the split, and each class on both", () => {
  const examples = examplesOf(8, 3);
  const { train, val } = splitBySource(examples, 3, 0.25, 1);
  const sources = (part) => new Set(part.map((i) => examples[i].source));
  assert.equal(train.length + val.length, examples.length);
  assert.deepEqual(
    [...sources(train)].filter((s) => sources(val).has(s)),
    [],
  );
  for (const part of [train, val])
    assert.equal(new Set(part.map((i) => examples[i].label)).size, 3);
});

test("learns, and gives the same trace for the same seed", async () => {
  const first = await trainHead(examplesOf(8, 3), 3, CHOICES, goOn);
  const second = await trainHead(examplesOf(8, 3), 3, CHOICES, goOn);
  assert.deepEqual(first.history, second.history);
  assert.ok(first.history.at(-1).trainLoss < first.history[0].trainLoss / 2);
  const found = evaluate(
    first.head,
    examplesOf(8, 3).map((e) => e.features),
    examplesOf(8, 3).map((e) => e.label),
  );
  assert.ok(found.accuracy > 0.9, `accuracy ${found.accuracy}`);
});

test("stops where it is told to", async () => {
  const { history } = await trainHead(examplesOf(8, 2), 2, CHOICES, async (row) => row.epoch < 3);
  assert.equal(history.length, 3);
});

test("overfits when it is asked to", async () => {
  const choices = { ...CHOICES, overfit: true, decay: 0, epochs: 40 };
  const { history, counts } = await trainHead(examplesOf(40, 3), 3, choices, goOn);
  assert.equal(counts.train, 6);
  assert.ok(history.some((row) => row.observation.startsWith("overfitting")));
});

test("says when all photos of a box have one source", async () => {
  const examples = examplesOf(8, 2).map((e) => ({ ...e, source: "one burst" }));
  assert.equal((await trainHead(examples, 2, CHOICES, goOn)).bySource, false);
  assert.equal((await trainHead(examplesOf(8, 2), 2, CHOICES, goOn)).bySource, true);
});

test("observes by the course's rules, in their order", () => {
  const kind = (...history) => observe(history).split(":")[0];
  assert.equal(kind(epoch(1, 1, 1)), "start");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 1.06, 0.5)), "diverging");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.9, 1.03)), "overfitting");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.9, 1.03, 0.5, 0.02)), "converging");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.9, 1.03, 0.6)), "converging");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.995, 1.005)), "plateau");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.9, 0.95)), "learning");
  assert.equal(kind(epoch(1, 1, 1), epoch(2, 0.9, 0.96)), "converging");
});
