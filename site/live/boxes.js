/** Boxes of the student's photos: one for each class, with what the network makes of them. */

import { Told } from "./engine.js";

const BURST = 10_000; // ms: photos taken within this time of one another are one source

/**
 * @typedef {{key: string, box: number, name: string, source: string, picture: Blob,
 *   features: Float32Array, network: string, thumb?: ImageBitmap}} Kept
 */

export class Boxes {
  constructor(app, store, onChange) {
    this.app = app;
    this.store = store;
    this.onChange = onChange;
    this.names = ["first", "second"];
    /** @type {Kept[]} */
    this.examples = [];
    this.count = 0;
  }

  /** Bring back what an earlier visit left. */
  async restore() {
    const names = await this.store.noted("names");
    if (!names) return;
    this.names = names;
    this.examples = await this.store.all();
    this.count = Math.max(0, ...this.examples.map((e) => Number(e.key) + 1));
    this.onChange();
  }

  addBox(name) {
    this.names.push(name);
    this.#noteNames();
  }

  rename(box, name) {
    this.names[box] = name;
    this.#noteNames();
  }

  #noteNames() {
    this.store.note("names", this.names);
    this.onChange();
  }

  async removeBox(box) {
    for (const gone of this.examples.filter((e) => e.box === box))
      await this.store.remove(gone.key);
    this.examples = this.examples.filter((e) => e.box !== box);
    for (const kept of this.examples.filter((e) => e.box > box)) {
      kept.box--;
      this.store.put(kept);
    }
    this.names.splice(box, 1);
    this.#noteNames();
  }

  async remove(key) {
    this.examples = this.examples.filter((e) => e.key !== key);
    await this.store.remove(key);
    this.onChange();
  }

  async clear() {
    this.examples = [];
    this.names = ["first", "second"];
    await this.store.clear();
    this.onChange();
  }

  /**
   * Add photos to a box; one that can't be read is named in a sentence, the others stay.
   * @param {{blob: Blob, name: string, source: string}[]} photos
   * @returns {Promise<string[]>} the sentences
   */
  async add(box, photos, network) {
    const sentences = [];
    await this.store.note("names", this.names);
    for (const [i, { blob, name, source }] of photos.entries()) {
      this.app.say(`${network.name} looks at photo ${i + 1} of ${photos.length} …`);
      try {
        const made = await this.#looked(blob, name, network);
        const kept = {
          key: String(this.count++),
          box,
          name,
          source,
          network: network.name,
          ...made,
        };
        this.examples.push(kept);
        await this.store.put(kept);
      } catch (error) {
        if (!(error instanceof Told)) throw error;
        sentences.push(error.message);
      }
      this.onChange();
    }
    return sentences;
  }

  #looked(blob, file, network) {
    const { name, preprocessing: spec } = network;
    return this.app.engine.call("features", { name, spec, blob, file });
  }

  /** Let another network look at what is already in the boxes. */
  async useNetwork(network) {
    const others = this.examples.filter((e) => e.network !== network.name);
    for (const [i, example] of others.entries()) {
      this.app.say(`${network.name} looks at photo ${i + 1} of ${others.length} …`);
      const { features } = await this.#looked(example.picture, example.name, network);
      Object.assign(example, { features, network: network.name });
      await this.store.put(example);
    }
  }

  /** What the training takes, or a sentence that says what is missing. */
  forTraining() {
    this.names.forEach((name, box) => {
      const count = this.examples.filter((e) => e.box === box).length;
      if (count < 3) throw new Told(`"${name}" holds ${count} photos: give each box at least 3.`);
    });
    const labels = new Set(this.names.map((name) => name.trim()));
    if (labels.size < this.names.length || labels.has("")) {
      throw new Told("Two boxes have the same name, or one has none: give each its own.");
    }
    if (this.names.length < 2) throw new Told("One box is no choice: add a second one.");
    return this.examples.map(({ features, box, source }) => ({ features, label: box, source }));
  }
}

/** Name the source of each file: photos taken shortly after one another show the same thing. */
export function withSources(files, box) {
  const sorted = [...files].sort((a, b) => a.lastModified - b.lastModified);
  let source = "",
    before = -Infinity;
  return sorted.map((file) => {
    const taken = file.lastModified;
    if (taken - before > BURST) source = `${box} taken ${taken}`;
    before = taken;
    return { blob: file, name: file.name, source };
  });
}
