/** What comes next in a sitting: the rules of utils/learning/plan.py. */

import { isDue } from "./answers.js";

const DUE_IN_A_ROW = 2; // then a new item, where there is one: old and new are mixed
export const NEW_CARDS = 4; // of a lesson in one sitting: each comes back many times

/**
 * @typedef {{id: string, way: string, lesson: string}} Task
 */

/**
 * The next thing to ask in a sitting in which `asked` came before; undefined if nothing is left.
 * @param {Task[]} tasks
 * @param {Map<string, import("./answers.js").Memory>} known
 * @param {Task[]} asked
 * @param {number} at
 * @returns {Task|undefined}
 */
export function nextTask(tasks, known, asked, at) {
  const done = new Set(asked.map((task) => task.id));
  const open = tasks.filter((task) => !done.has(task.id));
  const overdue = (task) => isDue(known.get(task.id), at);
  const due = open.filter(overdue);
  const fresh = unseen(open, known, asked);
  const recent = asked.slice(-DUE_IN_A_ROW).map(overdue);
  const rested = recent.length < DUE_IN_A_ROW || !recent.every(Boolean);
  if (due.length > 0 && (rested || fresh.length === 0)) {
    return inTurn(due.sort((a, b) => known.get(a.id).due - known.get(b.id).due), asked);
  }
  return inTurn(fresh, asked);
}

/** Unseen items of the first lesson that has any; no more cards than a sitting should bring. */
function unseen(open, known, asked) {
  const justAsked = new Set(asked.map(matter));
  let found = open.filter((task) => !known.has(task.id) && !justAsked.has(matter(task)));
  if (asked.filter((task) => task.way === "cards").length >= NEW_CARDS) {
    found = found.filter((task) => task.way !== "cards");
  }
  return found.filter((task) => task.lesson === found[0].lesson);
}

/** What an item is about: the card of a question is about the same as the question. */
function matter(task) {
  return task.id.slice(task.id.indexOf("/") + 1).replace(/^q-/, "");
}

/** The first item of the way that came least in this sitting. */
function inTurn(tasks, asked) {
  const times = (task) => asked.filter((other) => other.way === task.way).length;
  return tasks.reduce(
    (best, task) => (best === undefined || times(task) < times(best) ? task : best),
    undefined,
  );
}
