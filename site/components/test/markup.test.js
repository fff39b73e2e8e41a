import assert from "node:assert/strict";
import test from "node:test";

import { blocks, inline } from "../markup.js";

const text = (words) => ({ kind: "text", text: words });
const code = (words) => ({ kind: "code", text: words });

test("in a question only code and formulas are markup", () => {
  assert.deepEqual(inline("`a*b` * **c** <b> $x_i$", { markdown: false }), [
    code("a*b"), text(" * **c** <b> "), { kind: "math", text: "x_i" },
  ]);
  assert.deepEqual(inline("5 $ or 6 $", { markdown: false }), [text("5 $ or 6 $")]);
});

test("Markdown has stress, escapes and code", () => {
  assert.deepEqual(inline("\\_\\_ **2 `x`** *a* b*c 2 * 3 * 4"), [
    text("__ "),
    { kind: "strong", parts: [text("2 "), code("x")] },
    text(" "),
    { kind: "em", parts: [text("a")] },
    text(" b*c 2 * 3 * 4"),
  ]);
});

test("what is stressed may hold code with stars and stronger words", () => {
  assert.deepEqual(inline("*Hint: `a*b` meets the **last** axis*"), [
    { kind: "em", parts: [
      text("Hint: "), code("a*b"), text(" meets the "), { kind: "strong", parts: [text("last")] },
      text(" axis"),
    ] },
  ]);
  assert.deepEqual(inline("**`2 ** 3` is 8**"), [
    { kind: "strong", parts: [code("2 ** 3"), text(" is 8")] },
  ]);
});

test("blocks: headings, paragraphs, lists, code", () => {
  const found = blocks(
    "## 1. One\n\nText\ngoes on.\n\n- a\n- b\n  c\n\n1. d\n\n" +
      "```python\nx = 1\n\n# no\n```\nEnd",
  );
  assert.deepEqual(found.map(({ kind }) => kind), [
    "heading", "paragraph", "list", "list", "code", "paragraph",
  ]);
  assert.deepEqual(found[2].items, [[text("a")], [text("b\nc")]]);
  assert.deepEqual(found[1].parts, [text("Text\ngoes on.")]);
  assert.deepEqual([found[2].ordered, found[3].ordered], [false, true]);
  assert.equal(found[4].text, "x = 1\n\n# no");
});
