import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { faulty, lacksLine, mend, mendedLikeOurs, names, place, rightLine, rows } from "../hunt.js";
import { sameCode, statements } from "../python_code.js";

const ITEMS = new URL("../../../learning/items/", import.meta.url);
const hunts = readdirSync(ITEMS)
  .filter((name) => name.startsWith("ex"))
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, ITEMS), "utf8")).bugs);

test("spaces, comments and quotes change nothing", () => {
  const one = "def f(a, b):\n    # why\n    return {'a': a  +b,\n        'b': \"it's\"}  # done\n";
  const other = 'def f( a,b ):\n\n  return {"a": a + b, "b": "it\'s"}\n';
  assert.ok(sameCode(one, other));
});

test("what a string holds, names, and levels do change something", () => {
  for (const [one, other] of [
    ['x = "a # b"', 'x = "a # c"'],
    ['x = "a b"', 'x = "ab"'],
    ["not x", "notx"],
    ["if a:\n    b\n    c", "if a:\n    b\nc"],
    ["x = 1", "x = 1.0"],
    ["r'a'", "'a'"],
  ]) {
    assert.ok(!sameCode(one, other), one);
  }
});

test("a docstring may span lines, and a backslash joins two", () => {
  const code = 'def f():\n    """One\n\n    two"""\n    return 1 + \\\n        2\n';
  assert.equal(statements(code).length, 3);
});

test("all hunts of the course: broken code differs, and mending it as ours is right", () => {
  assert.ok(hunts.length > 100);
  for (const hunt of hunts) {
    assert.ok(!sameCode(hunt.code, hunt.mended), hunt.id);
    assert.ok(!mendedLikeOurs(hunt, faulty(hunt)), hunt.id);
    assert.ok(mendedLikeOurs(hunt, inPlace(hunt)), hunt.id);
    assert.ok(rightLine(hunt, hunt.first) && !rightLine(hunt, 1), hunt.id);
    assert.ok(hunt.first <= rows(hunt).length, hunt.id);
    assert.deepEqual(names(hunt).toSorted(), [hunt.mistake, ...hunt.others].toSorted());
  }
});

/** The rows of the mended code that stand where the mistake is. */
function inPlace(hunt) {
  const [broken, mended] = [hunt.code, hunt.mended].map((code) => code.trimEnd().split("\n"));
  const behind = broken.length - hunt.last;
  return mended.slice(hunt.first - 1, mended.length - behind).join("\n");
}

test("a missing line is put in before the line, set in like it", () => {
  const hunt = { code: "def f():\n    a()\n    c()\n", first: 3, last: 2 };
  assert.ok(lacksLine(hunt));
  assert.equal(place(hunt), "the line before line 3");
  assert.equal(mend(hunt, "b()\n"), "def f():\n    a()\n    b()\n    c()\n");
  const atTheEnd = { ...hunt, first: 4, last: 3 };
  assert.equal(mend(atTheEnd, "    d()"), "def f():\n    a()\n    c()\n    d()\n");
  assert.equal(rows(atTheEnd).length, 4);
});
