/** What reads and ticks asked for is let go after a few flushes, and asked for again when it is needed again. */
import { expect, it } from "vitest";
import { interpreter } from "../../kernel/interpreter.ts";
import { add } from "../../ops/arithmetic.ts";
import { createEngine } from "../../scheduler/engine.ts";

it("a clock ticks on after a long pause in which its states were observed, and their next was not", async () => {
  const engine = await createEngine({ backend: interpreter() });
  const state = engine.state(0);
  const other = engine.variable(0);
  state.next = add(state, 1);
  const seen: number[] = [];
  engine.observe(state).subscribe((v) => seen.push(v.item()));
  engine.tick();
  await engine.flush();
  for (let k = 1; k <= 30; k++) {
    other.set(k);
    await engine.flush();
  }
  engine.tick();
  await engine.flush();
  expect(seen).toEqual([1, 2]);
  await engine.dispose();
});
