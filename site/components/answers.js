/**
 * What a learner saw and got right, in the form of the file of `course progress`: one JSON line
 * an answer, with `at`, `item`, `way`, `lesson` and `right` (utils/learning/progress.py).
 */

export const ASKED = ["predict", "quiz", "cards", "parsons", "bugs", "reading"];
const WAYS = new Set([...ASKED, "lesson", "sheet", "trace", "make"]);
const INTERVALS = [1, 3, 7, 16, 35]; // days until a card comes back, by how often it was known
const DAY = 86_400e6; // microseconds, in which the file of `course progress` counts

/**
 * @typedef {{at: string, item: string, way: string, lesson: string, right: boolean}} Answered
 * @typedef {{seen: number, right: number, lastRight: boolean, due: number|null}} Memory
 */

const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/i;

/** A moment in microseconds since 1970; NaN if the text isn't one. Without a zone it is UTC. */
export function moment(at) {
  const found = TIME.exec(at);
  if (!found) return NaN;
  const [, date, minutes, seconds = "00", fraction = "", zone = "Z"] = found;
  const known = zone.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2").toUpperCase();
  const whole = Date.parse(`${date}T${minutes}:${seconds}${known}`);
  return 1000 * whole + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** This moment, in the same unit. */
export function now() {
  return 1000 * Date.now();
}

/** What makes an answer the same one, wherever it was read from. */
export function keyOf(answered) {
  return `${moment(answered.at)}|${answered.item}|${answered.right}`;
}

/** In the order in which they were given. */
export function inOrder(answers) {
  const dated = answers.map((answered) => [moment(answered.at), answered]);
  return dated.sort((one, other) => one[0] - other[0]).map(([, answered]) => answered);
}

/** The file's text. */
export function toLines(answers) {
  const lines = inOrder(answers).map(({ at, item, way, lesson, right }) =>
    JSON.stringify({ at, item, way, lesson, right }),
  );
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Reads the file's text; lines that aren't answers, or were cut short, are counted and left out.
 * @returns {{answers: Answered[], unread: number}}
 */
export function fromLines(text) {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim());
  const answers = lines.map(readLine).filter(Boolean);
  return { answers, unread: lines.length - answers.length };
}

function readLine(line) {
  let found;
  try {
    found = JSON.parse(line);
  } catch {
    return null;
  }
  const { at, item, way, lesson, right } = found ?? {};
  const texts = [at, item, lesson].every((text) => typeof text === "string");
  const fits = texts && WAYS.has(way) && typeof right === "boolean" && !Number.isNaN(moment(at));
  return fits ? { at, item, way, lesson, right } : null;
}

/**
 * By item, what its answers say. A card comes back after 1, 3, 7, 16 and 35 days while it is
 * known, else the next day; any other item comes back the day after a miss, until it is right.
 * @param {Answered[]} answers
 * @returns {Map<string, Memory>}
 */
export function memories(answers) {
  const byItem = new Map();
  for (const answered of inOrder(answers)) {
    if (!byItem.has(answered.item)) byItem.set(answered.item, []);
    byItem.get(answered.item).push(answered);
  }
  return new Map([...byItem].map(([item, own]) => [item, memory(own)]));
}

function memory(answers) {
  let known = 0;
  let due = null;
  for (const { at, way, right } of answers) {
    const given = moment(at);
    if (!right) [known, due] = [0, given + DAY];
    else if (way !== "cards") due = null;
    else if (due === null || given >= due) {
      // Knowing it again before it is due says nothing about the next time.
      due = given + INTERVALS[Math.min(known, INTERVALS.length - 1)] * DAY;
      known += 1;
    }
  }
  const right = answers.filter((answered) => answered.right).length;
  return { seen: answers.length, right, lastRight: answers.at(-1).right, due };
}

/** Whether an item that was seen should be asked again. */
export function isDue(known, at) {
  return known !== undefined && known.due !== null && known.due <= at;
}

/**
 * By lesson and way: how many items there are, were seen, were right at last, and are due.
 * @param {{id: string, way: string, lesson: string}[]} items
 * @param {Answered[]} answers
 */
export function summary(items, answers, at) {
  const known = memories(answers);
  const table = {};
  const empty = () => ({ items: 0, seen: 0, right: 0, due: 0 });
  for (const { id, way, lesson } of items) {
    table[lesson] ??= Object.fromEntries(ASKED.map((one) => [one, empty()]));
    const cell = table[lesson][way];
    const found = known.get(id);
    cell.items += 1;
    if (!found) continue;
    cell.seen += 1;
    cell.right += Number(found.lastRight);
    cell.due += Number(isDue(found, at));
  }
  return table;
}
