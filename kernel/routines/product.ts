/** Products of all elements. */
import { overFields } from "../field.ts";

/** The product of each n numbers, one by one. sizes = [items, n]. */
export const product = overFields({
  name: "product",
  reads: [{ extent: [1] }],
  writes: [{ extent: [] }],
  cost: ([, n]) => n!,
  run: (m, f) => {
    const all = f.cell();
    all.set(f.number(1));
    m.each(m.int(0), m.size(1), (i) => all.set(f.mul(all(), f.load(f.entry(0, i)))));
    f.store(
      f.entry(1, () => m.int(0)),
      all(),
    );
  },
});
