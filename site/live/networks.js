/**
 * The networks in ONNX Runtime: fetched with progress, compiled once, run one at a time, on
 * WebAssembly or, where it was measured to be faster, on WebGPU.
 */

import * as ort from "onnxruntime-web/wasm";
import { Told } from "./files.js";
import { headOf } from "./onnx.js";

const REFUSED =
  "This browser refuses WebAssembly, in which the networks run: allow it, or use another " +
  "browser. Everything else on the site works without it.";
const WASM = "ort-wasm-simd-threaded.wasm";
const WEBGPU_WASM = "ort-wasm-simd-threaded.asyncify.wasm";
const OPTIONS = {
  graphOptimizationLevel: "all",
  // Turn stored weights back into float32 once, not in every run.
  extra: { session: { disable_quant_qdq: "1" } },
};
const TIMED = 3; // runs, of which the fastest counts; one before them compiles what is needed
const PATIENCE = 3000; // milliseconds of a first run after which an engine is slow enough to tell
const ALIKE = 0.999; // least cosine between the features of both

export class Networks {
  /** @param {(news: object) => void} tell about progress */
  constructor(tell) {
    this.tell = tell;
    this.sessions = new Map(); // by engine and network
    this.heads = new Map();
    this.engines = new Map(); // by network, once both have been timed
    this.webgpu = null;
  }

  start(base, known) {
    if (typeof WebAssembly !== "object") throw new Told(REFUSED);
    this.base = base;
    this.known = new Map(known.map((network) => [network.name, network]));
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = { wasm: new URL(WASM, base).href };
    ort.env.logLevel = "error";
  }

  /** Get WebGPU ready, if this browser has it; tells whether it has. */
  async openWebgpu() {
    if (!(await navigator.gpu?.requestAdapter())) return false;
    const runtime = await import(new URL("webgpu.js", this.base).href);
    runtime.start(new URL(WEBGPU_WASM, this.base).href);
    this.webgpu = runtime;
    return true;
  }

  async load(name, engine = "wasm") {
    const key = `${engine} ${name}`;
    if (this.sessions.has(key)) return this.sessions.get(key);
    const onWebgpu = engine === "webgpu";
    const bytes = await this.bytes(name, onWebgpu ? undefined : this.tell);
    const session = await (onWebgpu ? this.webgpu.session(bytes, OPTIONS) : this.compiled(bytes));
    if (!this.heads.has(name)) this.heads.set(name, headOf(bytes));
    this.sessions.set(key, session);
    return session;
  }

  async compiled(bytes) {
    try {
      return await ort.InferenceSession.create(bytes, { ...OPTIONS, executionProviders: ["wasm"] });
    } catch (error) {
      if (/no available backend/i.test(error.message)) throw new Told(REFUSED);
      throw new Told(`ONNX Runtime could not start here (${error.message}): reload the page.`);
    }
  }

  /** A network's file; the browser keeps it, so that a second time costs no transfer. */
  async bytes(name, tell = () => {}) {
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
      tell({ loading: name, loaded, total });
    }
    return all;
  }

  /** Run a network on its engine; where WebGPU gives up, WebAssembly goes on. */
  async run(name, tensor, outputs) {
    const engine = this.engines.get(name) ?? "wasm";
    try {
      return { ...(await this.runOn(engine, name, tensor, outputs)), engine };
    } catch (error) {
      if (engine === "wasm") throw error;
      this.engines.set(name, "wasm");
      return { ...(await this.runOn("wasm", name, tensor, outputs)), engine: "wasm" };
    }
  }

  async runOn(engine, name, tensor, outputs) {
    const session = await this.load(name, engine);
    const { Tensor } = engine === "webgpu" ? this.webgpu : ort;
    const side = Math.sqrt(tensor.length / 3);
    const input = new Tensor("float32", tensor, [1, 3, side, side]);
    const started = performance.now();
    const values = await session.run({ normalised: input }, outputs);
    const ms = performance.now() - started;
    const found = {};
    for (const output of outputs) {
      found[output] = values[output].data.slice();
      values[output].dispose?.();
    }
    return { found, ms };
  }

  /** Time a network on both engines; from now on it runs on the faster, if both agree. */
  async compare(name, tensor, outputs) {
    const wasm = await this.timed("wasm", name, tensor, outputs);
    const webgpu = await this.timed("webgpu", name, tensor, outputs);
    const agree = cosine(wasm.found.features, webgpu.found.features) >= ALIKE;
    const engine = agree && webgpu.ms < wasm.ms ? "webgpu" : "wasm";
    this.engines.set(name, engine);
    return { engine, agree, ms: { wasm: wasm.ms, webgpu: webgpu.ms } };
  }

  async timed(engine, name, tensor, outputs) {
    let { found, ms } = await this.runOn(engine, name, tensor, outputs);
    if (ms > PATIENCE) return { found, ms }; // nobody waits for more of these
    ms = Infinity;
    for (let turn = 0; turn < TIMED; turn++)
      ms = Math.min(ms, (await this.runOn(engine, name, tensor, outputs)).ms);
    return { found, ms };
  }

  use(name, engine) {
    this.engines.set(name, engine);
  }

  async head(name) {
    await this.load(name);
    return this.heads.get(name);
  }
}

function cosine(a, b) {
  let product = 0;
  let [normA, normB] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i];
    normA += a[i] ** 2;
    normB += b[i] ** 2;
  }
  return product / Math.sqrt(normA * normB);
}
