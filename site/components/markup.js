/** The small part of Markdown that items are written in, as a tree of plain objects. */

const CODE = "`([^`]+)`";
const SEALED = "`[^`]+`"; // a star in code stresses nothing
const MATH = "\\$(?=\\S)([^$]+?)(?<=\\S)\\$";
const PLAIN = new RegExp(`${CODE}|${MATH}`, "s");
const MARKDOWN = new RegExp(
  `${CODE}|${MATH}|\\\\([\\\\\`*_{}\\[\\]<>$#.!()+-])` +
    `|\\*\\*(?=\\S)((?:${SEALED}|[^\`])+?)(?<=\\S)\\*\\*` +
    `|\\*(?=[^\\s*])((?:${SEALED}|\\*\\*[^*]+\\*\\*|[^*\`])+?)(?<=[^\\s*])\\*(?!\\*)`,
  "s",
);

/**
 * @typedef {{kind: "text"|"code"|"math", text: string}
 *   | {kind: "strong"|"em", parts: Part[]}} Part
 */

/**
 * Cuts a sentence into text, code, formulas and, in Markdown, what is stressed.
 * @param {string} text
 * @returns {Part[]}
 */
export function inline(text, { markdown = true } = {}) {
  const pattern = markdown ? MARKDOWN : PLAIN;
  const parts = [];
  let rest = text;
  for (let found = pattern.exec(rest); found; found = pattern.exec(rest)) {
    if (found.index > 0) parts.push({ kind: "text", text: rest.slice(0, found.index) });
    parts.push(part(found));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) parts.push({ kind: "text", text: rest });
  return joined(parts);
}

function part([, code, math, escaped, strong, em]) {
  if (code !== undefined) return { kind: "code", text: code };
  if (math !== undefined) return { kind: "math", text: math };
  if (escaped !== undefined) return { kind: "text", text: escaped };
  if (strong !== undefined) return { kind: "strong", parts: inline(strong) };
  return { kind: "em", parts: inline(em) };
}

/** Neighbouring texts become one: an escape cuts them apart. */
function joined(parts) {
  const found = [];
  for (const next of parts) {
    const before = found.at(-1);
    if (next.kind === "text" && before?.kind === "text") before.text += next.text;
    else found.push({ ...next });
  }
  return found;
}

/**
 * Cuts Markdown into paragraphs, headings, lists and code.
 * @param {string} text
 */
export function blocks(text) {
  const found = [];
  const fence = /^```\w*\n(.*?)\n?^```\s*$/ms;
  let rest = text;
  for (let code = fence.exec(rest); code; code = fence.exec(rest)) {
    found.push(...prose(rest.slice(0, code.index)), { kind: "code", text: code[1] });
    rest = rest.slice(code.index + code[0].length);
  }
  return [...found, ...prose(rest)];
}

const ITEM = /^(?:[-*]|(\d+)\.) +/;

function prose(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const before = found.at(-1);
    const item = ITEM.exec(line);
    if (!line.trim()) found.push(null);
    else if (/^#+ /.test(line)) found.push({ kind: "heading", text: line.replace(/^#+ /, "") });
    else if (item) addItem(found, line.slice(item[0].length), item[1] !== undefined);
    else if (before?.kind === "list") before.items.push(`${before.items.pop()}\n${line.trim()}`);
    else if (before?.kind === "paragraph") before.text += `\n${line}`;
    else found.push({ kind: "paragraph", text: line });
  }
  return found.filter(Boolean).map(cut);
}

function addItem(found, item, ordered) {
  const before = found.at(-1);
  if (before?.kind === "list" && before.ordered === ordered) before.items.push(item);
  else found.push({ kind: "list", ordered, items: [item] });
}

function cut(block) {
  if (block.kind !== "list") return { kind: block.kind, parts: inline(block.text) };
  return { ...block, items: block.items.map((item) => inline(item)) };
}
