const say = root.querySelector('[role="status"]'), list = root.querySelector("ol");
let rows = item.codes.map((code) => ({ code, indent: 0, used: true }));
const button = (label, act, name) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.setAttribute("aria-label", name);
  made.addEventListener("click", () => { act(); draw(name); });
  return made;
};
const move = (i, by) => {
  const [row] = rows.splice(i, 1);
  rows.splice(Math.max(0, Math.min(rows.length, i + by)), 0, row);
};
const draw = (focus) => {
  list.replaceChildren(...rows.map((row, i) => {
    const place = document.createElement("li"), code = document.createElement("pre");
    const named = (what) => `${what}: ${row.code.split("\n")[0]}`;
    code.textContent = row.code;
    code.style.cssText = `display:inline-block;margin:2px 8px 2px ${row.indent * item.step}ch;white-space:pre-wrap;text-decoration:${row.used ? "none" : "line-through"}`;
    place.append(
      button("↑", () => move(i, -1), named("up")), button("↓", () => move(i, 1), named("down")),
      button("←", () => { row.indent = Math.max(0, row.indent - 1); }, named("less indented")),
      button("→", () => { row.indent += 1; }, named("more indented")),
      button(row.used ? "✕" : "✓", () => { row.used = !row.used; }, named(row.used ? "leave out" : "take back")),
      code,
    );
    return place;
  }));
  const again = [...list.querySelectorAll("button")].find((b) => b.getAttribute("aria-label") === focus);
  if (again) again.focus();
};
root.querySelector("form > button").addEventListener("click", () => {
  const used = rows.filter((row) => row.used), wrong = used.find((row) => item.mistakes[row.code]);
  if (wrong) {
    say.textContent = `This line doesn't belong (${item.mistakes[wrong.code]}): ${wrong.code}`;
    return;
  }
  const first = item.lines.findIndex((line, i) => !used[i] || used[i].code !== line.code || used[i].indent !== line.indent);
  if (first < 0 && used.length === item.lines.length) say.textContent = "Right.";
  else if (used.length < item.lines.length) say.textContent = "A line is missing.";
  else say.textContent = `Right up to line ${first}; look at line ${first + 1}, its place and how far it is set in.`;
});
draw("");
