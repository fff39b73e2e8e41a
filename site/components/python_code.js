/** Compares Python code but for spaces and comments, without running it. */

// Strings come first: a # or a space inside one belongs to it.
const TOKEN = new RegExp(
  [
    "(?<string>[a-z]{0,2}(?:\"\"\"[^]*?\"\"\"|'''[^]*?'''|" +
      "\"(?:\\\\[^]|[^\"\\\\\\n])*\"|'(?:\\\\[^]|[^'\\\\\\n])*'))",
    "(?<comment>#[^\\n]*)",
    "(?<joined>\\\\\\n)",
    "(?<line>\\n)",
    "(?<space>[ \\t\\r]+)",
    "(?<word>[\\p{L}\\p{N}_.]+)",
    "(?<sign>[^])",
  ].join("|"),
  "giu",
);

/** Whether two pieces of code are the same but for spaces, comments and the kind of quotes. */
export function sameCode(one, other) {
  const [left, right] = [statements(one), statements(other)];
  return left.length === right.length && left.every((line, i) => line === right[i]);
}

/**
 * The statements' lines of a piece of code, each with its level and its tokens. What stands in
 * brackets over several lines is one.
 */
export function statements(source) {
  const found = [];
  let [tokens, depth, column, fresh] = [[], 0, 0, true];
  const end = () => {
    if (tokens.length > 0) found.push({ column, text: tokens.join(" ") });
    [tokens, column, fresh] = [[], 0, true];
  };
  for (const { 0: text, groups } of source.matchAll(TOKEN)) {
    if (groups.line !== undefined && depth === 0) end();
    else if (groups.space !== undefined && fresh) column = text.replaceAll("\t", "    ").length;
    if (groups.string === undefined && groups.word === undefined && groups.sign === undefined) {
      continue;
    }
    fresh = false;
    if ("([{".includes(text)) depth += 1;
    if (")]}".includes(text)) depth = Math.max(0, depth - 1);
    tokens.push(groups.string === undefined ? text : quoted(text));
  }
  end();
  return levels(found);
}

/** Counts levels instead of spaces: two or four spaces a level say the same. */
function levels(lines) {
  const columns = [];
  return lines.map(({ column, text }) => {
    while (columns.length > 0 && columns.at(-1) > column) columns.pop();
    if (columns.at(-1) !== column) columns.push(column);
    return `${columns.length} ${text}`;
  });
}

/** A string in double quotes, where that changes nothing else. */
function quoted(text) {
  return text.replace(/^([a-z]{0,2})'([^'"\\\n]*)'$/i, '$1"$2"');
}
