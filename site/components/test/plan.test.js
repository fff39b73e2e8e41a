import assert from "node:assert/strict";
import test from "node:test";

import { memories } from "../answers.js";
import { NEW_CARDS, nextTask } from "../plan.js";

const NOON = Date.UTC(2026, 2, 1, 12);
const DAY = 86_400_000;
const task = (id, way = "cards", lesson = "05_resnet") => ({ id, way, lesson });
const answer = (item, right = true) => ({
  at: new Date(NOON).toISOString(), item, way: "cards", lesson: "05_resnet", right,
});

function sitting(tasks, answers, days = 0) {
  const asked = [];
  const next = () => nextTask(tasks, memories(answers), asked, 1000 * (NOON + days * DAY));
  for (let found = next(); found; found = next()) asked.push(found);
  return asked.map(({ id }) => id);
}

test("after two due items comes a new one", () => {
  const tasks = ["old1", "old2", "old3", "new1"].map((id) => task(id));
  const answers = ["old1", "old2", "old3"].map((id) => answer(id, false));
  assert.deepEqual(sitting(tasks, answers, 2), ["old1", "old2", "new1", "old3"]);
});

test("nothing comes before it is due nor twice", () => {
  assert.deepEqual(sitting([task("old"), task("new")], [answer("old")]), ["new"]);
});

test("new items change their way and stay with a lesson", () => {
  const tasks = [
    task("c1"), task("c2"), task("p1", "predict"), task("q1", "quiz"),
    task("later", "predict", "06_vgg"),
  ];
  assert.deepEqual(sitting(tasks, []), ["c1", "p1", "q1", "c2", "later"]);
});

test("the card of a question waits for another sitting", () => {
  const tasks = [task("quiz/skip", "quiz"), task("cards/q-skip"), task("cards/term")];
  assert.deepEqual(sitting(tasks, []), ["quiz/skip", "cards/term"]);
});

test("a sitting brings few new cards", () => {
  const tasks = Array.from({ length: 20 }, (_, i) => task(`c${i}`));
  assert.equal(sitting(tasks, []).length, NEW_CARDS);
});
