/** Bug hunts: what is asked about a function with one mistake, and what counts as right. */

import { sameCode } from "./python_code.js";
import { shuffled } from "./shuffle.js";

/**
 * @typedef {{id: string, code: string, first: number, last: number, mended: string,
 *   mistake: string, others: string[]}} Hunt
 */

/** Whether a line was left out, so that nothing of the code itself is wrong. */
export function lacksLine(hunt) {
  return hunt.last < hunt.first;
}

/** The rows of the code; where the last line is missing, an empty one stands for the end. */
export function rows(hunt) {
  const found = hunt.code.replace(/\n+$/, "").split("\n");
  return lacksLine(hunt) && hunt.first > found.length ? [...found, ""] : found;
}

/** Whether the line, counted from 1, is where the mistake is. */
export function rightLine(hunt, line) {
  return line >= hunt.first && line <= Math.max(hunt.first, hunt.last);
}

/** Names of mistakes to choose among, the right one somewhere among them. */
export function names(hunt) {
  return shuffled([hunt.mistake, ...hunt.others], hunt.id);
}

/** The lines to be mended, as they stand there: nothing where one is missing. */
export function faulty(hunt) {
  return lacksLine(hunt) ? "" : rows(hunt).slice(hunt.first - 1, hunt.last).join("\n");
}

/** Which lines these are, in words. */
export function place(hunt) {
  if (lacksLine(hunt)) return `the line before line ${hunt.first}`;
  return hunt.first === hunt.last ? `line ${hunt.first}` : `lines ${hunt.first} to ${hunt.last}`;
}

/** The code with this text in the place of the mistake, set in like it where it isn't. */
export function mend(hunt, text) {
  const all = hunt.code.replace(/\n+$/, "").split("\n");
  const like = all[Math.min(hunt.first, all.length) - 1];
  let lines = text.split("\n").filter((line) => line.trim());
  if (lines.length > 0 && !/^\s/.test(lines[0])) {
    lines = lines.map((line) => /^\s*/.exec(like)[0] + line);
  }
  return [...all.slice(0, hunt.first - 1), ...lines, ...all.slice(hunt.last)].join("\n") + "\n";
}

/** Whether the mended code is the one that the course knows, but for spaces and comments. */
export function mendedLikeOurs(hunt, text) {
  return sameCode(mend(hunt, text), hunt.mended);
}
