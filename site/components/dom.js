/** Builds DOM nodes: text stays text, so nothing in an item can become markup or code. */

import { blocks, inline } from "./markup.js";

let last = 0;

/** A name that no other node of this page has. */
export function uniqueId(what) {
  last += 1;
  return `course-${what}-${last}`;
}

/**
 * Makes an element. `true` sets an empty attribute, `false` and undefined none; a function under
 * a name like "onclick" becomes a listener, never an attribute.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string)} children
 */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** A button that does something on this page. */
export function button(label, act, attributes = {}) {
  const own = { type: "button", class: "course-button", onclick: act };
  return h("button", { ...own, ...attributes }, label);
}

/** Text in which only code between backticks and formulas between dollars are markup. */
export function plainText(text) {
  return inline(text, { markdown: false }).map(node);
}

/** A paragraph of such text. */
export function paragraph(text, attributes = {}) {
  return h("p", attributes, ...plainText(text));
}

/** Markdown, as cards and tasks use it. */
export function markdown(text) {
  return blocks(text).map((block) => {
    if (block.kind === "code") return codeBlock(block.text);
    if (block.kind === "list") {
      const items = block.items.map((item) => h("li", {}, ...item.map(node)));
      return h(block.ordered ? "ol" : "ul", {}, ...items);
    }
    // A heading would have to fit into the page's own levels.
    if (block.kind === "heading") return h("p", {}, h("strong", {}, ...block.parts.map(node)));
    return h("p", {}, ...block.parts.map(node));
  });
}

function node(part) {
  if (part.kind === "text") return document.createTextNode(part.text);
  if (part.kind === "code") return h("code", {}, part.text);
  if (part.kind === "math") {
    return h("span", { class: "math notranslate nohighlight" }, `\\(${part.text}\\)`);
  }
  return h(part.kind === "strong" ? "strong" : "em", {}, ...part.parts.map(node));
}

/** Code as it is; where it is wider than the page, the keyboard can scroll it. */
export function codeBlock(code) {
  const block = h("pre", { class: "course-code" }, h("code", {}, code.replace(/\n+$/, "")));
  reachWhereWide(block);
  return block;
}

/** Lets the keyboard reach a box as long as it has to be scrolled sideways. */
export function reachWhereWide(box, name = "Code") {
  if (typeof ResizeObserver === "undefined") return;
  new ResizeObserver(() => {
    const wide = box.scrollWidth > box.clientWidth;
    const attributes = { tabindex: "0", role: "group", "aria-label": name };
    for (const [attribute, value] of Object.entries(attributes)) {
      if (wide) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  }).observe(box);
}

/**
 * Radio buttons, one a line.
 * @param {{name: string, labelledby: string, labels: Node[][], className?: string}} given
 */
export function radios({ name, labelledby, labels, className = "" }) {
  const options = labels.map((label, i) =>
    h(
      "label",
      { class: "course-option" },
      h("input", { type: "radio", name, value: i }),
      h("span", { class: "course-label" }, ...label),
    ),
  );
  const attributes = { role: "radiogroup", "aria-labelledby": labelledby };
  return h("div", { ...attributes, class: `course-options ${className}`.trim() }, ...options);
}

/** The position of the chosen radio button; -1 if none is. */
export function chosen(group) {
  const found = group.querySelector("input:checked");
  return found ? Number(found.value) : -1;
}

/** Marks a radio button's line as right or wrong, in words as well as in colour. */
export function mark(group, position, right, words) {
  const option = group.children[position];
  option.classList.add(right ? "course-right" : "course-wrong");
  option.append(h("span", { class: "course-mark" }, `${right ? "✓" : "✗"} ${words}`));
}

/** Closes a group of inputs: it was answered. */
export function close(group) {
  for (const input of group.querySelectorAll("input, textarea, button")) input.disabled = true;
}

/** Moves the keyboard and the screen reader to what has just appeared. */
export function goTo(place) {
  if (!place.hasAttribute("tabindex")) place.setAttribute("tabindex", "-1");
  place.focus();
}

/** Hands formulas that appear later to MathJax, where the page has it. */
export function typeset(place) {
  const formulas = place.querySelectorAll(".math");
  if (formulas.length > 0) globalThis.MathJax?.typesetPromise?.([...formulas]);
}

/** Saves text as a file on the reader's machine. */
export function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
