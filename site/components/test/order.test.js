import assert from "node:assert/strict";
import test from "node:test";

import { assembled, judged, mixedLines } from "../order.js";
import { shuffled } from "../shuffle.js";

const line = (code, indent = 1) => ({ code, indent });
const problem = {
  id: "small",
  lines: [line("def f(x):", 0), line("y = x"), line("z = 2 * y"), line("return z")],
  distractors: [{ code: "return y", instead_of: 3, mistake: "not doubled" }],
};
const said = (lines) => judged(problem, lines);

test("the stored order is right", () => {
  assert.deepEqual(said(problem.lines), { verdict: "right", words: "Right." });
});

test("a line that doesn't belong is named with its mistake", () => {
  const { verdict, words } = said([...problem.lines.slice(0, 3), line("return y")]);
  assert.equal(verdict, "wrong");
  assert.equal(words, "This line doesn't belong (not doubled): return y");
});

test("a missing line and a wrong indentation are wrong", () => {
  assert.equal(said(problem.lines.slice(1)).words, "A line is missing.");
  const [first, ...rest] = problem.lines;
  const found = said([first, line("y = x", 2), ...rest.slice(1)]);
  assert.equal(found.verdict, "wrong");
  assert.match(found.words, /^Right up to line 1; look at line 2, .*set in\.$/);
});

test("another order isn't called wrong: its tests don't run here", () => {
  const [a, b, c, d] = problem.lines;
  const { verdict, words } = said([a, c, b, d]);
  assert.equal(verdict, "unknown");
  assert.match(words, /^Right up to line 1;.*course learn/s);
});

test("lines are mixed in the same way each time, and none is lost", () => {
  assert.deepEqual(mixedLines(problem), mixedLines(problem));
  assert.equal(new Set(mixedLines(problem)).size, 5);
  const letters = [..."abcdefgh"];
  assert.notDeepEqual(shuffled(letters, "one"), shuffled(letters, "other"));
  assert.deepEqual(shuffled(letters, "one").toSorted(), letters);
});

test("lines of several rows are set in together", () => {
  const code = assembled([line("if x:", 0), line("y = (1,\n     2)")]);
  assert.equal(code, "if x:\n    y = (1,\n         2)\n");
});
