/** `<course-bugs>`: find the line with the mistake, name the mistake, mend it. */

import {
  button, chosen, close, codeBlock, goTo, h, mark, markdown, plainText, radios, reachWhereWide,
  typeset, uniqueId,
} from "./dom.js";
import { CourseElement, itemBox, showLast } from "./element.js";
import { faulty, lacksLine, mendedLikeOurs, names, place, rightLine, rows } from "./hunt.js";

export class CourseBugs extends CourseElement {
  render() {
    this.asked = this.items("bugs");
    this.boxes = this.asked.map((hunt, i) => {
      const title = `Hunt ${i + 1} of ${this.asked.length}: ${functionName(hunt)}`;
      const fill = (body) => this.#begin(hunt, body);
      return itemBox({ title, level: this.level, folded: i > 0, fill });
    });
    this.append(...this.boxes.map(({ box }) => box));
  }

  showEarlier(known) {
    this.asked.forEach((hunt, i) => showLast(this.boxes[i].last, known.get(`bugs/${hunt.id}`)));
  }

  #begin(hunt, body) {
    const task = h("details", { class: "course-hint", open: true }, h("summary", {}, "The task"));
    task.append(...markdown(hunt.task));
    body.append(task);
    typeset(body);
    askLine(hunt, body, (found) =>
      askMistake(hunt, body, (named) => {
        const right = found && named;
        const [item, lesson] = [`bugs/${hunt.id}`, this.lessonOf(hunt)];
        this.keep({ item, way: "bugs", lesson, right });
        askMended(hunt, body);
      }),
    );
  }
}

function functionName(hunt) {
  return /(?:def|class) (\w+)/.exec(hunt.code)?.[1] ?? hunt.cell;
}

/**
 * One step with radio buttons: a question, the options, a verdict.
 * @param {{question: string, labels: Node[][], right: (i: number) => boolean, best: number,
 *   missed: string, className?: string, values?: number[]}} step
 */
function choose(body, step, go) {
  const id = uniqueId("question");
  const { labels, className } = step;
  const group = radios({ name: uniqueId("option"), labelledby: id, labels, className });
  if (className) reachWhereWide(group, "Lines of code");
  const say = h("p", { class: "course-say", role: "status" });
  const check = h("button", { class: "course-button" }, "Check");
  const form = h("form", {}, h("p", { id }, step.question), group, check, say);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = chosen(group);
    if (given < 0) {
      say.textContent = "Choose one first.";
      return;
    }
    const right = step.right(given);
    close(group);
    check.remove();
    say.remove();
    mark(group, right ? given : step.best, true, right ? "right" : "here it is");
    if (!right) mark(group, given, false, "your choice");
    const words = right ? "Right." : `Not this time. ${step.missed}`;
    const result = h("p", { class: "course-verdict" }, h("strong", {}, words));
    form.append(result);
    go(right);
    goTo(result);
  });
  body.append(form);
}

function askLine(hunt, body, go) {
  const labels = rows(hunt).map((row, i) => [
    h("span", { class: "course-number" }, `${i + 1} `),
    h("code", {}, row),
  ]);
  choose(body, {
    question: lacksLine(hunt)
      ? "One line is missing in this function. Before which line?"
      : "One thing is wrong in this function. Which line is wrong?",
    labels,
    right: (i) => rightLine(hunt, i + 1),
    best: hunt.first - 1,
    missed: `It is line ${hunt.first}.`,
    className: "course-numbered",
  }, go);
}

function askMistake(hunt, body, go) {
  const listed = names(hunt);
  choose(body, {
    question: "Which mistake is it?",
    labels: listed.map((name) => [document.createTextNode(name)]),
    right: (i) => listed[i] === hunt.mistake,
    best: listed.indexOf(hunt.mistake),
    missed: `It is: ${hunt.mistake}.`,
  }, go);
}

const NOT_OURS =
  "This isn't the code that the course knows, and another one may work as well: only the " +
  "exercise's tests can tell, and they run with `course learn --mode bugs`, not in a browser.";

function askMended(hunt, body) {
  const id = uniqueId("mended");
  const area = h("textarea", {
    id, class: "course-input course-mended", spellcheck: "false", autocapitalize: "off",
    rows: Math.max(3, hunt.last - hunt.first + 3),
  });
  area.value = faulty(hunt);
  const say = h("p", { class: "course-say", role: "status" });
  const check = h("button", { class: "course-button" }, "Compare with the mended code");
  const buttons = h("div", { class: "course-buttons" }, check);
  const label = h("label", { for: id }, `Mend ${place(hunt)}: write it as it should be`);
  const form = h("form", {}, label, area, buttons, say, h("p", { class: "course-tip" }, COUNTED));
  const show = () => {
    area.disabled = true;
    buttons.remove();
    const solution = h("div", { class: "course-result" }, codeBlock(hunt.mended));
    body.append(solution);
    goTo(solution);
  };
  buttons.append(button("Show the mended code", show));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const same = mendedLikeOurs(hunt, area.value);
    say.classList.toggle("course-good", same);
    const words = same ? "Right: this is the mended code." : NOT_OURS;
    say.replaceChildren(...plainText(words));
  });
  body.append(form);
}

const COUNTED = "The line and the name of the mistake count; mending is compared, not judged.";
