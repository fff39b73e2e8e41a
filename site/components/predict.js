/** `<course-predict>`: guess what a cell shows, then see it and how far off the guess was. */

import {
  button, chosen, close, codeBlock, goTo, h, mark, paragraph, plainText, radios, uniqueId,
} from "./dom.js";
import { CourseElement, itemBox, showLast } from "./element.js";
import { gap } from "./gap.js";

const FORMS = {
  number: "Type a number first: a wrong guess teaches more than none.",
  shape: "Type the dimensions first, as in 1, 512, 7, 7: a wrong guess teaches more than none.",
  choice: "Choose one first: a wrong guess teaches more than none.",
};

/** The name under which progress keeps a prediction. */
export function predictionItem(prediction) {
  return `predict/${prediction.lesson.slice(0, 2)}-${prediction.id}`;
}

export class CoursePredict extends CourseElement {
  render() {
    this.asked = this.items("predictions");
    this.boxes = this.asked.map((prediction, i) => {
      const title = `Prediction ${i + 1} of ${this.asked.length}`;
      const parts = itemBox({ title, level: this.level });
      this.#ask(prediction, parts.body);
      return parts;
    });
    this.append(...this.boxes.map(({ box }) => box));
  }

  showEarlier(known) {
    this.asked.forEach((prediction, i) => {
      showLast(this.boxes[i].last, known.get(predictionItem(prediction)));
    });
  }

  #ask(prediction, body) {
    const question = uniqueId("question");
    const place = prediction.kind === "choice" ? options(prediction, question) : typed(prediction);
    const say = h("p", { class: "course-say", role: "status" });
    const compare = h("button", { class: "course-button" }, "Compare");
    const form = h("form", {}, place, compare, say);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const guess = prediction.kind === "choice" ? String(chosen(place) + 1) : typedIn(place);
      const found = gap(prediction, guess);
      if (found) this.#answer(prediction, found, { body, form, place });
      else say.textContent = FORMS[prediction.kind];
    });
    body.replaceChildren(
      codeBlock(prediction.code),
      paragraph(prediction.ask, { id: question }),
      form,
    );
  }

  #answer(prediction, found, { body, form, place }) {
    if (prediction.kind === "choice") markOptions(prediction, place);
    close(place);
    form.lastElementChild.remove();
    form.querySelector("button").remove();
    const again = () => {
      this.#ask(prediction, body);
      goTo(body.querySelector("input"));
    };
    const result = outcome(prediction, found);
    body.append(result, button("Guess again", again));
    goTo(result);
    const [item, lesson] = [predictionItem(prediction), this.lessonOf(prediction)];
    this.keep({ item, way: "predict", lesson, right: found.right });
  }
}

function options(prediction, labelledby) {
  const labels = prediction.options.map(plainText);
  return radios({ name: uniqueId("option"), labelledby, labels });
}

function typed(prediction) {
  const id = uniqueId("guess");
  const example = prediction.kind === "shape" ? " (as in 1, 512, 7, 7)" : "";
  const attributes = { type: "text", id, class: "course-input", autocomplete: "off" };
  return h(
    "div",
    { class: "course-typed" },
    h("label", { for: id }, `Your guess${example}`),
    h("input", attributes),
  );
}

function typedIn(place) {
  return place.querySelector("input").value;
}

function markOptions(prediction, group) {
  const [right, given] = [prediction.options.indexOf(prediction.answer), chosen(group)];
  mark(group, right, true, given === right ? "right" : "right answer");
  if (given !== right) mark(group, given, false, "your guess");
}

function outcome(prediction, found) {
  const words = `It is ${prediction.answer}. ${found.words}`;
  return h(
    "div",
    { class: `course-result ${found.right ? "course-right" : "course-wrong"}` },
    h("p", {}, h("strong", {}, found.right ? "Right. " : "Not this time. "), words),
    paragraph(prediction.why),
  );
}
