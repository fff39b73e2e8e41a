/** The boxes as cards: a name, small pictures that a press takes out, and ways to add more. */

import { withSources } from "../boxes.js";
import { frameOf } from "../camera.js";
import { element } from "../draw.js";
import { takeDrops } from "./source.js";

const EVERY = 250; // ms between two frames of a burst
const MOST_FRAMES = 40;

/**
 * @param {(box: number, photos: object[]) => Promise<void>} add what to do with new photos
 * @returns {() => void} shows the boxes as they are now
 */
export function createCards(root, app, boxes, add) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const video = find("video");

  function showBoxes() {
    const list = find("boxes");
    boxes.names.forEach((name, box) => {
      const card = list.children[box] ?? list.appendChild(newBox(box));
      const input = card.querySelector("input[type=text]");
      if (input !== document.activeElement) input.value = name;
      showPictures(
        card,
        boxes.examples.filter((e) => e.box === box),
      );
    });
    while (list.children.length > boxes.names.length) list.lastElementChild.remove();
    find("clear").disabled = !boxes.examples.length;
  }

  function showPictures(card, own) {
    const list = card.querySelector("ul");
    const shown = new Set([...list.children].map((item) => item.dataset.key));
    for (const example of own) {
      if (shown.delete(example.key)) continue;
      const canvas = element("canvas", {
        width: 48,
        height: 48,
        role: "img",
        "aria-label": example.name,
      });
      createImageBitmap(example.picture, { resizeWidth: 48, resizeHeight: 48 }).then(
        (picture) => canvas.getContext("2d").drawImage(picture, 0, 0),
        () => undefined,
      );
      const button = element(
        "button",
        { type: "button", title: `Take ${example.name} out` },
        canvas,
      );
      button.addEventListener("click", () => app.trying(() => boxes.remove(example.key)));
      const item = element("li", {}, button);
      item.dataset.key = example.key;
      list.append(item);
    }
    for (const item of [...list.children]) if (shown.has(item.dataset.key)) item.remove();
    const sources = new Set(own.map((e) => e.source)).size;
    card.querySelector("output").textContent = `${own.length} photos from ${sources} sources`;
  }

  function newBox(box) {
    const name = element("input", { type: "text", "aria-label": `Name of box ${box + 1}` });
    const file = element("input", { type: "file", accept: "image/*", multiple: true });
    const label = element("label", { className: "button" }, "Add photos", file);
    const burst = element("button", { type: "button" }, "Record (hold)");
    burst.dataset.part = "burst";
    burst.hidden = !video.srcObject;
    const gone = element("button", { type: "button" }, "Remove this box");
    const card = element(
      "li",
      { className: "card box" },
      name,
      element("output"),
      element("ul"),
      element("div", { className: "row" }, label, burst, gone),
    );
    name.addEventListener("input", () => boxes.rename(box, name.value));
    file.addEventListener("change", () => {
      add(box, withSources(file.files, box));
      file.value = "";
    });
    gone.addEventListener("click", () => app.trying(() => boxes.removeBox(box)));
    takeDrops(card, (files) => add(box, withSources(files, box)));
    recording(burst, box);
    return card;
  }

  /** While the button is held, frames of the camera go into the box: one burst, one source. */
  function recording(button, box) {
    let held = false;
    const start = async () => {
      if (held) return;
      held = true;
      const source = `burst ${Date.now()}`,
        frames = [];
      while (held && frames.length < MOST_FRAMES) {
        frames.push({ blob: await frameOf(video), name: `frame ${frames.length + 1}`, source });
        await new Promise((go) => setTimeout(go, EVERY));
      }
      await add(box, frames);
    };
    button.addEventListener("pointerdown", start);
    button.addEventListener("keydown", (event) => event.key === " " && start());
    for (const end of ["pointerup", "pointerleave", "keyup", "blur"]) {
      button.addEventListener(end, () => (held = false));
    }
  }

  return showBoxes;
}
