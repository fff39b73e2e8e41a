/** `<course-cards>`: recall, with cards that come back after 1, 3, 7, 16 and 35 days. */

import { button, goTo, h, markdown, typeset, uniqueId } from "./dom.js";
import { isDue, memories, now } from "./answers.js";
import { CourseElement } from "./element.js";
import { NEW_CARDS, nextTask } from "./plan.js";
import { store } from "./store.js";

export class CourseCards extends CourseElement {
  render() {
    this.tasks = this.items("cards").map((card) => ({
      id: `cards/${card.id}`, way: "cards", lesson: this.lessonOf(card), card,
    }));
    this.count = h("p", { class: "course-count", role: "status" });
    this.place = h("div", { class: "course-item course-card" });
    this.append(this.count, this.place);
    this.#sit((tasks, known, asked) => nextTask(tasks, known, asked, now()), false);
  }

  showEarlier(known) {
    const due = this.tasks.filter((task) => isDue(known.get(task.id), now())).length;
    const fresh = this.tasks.filter((task) => !known.has(task.id)).length;
    const words = `${this.tasks.length} cards: ${due} due, ${fresh} new.`;
    if (this.count.textContent !== words) this.count.textContent = words;
  }

  /** Begins a sitting; `choose` names what comes next. */
  #sit(choose, moved = true) {
    this.choose = choose;
    [this.asked, this.known] = [[], 0];
    return this.#next(moved);
  }

  async #next(moved = true) {
    const known = memories(await store().all());
    const task = this.choose(this.tasks, known, this.asked);
    if (task) this.#front(task);
    else this.#end(known);
    typeset(this.place);
    if (moved) goTo(this.place.firstElementChild);
  }

  #front(task) {
    const { card } = task;
    const id = uniqueId("front");
    const front = h("div", { id, class: "course-front", role: "group", "aria-label": "Front" });
    front.append(...markdown(card.front));
    const show = button("Show the back", () => this.#back(task, front), { class: MAIN });
    this.place.replaceChildren(front, h("p", { class: "course-tip" }, "Say it to yourself first."));
    this.place.append(h("div", { class: "course-buttons" }, show));
  }

  #back(task, front) {
    const back = h("div", { class: "course-back", role: "group", "aria-label": "Back" });
    back.append(...this.#picture(task.card), ...markdown(task.card.back));
    const known = button("I knew it", () => this.#answer(task, true), { class: MAIN });
    const missed = button("I didn't know it", () => this.#answer(task, false));
    const ask = h("p", { class: "course-tip" }, "Did you know it?");
    this.place.replaceChildren(front, back, ask, h("div", { class: "course-buttons" }));
    this.place.lastElementChild.append(known, missed);
    typeset(back);
    goTo(back);
  }

  /** A picture beside the pages, where the page says where pictures are. */
  #picture(card) {
    const folder = this.getAttribute("pictures");
    if (!card.picture || folder === null) return [];
    const alt = card.alt ?? "A diagram of this lesson, as the lesson explains it";
    return [h("img", { src: folder + card.picture, alt, class: "course-picture" })];
  }

  async #answer(task, right) {
    this.asked.push(task);
    this.known += Number(right);
    await this.keep({ item: task.id, way: "cards", lesson: task.lesson, right });
    await this.#next();
  }

  #end(known) {
    const fresh = this.tasks.filter((task) => !known.has(task.id)).length;
    const did = `You knew ${this.known} of ${this.asked.length}.`;
    const words = [this.asked.length > 0 ? did : "No card is due.", whenNext(this.tasks, known)];
    const buttons = h("div", { class: "course-buttons" });
    if (fresh > 0) {
      const label = fresh > NEW_CARDS ? `${NEW_CARDS} more new cards` : "The last new cards";
      buttons.append(button(label, () => this.#sit(this.choose), { class: MAIN }));
    }
    buttons.append(button("Go through all cards", () => this.#through()));
    this.place.replaceChildren(h("p", {}, words.filter(Boolean).join(" ")), buttons);
  }

  /** Practice: each card once, whatever is due. */
  #through() {
    const planned = this.choose;
    const one = (tasks, known, asked) => tasks[asked.length] ?? this.#stop(planned);
    this.#sit(one);
  }

  #stop(planned) {
    this.choose = planned;
    return undefined;
  }
}

const MAIN = "course-button course-main";

/** When the next card comes back, in the reader's own calendar. */
function whenNext(tasks, known) {
  const dues = tasks.map((task) => known.get(task.id)?.due).filter((due) => due > now());
  if (dues.length === 0) return "";
  const day = new Date(Math.min(...dues) / 1000);
  const date = day.toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" });
  return `The next one comes back on ${date}.`;
}
