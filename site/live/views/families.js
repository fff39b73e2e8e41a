/** Three families side by side, on the same photo: shapes, times, megabytes, answers. */

import { element, percent, times } from "../draw.js";
import { titleOf } from "./engines.js";

const TURNS = 5;

export function createFamilies(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  find("run").addEventListener("click", () => app.trying(runAll));

  async function runAll() {
    const button = find("run");
    button.disabled = true;
    find("columns").replaceChildren();
    try {
      for (const network of app.networks) {
        app.say(`${network.name} is looking at the photo …`);
        find("columns").append(await oneColumn(network));
      }
      app.say("All three networks have answered.");
    } finally {
      button.disabled = false;
    }
  }

  async function oneColumn(network) {
    const { preprocessing: spec, name } = network;
    const prepared = await app.engine.call("prepare", {
      number: app.photo,
      spec,
      choices: app.choices,
    });
    for (const picture of prepared.pictures) picture.close();
    const taken = [];
    let logits, engine;
    for (let i = 0; i < TURNS; i++) {
      const { found, ms, engine: used } = await app.run(name, prepared.tensor, ["logits"]);
      taken.push(ms);
      logits = found.logits;
      engine = used;
    }
    return column(network, { ms: median(taken), engine }, app.top(logits, 3));
  }

  function column(network, { ms, engine }, top) {
    const { agreement } = network;
    const facts = [
      ["milliseconds here", `${ms.toFixed(0)} (${titleOf(engine)})`],
      ["megabytes", `${(network.bytes / 1e6).toFixed(1)} (${network.form})`],
      ["million values", (network.parameters / 1e6).toFixed(1)],
      ["GMACs", network.gmacs.toFixed(2)],
      ...network.stages.map((s) => [`stride ${s.stride}`, times(...s.shape)]),
      ["features", String(network.feature_dim)],
      [
        "agrees with PyTorch",
        `first class on ${agreement.same_class} of ${agreement.photos} photos, ` +
          `least cosine ${agreement.least_cosine.toFixed(4)}`,
      ],
    ];
    const answers = top.map((t) => element("li", {}, `${t.label} ${percent(t.probability)}`));
    const list = element(
      "dl",
      {},
      ...facts.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
    );
    const card = element(
      "article",
      { className: "card" },
      element("h3", {}, `${network.title}: ${network.name}`),
      element("ol", {}, ...answers),
      list,
    );
    if (network.note) card.append(element("p", { className: "note" }, network.note));
    card.dataset.network = network.name;
    card.dataset.answer = top[0].label;
    card.dataset.ms = ms.toFixed(1);
    return card;
  }
  return {};
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
