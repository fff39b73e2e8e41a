/** Training trace: boxes of photos, a head trained in the page, curves, answers, a file to keep. */

import { Boxes } from "../boxes.js";
import { frameOf, startCamera, stopCamera } from "../camera.js";
import { drawCurves } from "../curves.js";
import { element, percent } from "../draw.js";
import { Told } from "../engine.js";
import { softmax } from "../softmax.js";
import { Store } from "../store.js";
import { createCards } from "./cards.js";

const EVERY = 250; // ms between two live answers

export function createTraining(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const store = new Store((sentence) => app.complain(sentence));
  const boxes = new Boxes(app, store, () => showBoxes());
  const video = find("video");
  const showBoxes = createCards(root, app, boxes, add);
  let network = app.networks[0],
    trained = null,
    history = [],
    choices = null;

  find("network").append(...app.networks.map((n) => element("option", { value: n.name }, n.name)));
  find("network").addEventListener("change", (event) => {
    network = app.networks.find((n) => n.name === event.target.value);
    forget();
  });
  on("add-box", () => boxes.addBox(`box ${boxes.names.length + 1}`));
  on("things", addThings);
  on("clear", async () => {
    await boxes.clear();
    forget();
  });
  on("train", train);
  find("stop").addEventListener("click", () => app.engine.call("stop"));
  on("download", download);
  on("camera", toggleCamera);
  on("live", answerLive);
  find("lr").addEventListener("input", showRate);
  app.listeners.push((news) => news.epoch && showEpoch(news.epoch));
  document.addEventListener("themed", () => history.length && drawAll());
  showRate();
  showBoxes();
  app.trying(restore);

  function on(name, work) {
    find(name).addEventListener("click", () => app.trying(work));
  }

  async function restore() {
    await boxes.restore();
    if (await store.noted("training")) {
      find("said").textContent =
        "This tab was closed in the middle of a training: your boxes are all here. Train again; " +
        "the same seed gives the same trace.";
    }
  }

  function rate() {
    return 10 ** Number(find("lr").value);
  }

  function showRate() {
    find("lr-value").textContent = rate().toPrecision(2);
  }

  function forget() {
    trained = null;
    find("result").hidden = true;
  }

  function add(box, photos) {
    return app.trying(async () => {
      const sentences = await boxes.add(box, photos, network);
      if (sentences.length) app.complain(sentences.join(" "));
      app.say(`${boxes.examples.length} photos are in the boxes.`);
    });
  }

  async function addThings() {
    const wanted = Number(find("classes").value);
    const chosen = app.data.things.slice(0, wanted);
    await boxes.clear();
    boxes.names = chosen.map((c) => c.name);
    for (const [box, { files }] of chosen.entries()) {
      const photos = await Promise.all(
        files.map(async (file) => ({
          blob: await (await fetch(file)).blob(),
          name: file,
          source: file,
        })),
      );
      await boxes.add(box, photos, network);
    }
    app.say(`${boxes.examples.length} photos are in the boxes.`);
  }

  async function toggleCamera() {
    if (video.srcObject) stopCamera(video);
    else await startCamera(video);
    const runs = Boolean(video.srcObject);
    video.hidden = !runs;
    find("camera").textContent = runs ? "Stop the camera" : "Use the camera";
    for (const button of root.querySelectorAll("[data-part=burst]")) button.hidden = !runs;
  }

  function chosen() {
    const overfit = find("overfit").checked;
    return {
      epochs: Number(find("epochs").value),
      lr: rate(),
      batch: 16,
      seed: Number(find("seed").value),
      decay: overfit ? 0 : 1e-3,
      validation: Number(find("validation").value) / 100,
      overfit,
    };
  }

  async function train() {
    boxes.forTraining(); // before anything is shown: a sentence may say what is missing
    choices = chosen();
    history = [];
    forget();
    find("rows").replaceChildren();
    find("trace").hidden = false;
    find("stop").disabled = false;
    find("train").disabled = true;
    find("said").textContent = "";
    try {
      await boxes.useNetwork(network);
      const examples = boxes.forTraining();
      await store.note("training", choices);
      const started = performance.now();
      const classes = boxes.names.length;
      trained = await app.engine.call("train", { examples, classes, choices });
      trained.names = boxes.names.map((name) => name.trim());
      trained.network = network;
      showResult(performance.now() - started);
      await store.note("training", null);
    } finally {
      find("stop").disabled = true;
      find("train").disabled = false;
    }
  }

  function showEpoch(row) {
    history.push(row);
    const cells = [
      row.epoch,
      row.trainLoss.toFixed(3),
      percent(row.trainAccuracy),
      row.valLoss.toFixed(3),
      percent(row.valAccuracy),
      row.observation,
    ];
    find("rows").append(element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell)))));
    requestAnimationFrame(drawAll);
  }

  function drawAll() {
    drawCurves(find("loss"), history, choices.epochs, [
      ["trainLoss", "--train", "training"],
      ["valLoss", "--val", "validation"],
    ]);
    drawCurves(
      find("accuracy"),
      history,
      choices.epochs,
      [
        ["trainAccuracy", "--train", "training"],
        ["valAccuracy", "--val", "validation"],
      ],
      1,
    );
  }

  function showResult(ms) {
    const { counts, floor, history: rows, bestEpoch } = trained;
    const best = rows[bestEpoch - 1];
    const split = trained.bySource
      ? "no source stands on both sides"
      : "a box has one source alone, whose photos stand on both sides: this number flatters";
    find("said").textContent =
      `Best epoch ${bestEpoch}: ${percent(best.valAccuracy)} of ${counts.val} validation photos ` +
      `right; always the largest class: ${percent(floor)}. Learned from ${counts.train} photos; ` +
      `${split}. ${(ms / 1000).toFixed(1)} s.`;
    find("confusion").replaceChildren(...confusionRows(trained.confusion, trained.names));
    find("result").hidden = false;
    root.dataset.trained = String(Number(root.dataset.trained ?? 0) + 1);
    answer();
  }

  /** What the new head says of the photo on top of the page. */
  async function answer() {
    if (!trained || !app.photo) return;
    const { preprocessing: spec, name } = trained.network;
    const prepared = await app.engine.call("prepare", {
      number: app.photo,
      spec,
      choices: app.choices,
    });
    for (const picture of prepared.pictures) picture.close();
    const { found } = await app.run(name, prepared.tensor, ["features"]);
    showAnswer(found.features);
  }

  function showAnswer(features) {
    if (!trained) return;
    const { weight, bias } = trained.head;
    const logits = Array.from(bias, (b, c) => {
      let sum = b;
      features.forEach((value, j) => (sum += weight[c * features.length + j] * value));
      return sum;
    });
    const ranked = softmax(logits)
      .map((p, c) => ({ p, label: trained.names[c] }))
      .sort((a, b) => b.p - a.p);
    find("answer").textContent = ranked.map(({ p, label }) => `${label} ${percent(p)}`).join(", ");
  }

  async function answerLive() {
    if (!video.srcObject) throw new Told("The camera is off: press Use the camera first.");
    const { preprocessing: spec, name } = trained.network;
    while (video.srcObject && trained) {
      const blob = await frameOf(video);
      const { features } = await app.engine.call("features", { name, spec, blob, file: "frame" });
      showAnswer(features);
      await new Promise((go) => setTimeout(go, EVERY));
    }
  }

  async function download() {
    const { network: of, head, names } = trained;
    const metadata = {
      model: of.name,
      classes: names,
      preprocessing: of.preprocessing,
      preprocessing_outside: "resize the shorter side, crop the centre; RGB bytes",
      preprocessing_inside: "divide by 255, subtract the mean, divide by the deviation",
      reject_below: 0,
    };
    const bytes = await app.engine.call("classifier", { name: of.name, head, metadata });
    const link = element("a", {
      href: URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" })),
      download: `${names.join("-").replace(/[^\w-]+/g, "_")}.onnx`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    app.say(`${link.download}: course predict --run ${link.download} PHOTO`);
  }

  return { showRun: () => app.trying(answer) };
}

function confusionRows(table, names) {
  const head = element(
    "tr",
    {},
    element("td"),
    ...names.map((n) => element("th", { scope: "col" }, n)),
  );
  const rows = table.map((row, i) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, names[i]),
      ...row.map((count, j) =>
        element("td", { className: i === j ? "right" : count ? "wrong" : "" }, String(count)),
      ),
    ),
  );
  return [head, ...rows];
}
