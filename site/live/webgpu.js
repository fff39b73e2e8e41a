/** ONNX Runtime with WebGPU: a bundle of its own, fetched only where the browser has a GPU. */

import * as ort from "onnxruntime-web/webgpu";

export const Tensor = ort.Tensor;

/** @param {string} wasm the address of the runtime's WebAssembly */
export function start(wasm) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm };
  ort.env.logLevel = "error";
}

export function session(bytes, options) {
  return ort.InferenceSession.create(bytes, { ...options, executionProviders: ["webgpu"] });
}
