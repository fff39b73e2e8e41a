/** The live page: one photo, one network, and views that follow both. */

import { element } from "./draw.js";
import { Engine, Told } from "./engine.js";
import { softmax } from "./softmax.js";
import { createEngines, titleOf } from "./views/engines.js";
import { createFamilies } from "./views/families.js";
import { createFeatures } from "./views/features.js";
import { createFlow } from "./views/flow.js";
import { createPrediction } from "./views/prediction.js";
import { createSource } from "./views/source.js";
import { createTraining } from "./views/training.js";

const START = { quarters: 0, shift: { x: 0, y: 0 }, bgr: false, normalise: true };

const section = (name) => document.getElementById(name);

class App {
  constructor(data) {
    this.networks = data.networks;
    this.classes = data.classes;
    this.data = data;
    this.network = data.networks[0];
    this.choices = { ...START };
    this.photo = null; // its number in the worker
    this.dirty = false;
    this.engine = new Engine(new URL("worker.js", document.baseURI), (news) => this.hear(news));
    this.listeners = [];
  }

  async start() {
    this.views = [
      createFlow(section("flow"), this),
      createFeatures(section("features"), this),
      createPrediction(section("prediction"), this),
      createFamilies(section("families"), this),
      createTraining(section("training"), this),
      createEngines(section("engines"), this),
    ];
    this.source = createSource(section("source"), this);
    this.#offerNetworks();
    await this.trying(async () => {
      await this.engine.call("start", { base: document.baseURI, known: this.networks });
      await this.source.openFirst();
    });
  }

  /** Run something; where it fails, say so in a sentence. */
  async trying(work) {
    try {
      return await work();
    } catch (error) {
      const sentence =
        error instanceof Told ? error.message : `Something went wrong (${error.message}): reload.`;
      this.complain(sentence);
      return undefined;
    }
  }

  complain(sentence) {
    section("trouble").textContent = sentence;
    section("trouble").hidden = false;
  }

  say(sentence) {
    section("status").textContent = sentence;
  }

  hear(news) {
    if (news.loading) {
      const { loading, loaded, total } = news;
      const bar = section("loading");
      bar.max = total;
      bar.value = loaded;
      bar.hidden = loaded === total;
      const file = `${loading}: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
      this.say(loaded === total ? `${loading} is being made ready …` : file);
    }
    for (const listener of this.listeners) listener(news);
  }

  /** Show another photo. */
  async open(blob, name) {
    section("trouble").hidden = true;
    await this.trying(async () => {
      const number = (this.photo ?? 0) + 1;
      const opened = await this.engine.call("open", { number, blob, name });
      if (this.photo) this.engine.call("close", { number: this.photo });
      this.photo = number;
      this.photoName = name;
      opened.picture.close();
      this.choose({ quarters: 0, shift: { x: 0, y: 0 } });
    });
  }

  /** Change how the photo is prepared; the views follow. */
  choose(change) {
    this.choices = { ...this.choices, ...change };
    this.follow();
  }

  useNetwork(name) {
    this.network = this.networks.find((network) => network.name === name);
    this.follow();
  }

  /** Bring the views up to date; changes that come meanwhile are taken together. */
  async follow() {
    this.dirty = true;
    if (this.following || !this.photo) return;
    this.following = true;
    await this.trying(async () => {
      while (this.dirty) {
        this.dirty = false;
        await this.#update();
      }
    });
    this.following = false;
  }

  async #update() {
    const { network, choices, photo } = this;
    const spec = network.preprocessing;
    this.prepared = await this.engine.call("prepare", { number: photo, spec, choices });
    this.each("showPrepared", this.prepared, network, choices);
    if (this.dirty) return; // the crop is still being dragged
    const outputs = [...network.stages.map((stage) => stage.output), "features", "logits"];
    const { found, ms, engine } = await this.run(network.name, this.prepared.tensor, outputs);
    this.ran = found;
    const top = this.top(found.logits);
    const time = `${ms.toFixed(0)} ms on ${titleOf(engine)}`;
    this.say(`${network.name} answered in ${time}: ${top[0].label}.`);
    this.each("showRun", found, network, this.prepared);
    this.each("showAnswer", top);
    section("live").dataset.answer = top[0].label;
    section("live").dataset.network = network.name;
    section("live").dataset.engine = engine;
    section("live").dataset.answers = String(Number(section("live").dataset.answers ?? 0) + 1);
  }

  run(name, tensor, outputs) {
    return this.engine.call("run", { name, tensor, outputs });
  }

  /** The likeliest classes of ImageNet. */
  top(logits, count = 5, temperature = 1) {
    return softmax(logits, temperature)
      .map((probability, label) => ({ label: this.classes[label], number: label, probability }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, count);
  }

  each(method, ...values) {
    for (const view of this.views) view[method]?.(...values);
  }

  #offerNetworks() {
    const box = section("networks");
    for (const network of this.networks) {
      const input = element("input", {
        type: "radio",
        name: "network",
        value: network.name,
        checked: network === this.network,
      });
      input.addEventListener("change", () => this.useNetwork(network.name));
      box.append(
        element(
          "label",
          {},
          input,
          ` ${network.title} `,
          element("small", {}, `${network.name}, ${(network.bytes / 1e6).toFixed(1)} MB`),
        ),
      );
    }
  }
}

if (location.protocol === "file:") {
  document.getElementById("serve").hidden = false;
} else {
  const data = JSON.parse(document.getElementById("course-data").textContent);
  document.getElementById("live").hidden = false;
  const app = new App(data);
  app.start();
}

const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme !== "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
  document.dispatchEvent(new Event("themed")); // what is drawn on canvases has the old colours
});
if (matchMedia("(prefers-color-scheme: dark)").matches) theme.click();
