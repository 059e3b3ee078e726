/** Property tests draw the same cases on every run, so that a failure is a change of the code. FUZZ_SEED=N draws others. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 1687) });
