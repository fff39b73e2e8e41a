/** `<course-progress>`: what was seen, was right and is due; export, import, deletion. */

import { ASKED, fromLines, now, summary, toLines } from "./answers.js";
import { button, download, goTo, h, reachWhereWide, uniqueId } from "./dom.js";
import { CourseElement, EXPORTED } from "./element.js";
import { store } from "./store.js";

const MOST_BYTES = 50e6; // of a file to import: ten years of answers are less than ten megabytes

export class CourseProgress extends CourseElement {
  render() {
    this.only = this.getAttribute("lesson");
    this.lessons = this.data.lessons.filter(({ name }) => !this.only || name === this.only);
    this.wrapper = h("div", { class: "course-wide" });
    reachWhereWide(this.wrapper, "Table of progress");
    this.append(this.wrapper);
    if (!this.only) this.append(...this.#controls());
  }

  async showEarlier() {
    const answers = await store().all();
    this.wrapper.replaceChildren(this.#table(summary(this.data.items, answers, now())));
    this.count = answers.length;
    if (this.erase) this.erase.disabled = this.count === 0;
  }

  #table(found) {
    const head = ["lesson", ...ASKED].map((name) => h("th", { scope: "col" }, name));
    const rows = this.lessons.map((lesson) => {
      const cells = ASKED.map((way) => cell(found[lesson.name]?.[way]));
      return h("tr", {}, h("th", { scope: "row" }, lessonLink(lesson)), ...cells);
    });
    if (!this.only) rows.push(totals(found));
    return h(
      "table",
      { class: "course-table" },
      h("caption", {}, "Right at last / seen / all, and how many are due"),
      h("thead", {}, h("tr", {}, ...head)),
      h("tbody", {}, ...rows),
    );
  }

  #controls() {
    this.say = h("p", { class: "course-say", role: "status" });
    const id = uniqueId("file");
    const file = h("input", { type: "file", id, class: "course-input", accept: ".jsonl,.txt" });
    file.addEventListener("change", () => this.#import(file));
    this.erase = button("Delete all answers", () => this.#askToDelete());
    this.sure = h("div", { class: "course-buttons" });
    return [
      h("div", { class: "course-buttons" },
        button("Export all answers", () => this.#export(), { class: "course-button course-main" }),
        h("label", { for: id }, "Import a file of answers:"), file, this.erase),
      this.sure,
      this.say,
      h("p", { class: "course-tip" }, WHERE[0], h("code", {}, "course progress"), WHERE[1]),
    ];
  }

  async #export() {
    const answers = await store().all();
    download(EXPORTED, toLines(answers));
    this.say.textContent = `${counted(answers.length)} written to ${EXPORTED}.`;
  }

  async #import(input) {
    const [file] = input.files;
    if (!file) return;
    this.say.textContent = await imported(file);
    input.value = ""; // so that the same file can be chosen again
  }

  #askToDelete() {
    const stop = () => {
      this.sure.replaceChildren();
      goTo(this.erase);
    };
    const erase = async () => {
      const [count, done] = [this.count, await store().clear()];
      this.sure.replaceChildren();
      this.say.textContent = done
        ? `${counted(count)} deleted.`
        : "The browser refused to delete its copy: delete this site's data in its settings.";
      goTo(this.say);
    };
    const words = `Delete ${counted(this.count)} for good? Export them first to keep a copy.`;
    const keep = button("Keep them", stop);
    this.sure.replaceChildren(h("p", {}, words), keep, button("Delete them", erase));
    goTo(keep);
  }
}

const WHERE = [
  "Answers are kept in this browser and sent nowhere. The exported file has the form of the one " +
    "that ",
  " names in a terminal: import that file here, export all, and put the result in its place.",
];

/** Adds the answers of a file; returns what to say about it. */
async function imported(file) {
  if (file.size > MOST_BYTES) return `${file.name} is too large for a file of answers.`;
  let text;
  try {
    text = await file.text();
  } catch {
    return `${file.name} can't be read: choose it again.`;
  }
  const { answers, unread } = fromLines(text);
  if (answers.length === 0) {
    return `${file.name} holds no answers: choose a file that was exported here, or the one that ` +
      "course progress names.";
  }
  const fresh = await store().merge(answers);
  const left = unread === 0 ? "" : ` ${unread} lines could not be read and were left out.`;
  return `${counted(fresh)} added; ${answers.length - fresh} were here already.${left}`;
}

function counted(count) {
  return count === 1 ? "1 answer" : `${count} answers`;
}

function lessonLink({ name, title, href }) {
  return href ? h("a", { href }, title ?? name) : (title ?? name);
}

function cell(found) {
  if (!found || found.items === 0) return h("td", {}, "–");
  const due = found.due > 0 ? [" ", h("strong", { class: "course-due" }, `${found.due} due`)] : [];
  return h("td", {}, `${found.right}/${found.seen}/${found.items}`, ...due);
}

/** The last row: an item of two lessons counts in both, as in the rows above. */
function totals(found) {
  const cells = ASKED.map((way) => {
    const sum = { items: 0, seen: 0, right: 0, due: 0 };
    for (const row of Object.values(found)) {
      for (const name of Object.keys(sum)) sum[name] += row[way][name];
    }
    return cell(sum);
  });
  return h("tr", { class: "course-total" }, h("th", { scope: "row" }, "all"), ...cells);
}
