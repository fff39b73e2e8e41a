/** Which engine runs a network: WebAssembly, or WebGPU where this browser has it and is faster. */

import { element } from "../draw.js";

const TITLES = { wasm: "WebAssembly", webgpu: "WebGPU" };

export function createEngines(root, app) {
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const compared = new Map(); // network → what was measured
  let ready; // a promise: does this browser have WebGPU?

  /** After a network's first answer, so that nobody waits for it. */
  async function showRun(found, network, { tensor }) {
    ready ??= app.engine.call("webgpu").catch(({ message }) => giveUp(message));
    if (!(await ready)) return;
    if (!compared.has(network.name)) {
      compared.set(network.name, null); // under way
      try {
        const outputs = Object.keys(found);
        const said = await app.engine.call("compare", { name: network.name, tensor, outputs });
        compared.set(network.name, said);
      } catch ({ message }) {
        ready = giveUp(message);
        return;
      }
    }
    if (network === app.network && compared.get(network.name)) show(network);
  }

  function giveUp(reason) {
    root.hidden = false;
    find("said").textContent = `WebGPU could not be used (${reason}): WebAssembly runs the networks.`;
    return false;
  }

  function show(network) {
    const { engine, agree, ms } = compared.get(network.name);
    root.hidden = false;
    find("choice").replaceChildren(
      ...Object.entries(TITLES).map(([name, title]) => {
        const input = element("input", {
          type: "radio",
          name: "engine",
          value: name,
          checked: name === engine,
        });
        input.addEventListener("change", () => app.trying(() => use(network, name)));
        return element("label", {}, input, ` ${title}, ${ms[name].toFixed(0)} ms`);
      }),
    );
    find("said").textContent = agree
      ? `${TITLES[engine]} was faster for ${network.name} when the page started.`
      : `WebGPU gives other features for ${network.name} here, so WebAssembly runs it.`;
    root.dataset.compared = network.name;
  }

  async function use(network, engine) {
    await app.engine.call("use", { name: network.name, engine });
    compared.get(network.name).engine = engine;
    app.follow();
  }

  return { showRun };
}

/** An engine's name for a sentence. */
export const titleOf = (engine) => TITLES[engine];
