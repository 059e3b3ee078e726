/** jax-js on its WebAssembly backend. It looks for a navigator, which Node 20 does not have. */
import type * as Jax from "@jax-js/jax";

export type { Array as JaxArray } from "@jax-js/jax";

let loaded: Promise<typeof Jax> | undefined;

export function loadJax(): Promise<typeof Jax> {
  return (loaded ??= (async () => {
    (globalThis as { navigator?: unknown }).navigator ??= {};
    const jax = await import("@jax-js/jax");
    await jax.init("wasm");
    jax.defaultDevice("wasm");
    return jax;
  })());
}
