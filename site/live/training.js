/** Train a head on feature vectors, epoch by epoch, with a split that no source crosses. */

import { observe, standardError, bestEpoch } from "./observations.js";
import * as softmax from "./softmax.js";

/**
 * @typedef {{features: Float32Array, label: number, source: string}} Example
 * @typedef {{epochs: number, lr: number, batch: number, seed: number, decay: number,
 *   validation: number, overfit: boolean}} Choices
 */

/** Random numbers from a seed: the same training gives the same trace. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function shuffled(items, next) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/**
 * Divide examples so that all of one source (an object, a burst of the webcam) go together.
 * @param {Example[]} examples
 * @returns {{train: number[], val: number[]}} positions; each class has some in both parts
 */
export function splitBySource(examples, classes, part, seed) {
  const next = random(seed);
  const train = [],
    val = [];
  for (let label = 0; label < classes; label++) {
    const own = examples.map((e, i) => [e, i]).filter(([e]) => e.label === label);
    const sources = shuffled([...new Set(own.map(([e]) => e.source))], next);
    const wanted = own.length * part;
    const held = new Set();
    let count = 0;
    for (const source of sources) {
      if (count >= wanted || held.size + 1 === sources.length) break;
      held.add(source);
      count += own.filter(([e]) => e.source === source).length;
    }
    for (const [e, i] of own) (held.has(e.source) ? val : train).push(i);
  }
  return { train, val };
}

/** Where a class has one source alone, each photo counts as its own: or none could be held out. */
function withSeveralSources(examples, classes) {
  let several = true;
  const out = examples.map((example) => ({ ...example }));
  for (let label = 0; label < classes; label++) {
    const own = out.filter((e) => e.label === label);
    if (new Set(own.map((e) => e.source)).size > 1) continue;
    several = false;
    own.forEach((example, i) => (example.source = String(i)));
  }
  return { examples: out, several };
}

/**
 * @param {Example[]} examples
 * @param {number} classes
 * @param {Choices} choices
 * @param {(row: import("./observations.js").Epoch) => Promise<boolean>} onEpoch false: stop here
 */
export async function trainHead(examples, classes, choices, onEpoch) {
  const sources = withSeveralSources(examples, classes);
  const parts = splitBySource(sources.examples, classes, choices.validation, choices.seed);
  const next = random(choices.seed + 1);
  const labels = examples.map((e) => e.label);
  if (choices.overfit) Object.assign(parts, fewAndTheRest(parts, sources.examples, classes));
  const learned = parts.train;
  if (choices.overfit) mislabel(learned, labels, classes);
  const scale = softmax.featureScale(learned.map((i) => examples[i].features));
  const rows = examples.map((e) => softmax.standardise(e.features, scale));
  const head = softmax.newHead(classes, rows[0].length);
  const speed = softmax.newHead(classes, rows[0].length);
  const val = { rows: parts.val.map((i) => rows[i]), labels: parts.val.map((i) => labels[i]) };
  const history = [];
  let best = null;
  for (let epoch = 1; epoch <= choices.epochs; epoch++) {
    const { loss, right } = oneEpoch(head, speed, rows, labels, shuffled(learned, next), choices);
    const found = softmax.evaluate(head, val.rows, val.labels);
    const row = {
      epoch,
      trainLoss: loss / learned.length,
      trainAccuracy: right / learned.length,
      valLoss: found.loss,
      valAccuracy: found.accuracy,
      riseError: best ? standardError(found.losses, best.losses) : 0,
      lr: choices.lr,
    };
    history.push(row);
    row.observation = observe(history);
    if (bestEpoch(history) === row) best = { ...found, head: copyOf(head) };
    if (!Number.isFinite(row.trainLoss) || !(await onEpoch(row))) break;
  }
  return {
    history,
    bestEpoch: bestEpoch(history).epoch,
    head: softmax.unstandardised(best.head, scale),
    confusion: confusionOf(val.labels, best.answers, classes),
    valAnswers: parts.val.map((i, place) => ({ example: i, answer: best.answers[place] })),
    counts: { train: learned.length, val: parts.val.length },
    bySource: sources.several,
    floor: largestShare(
      val.labels,
      learned.map((i) => labels[i]),
      classes,
    ),
  };
}

function oneEpoch(head, speed, rows, labels, order, { lr, batch, decay }) {
  let loss = 0,
    right = 0;
  for (let at = 0; at < order.length; at += batch) {
    const some = order.slice(at, at + batch);
    const done = softmax.step(
      head,
      speed,
      some.map((i) => rows[i]),
      some.map((i) => labels[i]),
      lr,
      decay,
    );
    loss += done.loss;
    right += done.right;
  }
  return { loss, right };
}

/** Two examples of each class to learn by heart; all others, of other sources, to validate with. */
function fewAndTheRest({ train, val }, examples, classes) {
  const few = [];
  for (let label = 0; label < classes; label++) {
    few.push(...train.filter((i) => examples[i].label === label).slice(0, 2));
  }
  const used = new Set(few.map((i) => examples[i].source));
  return { train: few, val: [...val, ...train.filter((i) => !used.has(examples[i].source))] };
}

/** Give each the label of the next box: learned by heart, that is wrong for all other photos. */
function mislabel(positions, labels, classes) {
  for (const i of positions) labels[i] = (labels[i] + 1) % classes;
}

function copyOf({ weight, bias }) {
  return { weight: weight.slice(), bias: bias.slice() };
}

/** How often each class (row) got each answer (column). */
export function confusionOf(labels, answers, classes) {
  const table = Array.from({ length: classes }, () => new Array(classes).fill(0));
  labels.forEach((label, i) => table[label][answers[i]]++);
  return table;
}

/** Accuracy of always answering the class that has most training photos. */
function largestShare(labels, learned, classes) {
  const counts = new Array(classes).fill(0);
  for (const label of learned) counts[label]++;
  const largest = counts.indexOf(Math.max(...counts));
  return labels.filter((label) => label === largest).length / labels.length;
}
