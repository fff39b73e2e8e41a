/** What all elements of the course share: reading their items, keeping answers, notices. */

import { h, button, download, typeset, uniqueId } from "./dom.js";
import { store } from "./store.js";
import { memories, toLines } from "./answers.js";

export const EXPORTED = "progress.jsonl";

export class CourseElement extends HTMLElement {
  connectedCallback() {
    if (this.began) return;
    this.began = true;
    // The items stand inside the element, and the script may run before they were read.
    if (document.readyState !== "loading") this.begin();
    else document.addEventListener("DOMContentLoaded", () => this.begin(), { once: true });
  }

  disconnectedCallback() {
    this.stopListening?.();
  }

  begin() {
    try {
      this.data = JSON.parse(this.querySelector('script[type="application/json"]').textContent);
    } catch {
      this.append(h("p", { class: "course-notice" }, "The items of this page can't be read."));
      return;
    }
    for (const fallback of this.querySelectorAll(".course-fallback")) fallback.remove();
    this.notice = h("div", { class: "course-notices", role: "status" });
    this.render();
    this.append(this.notice);
    typeset(this);
    this.stopListening = store().onChange(() => this.refresh());
    this.refresh();
  }

  /** The items under one name, or the whole data where it is a list. */
  items(name) {
    return Array.isArray(this.data) ? this.data : (this.data[name] ?? []);
  }

  /** The level of the items' headings. */
  get level() {
    return Number(this.getAttribute("level") ?? 3);
  }

  /** The lesson that an item belongs to, as in "05_resnet". */
  lessonOf(item) {
    if (typeof item.lesson === "string") return item.lesson;
    const listed = (this.getAttribute("lessons") ?? "").split(/\s+/).filter(Boolean);
    const number = String(item.lesson ?? "").padStart(2, "0");
    return listed.find((name) => name.startsWith(`${number}_`)) ?? this.getAttribute("lesson");
  }

  /** Keeps an answer and says so where it can't be stored. */
  async keep({ item, way, lesson, right }) {
    await store().add({ at: new Date().toISOString(), item, way, lesson, right });
  }

  /** Shows anew what hangs on earlier answers. */
  async refresh() {
    this.showEarlier?.(memories(await store().all()));
    this.#showTrouble(store().trouble);
  }

  #showTrouble(trouble) {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.notice.replaceChildren();
    // One of several elements on a page says it.
    const first = document.querySelector(".course-notices > .course-notice");
    if (!trouble || (first && this.localName !== "course-progress")) return;
    const save = async () => download(EXPORTED, toLines(await store().all()));
    this.notice.append(
      h("p", { class: "course-notice" }, `${trouble} `, button("Export my answers", save)),
    );
  }
}

/**
 * A box around one item, with a heading, and a place that says how it went last time.
 * @param {{title: string, level: number, folded?: boolean, fill?: (body: Element) => void}} given
 */
export function itemBox({ title, level, folded = false, fill }) {
  const id = uniqueId("heading");
  const last = h("span", { class: "course-last" });
  const heading = h(`h${level}`, { id, class: "course-heading" }, title);
  const body = h("div", { class: "course-body" });
  if (!fill) {
    const top = h("div", { class: "course-top" }, heading, last);
    const box = h("div", { class: "course-item", role: "group", "aria-labelledby": id }, top, body);
    return { box, body, heading, last };
  }
  const summary = h("summary", { class: "course-top" }, heading, last);
  const box = h("details", { class: "course-item", open: !folded }, summary, body);
  const first = () => {
    if (box.open && !body.hasChildNodes()) fill(body);
  };
  box.addEventListener("toggle", first);
  first();
  return { box, body, heading, last };
}

/** Says how an item went last time. */
export function showLast(last, memory) {
  const how = memory?.lastRight ? "✓ last time right" : "✗ last time not right";
  const words = memory ? how : "";
  if (last.textContent !== words) last.textContent = words;
  last.classList.toggle("course-good", Boolean(memory?.lastRight));
}
