/** Parsons problems: which lines are shown, and what is said about an order. */

import { shuffled } from "./shuffle.js";

export const STEP = 4; // spaces of a level

/**
 * @typedef {{code: string, indent: number}} Line
 * @typedef {{code: string, instead_of: number, mistake: string}} Distractor
 * @typedef {{id: string, lines: Line[], distractors: Distractor[]}} Problem
 * @typedef {"right"|"wrong"|"unknown"} Verdict
 */

/** Right lines and distractors, mixed in the same way each time. */
export function mixedLines(problem) {
  const lines = [...problem.lines, ...problem.distractors];
  return shuffled(lines.map((line) => line.code), problem.id);
}

/**
 * Judges the lines that are used, in their order. Where all of them belong and only their order
 * or indentation differs, this page can't tell whether that is right too.
 * @param {Problem} problem
 * @param {Line[]} used
 * @returns {{verdict: Verdict, words: string}}
 */
export function judged(problem, used) {
  const mistakes = new Map(problem.distractors.map((line) => [line.code, line.mistake]));
  const stray = used.find((line) => mistakes.has(line.code));
  if (stray) {
    const mistake = mistakes.get(stray.code);
    return { verdict: "wrong", words: `This line doesn't belong (${mistake}): ${stray.code}` };
  }
  const { lines } = problem;
  if (used.length < lines.length) return { verdict: "wrong", words: "A line is missing." };
  const first = lines.findIndex(
    (line, i) => used[i].code !== line.code || used[i].indent !== line.indent,
  );
  if (first < 0) return { verdict: "right", words: "Right." };
  const place =
    `Right up to line ${first}; look at line ${first + 1}, its place and how far it is set in.`;
  const moved = lines.some((line, i) => used[i].code !== line.code);
  return moved
    ? { verdict: "unknown", words: `${place} ${ANOTHER_ORDER}` }
    : { verdict: "wrong", words: place };
}

const ANOTHER_ORDER =
  "That is by the one order that this page knows: whether another one works too, only the " +
  "exercise's tests can tell, and they run with `course learn --mode parsons`.";

/** The code of these lines, in this order. */
export function assembled(lines) {
  const rows = lines.flatMap(({ code, indent }) =>
    code.split("\n").map((row) => (row.trim() ? " ".repeat(STEP * indent) + row : row)),
  );
  return `${rows.join("\n")}\n`;
}
