import assert from "node:assert/strict";
import test from "node:test";

import { drawTest, verdict } from "../draw.js";

const bank = Array.from({ length: 60 }, (_, i) => ({
  id: `q${i}`, lesson: i % 15, difficulty: ["easy", "medium", "hard"][Math.floor(i / 15) % 3],
}));

test("a test has ten questions, from easy to hard, from all sections", () => {
  for (let i = 0; i < 50; i += 1) {
    const drawn = drawTest(bank);
    const levels = drawn.map(({ difficulty }) => difficulty[0]).join("");
    assert.equal(levels, "eeeemmmhhh");
    assert.equal(new Set(drawn.map(({ id }) => id)).size, 10);
    assert.ok(drawn.filter(({ lesson }) => lesson >= 5 && lesson <= 7).length >= 2);
  }
});

test("a bank without such a mix is asked in full", () => {
  assert.deepEqual(drawTest(bank.slice(0, 5)), bank.slice(0, 5));
});

test("the verdict weighs the hard ones and names the weakest lesson", () => {
  const answers = (easy, hard) => [
    ...Array.from({ length: 7 }, (_, i) => ({ difficulty: "easy", lesson: i, right: i < easy })),
    ...Array.from({ length: 3 }, (_, i) => ({ difficulty: "hard", lesson: 6, right: i < hard })),
  ];
  assert.equal(verdict(answers(7, 2)), "strong");
  assert.equal(verdict(answers(7, 1)), "nearly");
  assert.equal(verdict(answers(3, 1)), "review lesson 6");
});
