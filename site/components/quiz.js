/** `<course-quiz>`: multiple-choice questions that explain themselves; also code reading. */

import {
  button, chosen, close, codeBlock, goTo, h, mark, paragraph, plainText, radios, uniqueId,
} from "./dom.js";
import { drawTest, RULE, verdict } from "./draw.js";
import { CourseElement, itemBox, showLast } from "./element.js";

const AGAIN = "course-button course-main";
const TEST = "test"; // its questions aren't kept, so that it can be taken again

export class CourseQuiz extends CourseElement {
  render() {
    const questions = this.items("questions");
    this.way = this.getAttribute("way") ?? "quiz";
    this.isTest = this.getAttribute("lesson") === TEST;
    this.asked = this.isTest ? drawTest(questions) : questions;
    this.right = new Map(); // by question, the first answer on this page
    this.boxes = this.asked.map((question, i) => this.#question(question, i));
    const kept = h("p", { class: "course-tip" }, "Answers to this test aren't kept as progress.");
    this.score = h("p", { class: "course-score", role: "status" });
    this.append(...(this.isTest ? [kept] : []), ...this.boxes.map(({ box }) => box), this.score);
  }

  showEarlier(known) {
    if (this.isTest) return;
    this.asked.forEach((question, i) => {
      showLast(this.boxes[i].last, known.get(`${this.way}/${question.id}`));
    });
  }

  #question(question, i) {
    const title = `Question ${i + 1} of ${this.asked.length}`;
    const parts = itemBox({ title, level: this.level });
    this.#ask(question, parts.body, parts.heading);
    return parts;
  }

  #ask(question, body, heading) {
    const stem = uniqueId("stem");
    const labels = Object.entries(question.options).map(([letter, option]) => [
      h("strong", {}, `${letter}. `),
      ...plainText(option.text),
    ]);
    const group = radios({ name: uniqueId("option"), labelledby: stem, labels });
    const say = h("p", { class: "course-say", role: "status" });
    const form = h("form", {}, group, h("button", { class: "course-button" }, "Check"), say);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = Object.keys(question.options)[chosen(group)];
      if (given) this.#answer(question, given, { body, form, group, heading });
      else say.textContent = "Choose an answer first.";
    });
    const hint = h("details", { class: "course-hint" }, h("summary", {}, "Hint"),
      paragraph(question.hint));
    const code = question.code ? [codeBlock(question.code)] : [];
    body.replaceChildren(paragraph(question.stem, { id: stem }), ...code, form, hint);
  }

  #answer(question, given, { body, form, group, heading }) {
    const right = given === question.answer;
    const letters = Object.keys(question.options);
    close(group);
    form.lastElementChild.remove();
    form.querySelector("button").remove();
    mark(group, letters.indexOf(question.answer), true, right ? "right" : "right answer");
    if (!right) mark(group, letters.indexOf(given), false, "your answer");
    const again = () => {
      this.#ask(question, body, heading);
      goTo(body.querySelector("input"));
    };
    const result = explanation(question, given);
    body.append(result, button("Answer again", again));
    goTo(result);
    if (!this.right.has(question.id)) this.right.set(question.id, right);
    this.#showScore();
    if (this.isTest) return;
    const [item, lesson] = [`${this.way}/${question.id}`, this.lessonOf(question)];
    this.keep({ item, way: this.way, lesson, right });
  }

  #showScore() {
    const all = this.asked.length;
    const right = [...this.right.values()].filter(Boolean).length;
    if (this.right.size < all) return;
    this.score.textContent = `${right} of ${all} right at the first try.`;
    if (!this.isTest) return;
    const answers = this.asked.map((question) => ({
      difficulty: question.difficulty,
      lesson: question.lesson,
      right: this.right.get(question.id),
    }));
    this.score.textContent += ` Verdict: ${verdict(answers)} (${RULE}).`;
    this.score.after(button("Draw another ten", () => this.#again(), { class: AGAIN }));
  }

  #again() {
    this.replaceChildren();
    this.render();
    this.append(this.notice);
    goTo(this.querySelector("input"));
  }
}

/** Why the answer is right or wrong, the steps to it, and a quick check. */
function explanation(question, given) {
  const right = given === question.answer;
  const said = h("strong", {}, right ? "Right. " : `Not ${given}. `);
  const parts = [h("p", {}, said, ...plainText(question.options[given].why))];
  if (!right) {
    const why = plainText(question.options[question.answer].why);
    parts.push(h("p", {}, h("strong", {}, `It is ${question.answer}: `), ...why));
  }
  const steps = question.steps.map((step) => h("li", {}, ...plainText(step)));
  parts.push(h("ul", {}, ...steps), paragraph(`Quick check: ${question.check}`));
  return h("div", { class: `course-result ${right ? "course-right" : "course-wrong"}` }, ...parts);
}
