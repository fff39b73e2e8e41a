import assert from "node:assert/strict";
import test from "node:test";

import { fromLines, keyOf, memories, moment, summary, toLines } from "../answers.js";

const NOON = Date.UTC(2026, 2, 1, 12);
const DAY = 86_400_000;

const answer = (item, { right = true, days = 0, way = "cards" } = {}) => ({
  at: new Date(NOON + days * DAY).toISOString(), item, way, lesson: "05_resnet", right,
});
const due = (...answers) => {
  const found = memories(answers).get(answers[0].item).due;
  return found === null ? null : (found / 1000 - NOON) / DAY;
};

test("a card comes back after 1, 3, 7, 16 and 35 days", () => {
  const [answers, waits] = [[], []];
  for (let day = 0, i = 0; i < 6; i += 1) {
    answers.push(answer("card", { days: day }));
    waits.push(due(...answers) - day);
    day += waits.at(-1);
  }
  assert.deepEqual(waits, [1, 3, 7, 16, 35, 35]);
});

test("a card that wasn't known begins again", () => {
  const answers = [
    answer("card"), answer("card", { days: 1 }), answer("card", { right: false, days: 4 }),
  ];
  assert.equal(due(...answers), 5);
  assert.equal(due(...answers, answer("card", { days: 5 })), 6);
  const { seen, right } = memories([...answers, answer("card", { days: 5 })]).get("card");
  assert.deepEqual([seen, right], [4, 3]);
});

test("knowing a card twice on a day says nothing about the next", () => {
  assert.equal(due(answer("card"), answer("card", { days: 0.1 })), 1);
});

test("a missed question comes back the next day, and a known one never", () => {
  const missed = answer("q", { right: false, way: "quiz" });
  assert.equal(due(missed), 1);
  assert.equal(due(missed, answer("q", { days: 1, way: "quiz" })), null);
});

test("the order of the answers is that of their time, not of the list", () => {
  const missed = answer("q", { right: false, way: "quiz" });
  assert.equal(due(answer("q", { days: 1, way: "quiz" }), missed), null);
});

test("moments keep microseconds and zones", () => {
  assert.equal(moment("2026-03-01T12:00:00.000001Z"), 1000 * NOON + 1);
  assert.equal(moment("2026-03-01T13:00:00+01:00"), 1000 * NOON);
  assert.equal(moment("2026-03-01 12:00"), 1000 * NOON);
  assert.ok(Number.isNaN(moment("yesterday")));
  assert.ok(Number.isNaN(moment("2026-13-01T12:00:00Z")));
});

test("the same answer has the same key, however its time is written", () => {
  const one = answer("a");
  assert.equal(keyOf(one), keyOf({ ...one, at: "2026-03-01T13:00:00+01:00" }));
  assert.notEqual(keyOf(one), keyOf({ ...one, item: "b" }));
});

test("the file is written and read in the form of the terminal", () => {
  const answers = [answer("cards/b", { days: 1 }), answer("cards/a", { right: false })];
  const text = toLines(answers);
  assert.equal(text.split("\n")[0],
    '{"at":"2026-03-01T12:00:00.000Z","item":"cards/a","way":"cards","lesson":"05_resnet",' +
    '"right":false}');
  assert.deepEqual(fromLines(text), { answers: answers.toReversed(), unread: 0 });
});

test("a line that was cut short, or is none, costs itself alone", () => {
  const text = `\ufeff${toLines([answer("a")])}{"at": "2026-0\r\n[]\nnull\n{"at": 3}\n\n`;
  const found = fromLines(text + toLines([answer("b")]));
  assert.deepEqual(found.answers.map(({ item }) => item), ["a", "b"]);
  assert.equal(found.unread, 4);
});

test("the summary counts by lesson and way", () => {
  const items = ["a", "b", "c"].map((id) => ({ id, way: "cards", lesson: "05_resnet" }));
  const answers = [answer("a"), answer("b", { right: false })];
  const row = summary(items, answers, 1000 * (NOON + 2 * DAY))["05_resnet"];
  assert.deepEqual(row.cards, { items: 3, seen: 2, right: 1, due: 2 });
  assert.deepEqual(row.parsons, { items: 0, seen: 0, right: 0, due: 0 });
});
