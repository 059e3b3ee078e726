/** TensorFlow.js on its WebAssembly backend: SIMD, one thread (in Node it has no other). */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type * as TF from "@tensorflow/tfjs";

export type { Scalar, Tensor as TfTensor, Tensor2D } from "@tensorflow/tfjs";

let loaded: Promise<typeof TF> | undefined;

export function loadTfjs(): Promise<typeof TF> {
  return (loaded ??= (async () => {
    const require = createRequire(import.meta.url);
    const tf = require("@tensorflow/tfjs") as typeof TF;
    const backend = require("@tensorflow/tfjs-backend-wasm") as typeof import("@tensorflow/tfjs-backend-wasm");
    tf.enableProdMode();
    backend.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
    if (!(await tf.setBackend("wasm"))) throw new Error("tfjs: its WebAssembly backend did not start");
    return tf;
  })());
}
