/** Where photos come from: those of the course, files, the clipboard, the camera. */

import { element } from "../draw.js";
import { openCamera } from "../camera.js";

export function createSource(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const list = find("photos"),
    chosen = find("file"),
    drop = find("drop"),
    camera = find("camera");

  for (const photo of app.data.photos) {
    const image = element("img", {
      src: photo.file,
      alt: photo.alt,
      loading: "lazy",
      width: 72,
      height: 72,
    });
    const button = element(
      "button",
      { type: "button", "aria-label": `Use the photo of ${photo.alt}` },
      image,
    );
    button.addEventListener("click", () => openAddress(photo));
    list.append(element("li", {}, button));
  }
  chosen.addEventListener("change", () => {
    if (chosen.files.length) app.open(chosen.files[0], chosen.files[0].name);
    chosen.value = "";
  });
  takeDrops(drop, (files) => app.open(files[0], files[0].name));
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file) app.open(file, file.name || "the pasted photo");
  });
  find("use-camera").addEventListener("click", () =>
    app.trying(async () => {
      const taken = await openCamera(camera);
      if (taken) await app.open(taken, "the photo just taken");
    }),
  );

  async function openAddress({ file, name }) {
    await app.trying(async () => app.open(await (await fetch(file)).blob(), name));
  }
  return { openFirst: () => openAddress(app.data.photos[0]) };
}

/** Let files be dropped on an element. */
export function takeDrops(target, onFiles) {
  for (const kind of ["dragenter", "dragover"]) {
    target.addEventListener(kind, (event) => {
      event.preventDefault();
      target.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    target.addEventListener(kind, () => target.classList.remove("over"));
  }
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (files.length) onFiles(files);
  });
}
