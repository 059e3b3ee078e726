/** Interning: equal structure is one object for as long as somebody holds it, and no longer. */
import { describe, expect, it } from "vitest";
import { dim } from "../../core/dim.ts";
import { constant, placeholder, scalar } from "../../core/leaves.ts";
import type { Primitive } from "../../core/primitive.ts";
import { apply, liveNodes, type Tensor } from "../../core/tensor.ts";
import { collectGarbage } from "../tooling/gc.ts";

async function collect(until: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !until(); i++) await collectGarbage();
}

const join: Primitive = { name: "join", type: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }) };
const other: Primitive = { name: "join", type: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }) };

describe("interning", () => {
  const x = placeholder([2], "float32");
  const y = placeholder([2], "float32");

  it("the same primitive, parameters and inputs give the same object", () => {
    const n = dim("n");
    const build = (): Tensor => apply(join, { axis: 1, list: [1, [2, n]], deep: { a: "s", b: undefined } }, [x, y]);
    expect(build()).toBe(build());
    expect(apply(join, {}, [x, y])).not.toBe(apply(join, {}, [y, x]));
    expect(apply(join, {}, [x, y])).not.toBe(apply(other, {}, [x, y]));
    expect(apply(join, { axis: 0 }, [x, y])).not.toBe(apply(join, { axis: -0 }, [x, y]));
    expect(apply(join, { axis: 1 }, [x])).not.toBe(apply(join, { axis: "1" }, [x]));
    expect(apply(join, { list: [1, 2] }, [x])).not.toBe(apply(join, { list: [12] }, [x]));
  });

  it("scalars intern by dtype and bits, arrays by identity, placeholders never", () => {
    expect(scalar(0.1, "float32")).toBe(scalar(Math.fround(0.1), "float32"));
    expect(scalar(NaN, "float64")).toBe(scalar(NaN, "float64"));
    expect(scalar(0, "float32")).not.toBe(scalar(-0, "float32"));
    expect(scalar(1, "float32")).not.toBe(scalar(1, "float64"));
    expect(constant([1, 2])).not.toBe(constant([1, 2]));
    expect(placeholder([2], "float32")).not.toBe(x);
  });

  it("nodes of one hash bucket stay apart", () => {
    const nodes = Array.from({ length: 20_000 }, (_, k) => apply(join, { k }, [x]));
    expect(new Set(nodes).size).toBe(nodes.length);
    expect(nodes.every((node, k) => apply(join, { k }, [x]) === node)).toBe(true);
  });

  it("nodes that nobody holds are collected, with their table entries", async () => {
    await collect(() => false);
    const before = liveNodes();
    const kept: Tensor[] = [];
    (() => {
      let chain = x;
      for (let k = 0; k < 5000; k++) {
        chain = apply(join, { chain: k }, [chain]);
        if (k === 99) kept.push(chain);
      }
    })();
    expect(liveNodes()).toBe(before + 5000);
    await collect(() => liveNodes() === before + 100);
    expect(liveNodes()).toBe(before + 100);
    expect(kept[0]!.params).toEqual({ chain: 99 });
  });
});
