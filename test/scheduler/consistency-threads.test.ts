/** As consistency.test.ts, with every step in parts that two threads take: what differs there and not here is the doing of threads. */
import { afterAll, it } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import type { Backend } from "../../kernel/backend.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { around } from "./engines.ts";
import { checkMany } from "./model.ts";

const device = cpu({ threads: 2, eager: true });
afterAll(() => device.dispose());

/** One backend for all engines, so that its worker is there for most of them. */
const borrowed = (): Backend => around(device, { dispose: () => {} });

it.each([9, 10])("over two threads, the engine publishes what a fresh evaluation gives, in 60 sequences from seed %i", (seed) =>
  checkMany(60, seed, () => createEngine({ backend: borrowed() })),
);
