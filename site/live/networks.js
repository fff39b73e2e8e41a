/** The networks in ONNX Runtime: fetched with progress, compiled once, run one at a time. */

import * as ort from "onnxruntime-web/wasm";
import { Told } from "./files.js";
import { headOf } from "./onnx.js";

const REFUSED =
  "This browser refuses WebAssembly, in which the networks run: allow it, or use another " +
  "browser. Everything else on the site works without it.";
const WASM = "ort-wasm-simd-threaded.wasm";

export class Networks {
  /** @param {(news: object) => void} tell about progress */
  constructor(tell) {
    this.tell = tell;
    this.sessions = new Map();
    this.heads = new Map();
  }

  start(base, known) {
    if (typeof WebAssembly !== "object") throw new Told(REFUSED);
    this.base = base;
    this.known = new Map(known.map((network) => [network.name, network]));
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = { wasm: new URL(WASM, base).href };
    ort.env.logLevel = "error";
  }

  async load(name) {
    if (this.sessions.has(name)) return { ms: 0 };
    const bytes = await this.bytes(name);
    const started = performance.now();
    const session = await this.compiled(bytes);
    this.heads.set(name, headOf(bytes));
    this.sessions.set(name, session);
    return { ms: performance.now() - started };
  }

  async compiled(bytes) {
    try {
      return await ort.InferenceSession.create(bytes, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
        // Turn stored weights back into float32 once, not in every run.
        extra: { session: { disable_quant_qdq: "1" } },
      });
    } catch (error) {
      if (/no available backend/i.test(error.message)) throw new Told(REFUSED);
      throw new Told(`ONNX Runtime could not start here (${error.message}): reload the page.`);
    }
  }

  /** A network's file; the browser keeps it, so that a second time costs no transfer. */
  async bytes(name) {
    const { file, bytes: total } = this.known.get(name);
    const answer = await fetch(new URL(file, this.base)).catch(() => null);
    if (!answer?.ok) throw new Told(`${file} could not be fetched: check the connection, reload.`);
    const all = new Uint8Array(total);
    let loaded = 0;
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      all.set(value, loaded);
      loaded += value.length;
      this.tell({ loading: name, loaded, total });
    }
    return all;
  }

  async run(name, tensor, outputs) {
    await this.load(name);
    const side = Math.sqrt(tensor.length / 3);
    const input = new ort.Tensor("float32", tensor, [1, 3, side, side]);
    const started = performance.now();
    const values = await this.sessions.get(name).run({ normalised: input }, outputs);
    const ms = performance.now() - started;
    const found = {};
    for (const output of outputs) {
      found[output] = values[output].data.slice();
      values[output].dispose?.();
    }
    return { found, ms };
  }

  async head(name) {
    await this.load(name);
    return this.heads.get(name);
  }
}
