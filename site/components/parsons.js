/** `<course-parsons>`: put the lines of a function in order, by mouse, finger or keyboard. */

import { button, codeBlock, goTo, h, markdown, plainText, typeset } from "./dom.js";
import { dragged } from "./drag.js";
import { CourseElement, itemBox, showLast } from "./element.js";
import { assembled, judged, mixedLines } from "./order.js";

const TRIES = 3; // then it counts as missed, as in the terminal
const MOST_LEVELS = 12;

export class CourseParsons extends CourseElement {
  render() {
    this.asked = this.items("parsons");
    this.boxes = this.asked.map((problem, i) => {
      const title = `Problem ${i + 1} of ${this.asked.length}: ${functionName(problem)}`;
      const fill = (body) => this.#ask(problem, body);
      return itemBox({ title, level: this.level, folded: i > 0, fill });
    });
    this.append(...this.boxes.map(({ box }) => box));
  }

  showEarlier(known) {
    this.asked.forEach((problem, i) => {
      showLast(this.boxes[i].last, known.get(`parsons/${problem.id}`));
    });
  }

  #ask(problem, body) {
    const say = h("p", { class: "course-say", role: "status" });
    const list = h("ol", { class: "course-lines", "aria-label": "Lines" });
    const rows = mixedLines(problem).map((code) => new Row(code, list, say));
    list.append(...rows.map((row) => row.place));
    const state = { problem, list, say, body, tries: 0, kept: false };
    const task = h("details", { class: "course-hint", open: true }, h("summary", {}, "The task"));
    task.append(...markdown(problem.task));
    const check = button("Check", () => this.#check(state), { class: "course-button course-main" });
    const show = button("Show the solution", () => this.#solve(state));
    body.append(task, h("p", { class: "course-tip" }, HOW), list);
    body.append(h("div", { class: "course-buttons" }, check, show), say);
    typeset(body);
  }

  #check(state) {
    const used = [...state.list.children].map((place) => place.row).filter((row) => row.used);
    const lines = used.map(({ code, indent }) => ({ code, indent }));
    const { verdict, words } = judged(state.problem, lines);
    state.say.textContent = "";
    state.say.classList.toggle("course-good", verdict === "right");
    // Emptied first, so that the same words are said again.
    requestAnimationFrame(() => state.say.replaceChildren(...plainText(words)));
    if (verdict === "wrong") state.tries += 1;
    if (verdict === "right") this.#count(state, true);
    else if (state.tries >= TRIES) this.#count(state, false);
  }

  #solve(state) {
    this.#count(state, false);
    const { lines, distractors } = state.problem;
    const strays = distractors.map((line) =>
      h("li", {}, h("code", {}, line.code.trim()), ` doesn't belong: ${line.mistake}.`),
    );
    const solution = h("div", { class: "course-result" }, codeBlock(assembled(lines)));
    solution.append(h("ul", {}, ...strays));
    state.body.querySelector(".course-result")?.remove();
    state.body.append(solution);
    goTo(solution);
  }

  /** Counts a problem once, by what came first. */
  #count(state, right) {
    if (state.kept) return;
    state.kept = true;
    const [item, lesson] = [`parsons/${state.problem.id}`, this.lessonOf(state.problem)];
    this.keep({ item, way: "parsons", lesson, right });
  }
}

const HOW =
  "Put the lines in order and indent them; some don't belong and have to be left out. Drag a " +
  "line by its handle, or use its buttons.";

function functionName(problem) {
  return /(?:def|class) (\w+)/.exec(problem.lines[0].code)?.[1] ?? problem.cell;
}

/** One line: where it stands is its place in the list. */
class Row {
  constructor(code, list, say) {
    Object.assign(this, { code, list, say, indent: 0, used: true });
    const first = code.split("\n")[0];
    const act = (label, name, change) =>
      button(label, () => this.#do(change), { "aria-label": `${name}: ${first}` });
    const handle = h("span", { class: "course-handle", "aria-hidden": "true" }, "⠿");
    this.shown = h("pre", { class: "course-line" }, h("code", {}, code));
    this.leave = act("✕", "Leave out", () => (this.used = !this.used));
    this.leave.setAttribute("aria-pressed", "false");
    this.place = h("li", {}, handle, this.shown, h("span", { class: "course-moves" },
      act("↑", "Up", () => this.move(-1)), act("↓", "Down", () => this.move(1)),
      act("←", "Less indented", () => this.setIn(this.indent - 1)),
      act("→", "More indented", () => this.setIn(this.indent + 1)), this.leave));
    this.place.row = this;
    dragged(handle, this);
  }

  /** Lets the neighbour jump over this line, which so keeps the focus and the pointer. */
  move(by) {
    if (by < 0) this.place.previousElementSibling && this.place.after(this.place.previousSibling);
    else this.place.nextElementSibling && this.place.before(this.place.nextSibling);
  }

  setIn(level) {
    this.indent = Math.max(0, Math.min(MOST_LEVELS, level));
    this.place.style.setProperty("--course-level", this.indent);
  }

  #do(change) {
    change();
    this.place.classList.toggle("course-unused", !this.used);
    this.leave.setAttribute("aria-pressed", String(!this.used));
    this.tell();
  }

  /** Says where the line is now, for those who don't see it. */
  tell() {
    const number = [...this.list.children].indexOf(this.place) + 1;
    const used = this.used ? `level ${this.indent}` : "left out";
    this.say.classList.remove("course-good");
    this.say.textContent = `Line ${number} of ${this.list.children.length}, ${used}.`;
  }
}
