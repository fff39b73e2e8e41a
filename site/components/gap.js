/** How far a guess is from a stored output: the rules of utils/learning/predictions.py. */

import { fixed, general, readNumber, readShape } from "./numbers.js";

const CLOSE = 0.1; // of the answer: a guess within it counts as right
const CLOSE_POINTS = 5; // of percentages

/**
 * @typedef {{right: boolean, words: string}} Gap
 * @typedef {{kind: "number"|"shape"|"choice", answer: string, options: string[]}} Asked
 */

/**
 * Compares a guess with the answer; null if the guess can't be read as what is asked for.
 * A choice is guessed by the number of the option, from 1.
 * @param {Asked} asked
 * @param {string} guess
 * @returns {Gap|null}
 */
export function gap(asked, guess) {
  if (asked.kind === "choice") return choiceGap(asked, guess);
  if (asked.kind === "shape") return shapeGap(readShape(asked.answer), readShape(guess));
  const expected = readNumber(asked.answer);
  const guessed = readNumber(guess);
  if (expected === null || guessed === null || !Number.isFinite(guessed)) return null;
  return asked.answer.endsWith("%")
    ? pointsGap(guessed - expected)
    : numberGap(expected, guessed);
}

function choiceGap(asked, guess) {
  const number = readNumber(guess);
  const option = asked.options[number - 1];
  if (number === null || option === undefined) return null;
  const right = option === asked.answer;
  return { right, words: "" };
}

function shapeGap(expected, guessed) {
  if (guessed.length === 0) return null;
  if (guessed.length !== expected.length) {
    const words = `Dimensions named: ${guessed.length}; there are ${expected.length}.`;
    return { right: false, words };
  }
  const off = expected.flatMap((size, i) => (size === guessed[i] ? [] : [`dimension ${i + 1}`]));
  return { right: off.length === 0, words: off.length ? `Off: ${off.join(", ")}.` : "Exactly." };
}

function pointsGap(points) {
  const words = `${fixed(Math.abs(points), 1)} points too ${side(points)}.`;
  return { right: Math.abs(points) <= CLOSE_POINTS, words: points === 0 ? "Exactly." : words };
}

function numberGap(expected, guessed) {
  const difference = guessed - expected;
  if (difference === 0) return { right: true, words: "Exactly." };
  if (expected === 0 || guessed * expected <= 0) {
    return { right: false, words: `${general(Math.abs(difference), 6)} too ${side(difference)}.` };
  }
  const ratio = guessed / expected;
  const right = Math.abs(difference) <= CLOSE * Math.abs(expected);
  const words =
    ratio >= 0.5 && ratio <= 2
      ? `${fixed(100 * Math.abs(ratio - 1), 0)}% too ${side(difference)}.`
      : `${general(Math.max(ratio, 1 / ratio), 3)} times too ${side(difference)}.`;
  return { right, words };
}

function side(difference) {
  return difference > 0 ? "high" : "low";
}
