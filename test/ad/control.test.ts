/** Loops and branches: what they compute is what the same steps, written out one after another, compute; and so are their derivatives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../ops/methods.ts";
import { associativeScan } from "../../ad/control/associative.ts";
import { cond, switchCase } from "../../ad/control/branches.ts";
import { fold, fori, scan, whileLoop } from "../../ad/control/loops.ts";
import { customVjp } from "../../ad/custom.ts";
import { grad } from "../../ad/grad.ts";
import { jvp } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { jet } from "../../ad/jet.ts";
import { jacfwd, jacrev } from "../../ad/jacobian.ts";
import { effectsOf } from "../../core/effects.ts";
import { constant } from "../../core/leaves.ts";
import { dim } from "../../core/dim.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { equal, greater, less, where } from "../../ops/compare.ts";
import { convert } from "../../ops/convert.ts";
import { arange, zerosLike } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { cos, exp, sin, tanh } from "../../ops/functions.ts";
import { probe, stopGradient } from "../../ops/identity.ts";
import { take } from "../../ops/indexing.ts";
import { matmul } from "../../ops/matmul.ts";
import { clip } from "../../ops/piecewise.ts";
import { RuleSet } from "../../ops/primitive.ts";
import { random } from "../../ops/random.ts";
import { all, sum } from "../../ops/reductions.ts";
import { stack } from "../../ops/concatenate.ts";
import { leafOf, numbersOf } from "../ops/support.ts";
import { Random } from "./cases.ts";
import { f64, itemOf, relativeError, valueOf, valuesOf } from "./values.ts";

type Step = (carry: Tensor[], x: Tensor) => [Tensor[], Tensor];

/** The steps written out. */
function unrolled(f: Step, init: readonly Tensor[], xs: Tensor, reverse: boolean): [Tensor[], Tensor] {
  const n = xs.shape[0] as number;
  const ys = new Array<Tensor>(n);
  let carry = [...init];
  for (let k = 0; k < n; k++) {
    const at = reverse ? n - 1 - k : k;
    [carry, ys[at]] = f(carry, take(xs, at, 0));
  }
  return [carry, stack(ys as never)];
}

/** A random step of two carries ([2] and []) and a slice [2], which closes over tensors given, and over constants. */
const stepOf =
  (seed: number, closed: readonly Tensor[]): Step =>
  (carry, x) => {
    const r = new Random(seed);
    const vectors: Tensor[] = [carry[0]!, x, closed[0]!, f64([0.3, -0.7]), add(closed[0]!, closed[1]!)];
    const scalars: Tensor[] = [carry[1]!, closed[1]!, f64(0.5), sum(closed[0]!)];
    const pick = (): Tensor => r.pick(r.next() < 0.7 ? vectors : scalars);
    const vector = (): Tensor => r.pick(vectors);
    const operations: (() => Tensor)[] = [
      () => add(pick(), vector()),
      () => mul(pick(), vector()),
      () => sub(vector(), pick()),
      () => sin(vector()),
      () => tanh(mul(vector(), pick())),
      () => where(less(vector(), pick()), vector(), pick()),
      () => add(vector(), sum(vector())),
      () => matmul(closed[2]!, vector()),
      () =>
        cond(
          less(r.pick(scalars), 0.1),
          (a: Tensor, b: Tensor) => mul(a, sin(b)),
          (a: Tensor) => cos(a),
          vector(),
          vector(),
        ),
      () => fold((c: Tensor, s: Tensor) => add(mul(c, 0.5), sin(mul(s, carry[1]!))), vector(), vector()),
    ];
    for (let k = r.integer(2, 6); k > 0; k--) vectors.push(r.pick(operations)());
    const scalar = sum(tanh(vector()));
    // Bounded, and made of the carry, so that tangents are there from the first step to the last.
    return [[tanh(add(r.pick(vectors), carry[0]!)), sin(add(scalar, carry[1]!))], mul(vector(), carry[1]!)];
  };

describe("a scan is its steps, one after another", () => {
  const seeds = fc.integer();
  const problem = (seed: number): { loop: Run; steps: Run; args: Tensor[]; random: Random } => {
    const r = new Random(seed);
    const reverse = r.next() < 0.5;
    const args = [r.tensor([2]), r.tensor([]), r.tensor([2, 2]), r.tensor([2]), r.tensor([]), r.tensor([r.integer(1, 4), 2])];
    const run =
      (scanned: boolean): Run =>
      (a, b, m, u, v, xs) => {
        const f = stepOf(seed, [a!, b!, m!]);
        const [[p, q], ys] = scanned ? scan(f as never, [u, v], xs, { reverse }) : unrolled(f, [u!, v!], xs!, reverse);
        return [p, q, ys] as Tensor[];
      };
    return { loop: run(true), steps: run(false), args, random: r };
  };
  type Run = (...args: Tensor[]) => Tensor[];
  it("values and jvp, to the bit", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { loop, steps, args, random: r } = problem(seed);
        const tangents = args.map((t) => r.tensor(t.shape as number[], -1, 1));
        const [a, b] = [loop, steps].map((f) => jvp(f, args, tangents) as unknown as Tensor[][]);
        expect(valuesOf(...a!.flat())).toEqual(valuesOf(...b!.flat()));
      }),
      { numRuns: 40 },
    );
  });
  it("gradients of carries, xs and what is closed over, to 1e-12", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { loop, steps, args, random: r } = problem(seed);
        const weights = steps(...args).map((t) => r.tensor(t.shape as number[], -1, 1));
        const [a, b] = [loop, steps].map((f) => valuesOf(...(vjp(f, args)[1](weights) as Tensor[])).flat());
        expect(relativeError(a!, b!)).toBeLessThan(1e-12);
      }),
      { numRuns: 25 },
    );
  });
  it("second derivatives: forward over reverse and reverse over reverse", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { loop, steps, args, random: r } = problem(seed);
        const weights = steps(...args).map((t) => r.tensor(t.shape as number[], -1, 1));
        const tangents = args.map((t) => r.tensor(t.shape as number[], -1, 1));
        const [a, b] = [loop, steps].map((f) => {
          const gradient = (...xs: Tensor[]): Tensor[] => vjp(f, xs)[1](weights) as Tensor[];
          const forward = jvp(gradient, args, tangents)[1] as unknown as Tensor[];
          const reverse = vjp(gradient, args)[1](tangents) as Tensor[];
          return valuesOf(...forward, ...reverse).flat();
        });
        expect(relativeError(a!, b!)).toBeLessThan(1e-11);
      }),
      { numRuns: 8 },
    );
  });
  it("vmap over any of the arguments is a loop of scans, to the bit", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { loop, args, random: r } = problem(seed);
        const mapped = args.map(() => r.next() < 0.5);
        if (!mapped.includes(true)) mapped[r.integer(0, 5)] = true;
        const examples = [0, 1, 2].map(() => args.map((t, i) => (mapped[i] ? r.tensor(t.shape as number[]) : t)));
        const stacked = args.map((t, i) => (mapped[i] ? (stack(examples.map((e) => e[i]!) as never) as Tensor) : t));
        const together = vmap(loop, { inAxes: mapped.map((m) => (m ? 0 : null)) })(...stacked) as unknown as Tensor[];
        const alone = examples.map((e) => valuesOf(...loop(...e)));
        expect(valuesOf(...together)).toEqual([0, 1, 2].map((k) => alone.flatMap((values) => values[k]!)));
      }),
      { numRuns: 15 },
    );
  });
  it("of no steps at all gives the initial carry, with its derivative", () => {
    const f = (c: Tensor): Tensor => fold((a: Tensor, x: Tensor) => mul(a, x), c, constant([], { shape: [0], dtype: "float64" }));
    expect(valuesOf(f(f64(3)), grad(f)(f64(3)))).toEqual([[3], [1]]);
  });
  it("with a named length", () => {
    const [n, w] = [dim("n"), leafOf([])];
    const xs = leafOf([n]);
    const [last, ys] = scan((c: Tensor, x: Tensor) => [add(mul(c, w), x), mul(c, x)] as const, f64(1), xs);
    const loss = add(last, sum(ys as Tensor));
    const [dw, dxs] = grad(loss, [w, xs]) as [Tensor, Tensor];
    for (const values of [[], [2], [1, -1, 0.5, 2]]) {
      let [c, dc, total, slope] = [1, 0, 0, 0];
      for (const x of values) [total, slope, c, dc] = [total + c * x, slope + dc * x, c * 1.5 + x, dc * 1.5 + c];
      const bindings = {
        leaves: new Map([
          [w, [1.5]],
          [xs, values],
        ]),
        sizes: { n: values.length },
      };
      expect(numbersOf(loss, bindings)[0]).toBeCloseTo(total + c, 12);
      expect(numbersOf(dw, bindings)[0]).toBeCloseTo(slope + dc, 12);
      expect(numbersOf(dxs, bindings)).toHaveLength(values.length);
    }
  });
});

describe("trees, literals and nothing", () => {
  it("carries, xs and ys are trees; what is null stays", () => {
    const [carry, ys] = scan(
      (c: { a: Tensor; b: [Tensor, null] }, x: { u: Tensor; none: null }) =>
        [
          { b: [add(c.b[0], x.u), null], a: mul(c.a, 2) },
          { before: c.a, nothing: null },
        ] as const,
      { a: f64(1), b: [f64(0), null] as [Tensor, null] },
      { u: f64([1, 2, 3]), none: null },
    ) as unknown as [{ a: Tensor; b: [Tensor, null] }, { before: Tensor; nothing: null }];
    expect(valuesOf(carry.a, carry.b[0], ys.before)).toEqual([[8], [6], [1, 2, 4]]);
    expect([carry.b[1], ys.nothing]).toEqual([null, null]);
    expect(scan((c: Tensor) => [c, undefined] as const, f64(1), null, { length: 3 })[1]).toBe(undefined);
  });
  it("a number in the initial carry takes the dtype that the step gives it, and one that the step gives that of the carry", () => {
    const total = fold((c, x: Tensor) => add(c, x), 0, f64([1, 2, 3]));
    expect(total.dtype).toBe("float64");
    expect(fold((c) => add(c as Tensor, 1), 0, null, { length: 3 }).dtype).toBe("float32");
    expect(itemOf(total)).toBe(6);
    const [, count] = fori(0, 3, (_, [c, k]) => [mul(c!, 2), k!.add(1)], [f64(1), constant(0, { dtype: "int32" })]) as [Tensor, Tensor];
    expect([count.dtype, itemOf(count)]).toEqual(["int32", 3]);
    expect(valueOf(fold((_c: Tensor, _x: Tensor) => 7, f64(1), f64([1, 2])))).toEqual([7]);
  });
  it("ys that are the same for all steps are spread out", () => {
    const w = f64([1, 2]);
    const [, ys] = scan((c: Tensor, x: Tensor) => [add(c, x), [w, 3]] as const, f64(0), f64([1, 2, 3])) as unknown as [Tensor, Tensor[]];
    expect(valuesOf(...ys)).toEqual([
      [1, 2, 1, 2, 1, 2],
      [3, 3, 3],
    ]);
  });
  it("fori counts between any bounds", () => {
    const digits = (from: number | Tensor, to: number | Tensor): number =>
      itemOf(fori(from, to, (i, c: Tensor) => add(mul(c, 10), i), f64(0)));
    expect(digits(2, 6)).toBe(2345);
    expect(digits(-2, 1)).toBe(-210);
    expect(digits(3, 3)).toBe(0);
    expect(digits(3, 1)).toBe(0);
    const int = (n: number): Tensor => constant(n, { dtype: "int32" });
    expect([digits(int(2), 6), digits(2, int(6)), digits(int(6), int(2))]).toEqual([2345, 2345, 0]);
    const n = dim("n");
    const xs = leafOf([n]);
    const named = fori(1, n, (i, c: Tensor) => add(c, take(xs, i, 0)), f64(0));
    expect(numbersOf(named, { leaves: new Map([[xs, [10, 1, 2, 3]]]), sizes: { n: 4 } })).toEqual([6]);
  });
});

describe("bodies", () => {
  const w = leafOf([2]);
  const xs = leafOf([3, 2]);
  it("equal loops are one node, whatever their names; other ones are not", () => {
    const make = (scale: number): Tensor =>
      fold((c: Tensor, x: Tensor) => add(mul(c, w).named(`c${Math.random()}`), mul(x, scale)), w, xs) as Tensor;
    expect(make(2)).toBe(make(2));
    expect(make(2)).not.toBe(make(3));
    expect(grad(sum(make(2)), w)).toBe(grad(sum(make(2)), w));
    const choice = (): Tensor =>
      cond(
        less(sum(w), 0),
        () => sin(w),
        () => cos(w),
      );
    expect(choice()).toBe(choice());
    const loop = (): Tensor =>
      whileLoop(
        (c: Tensor) => less(sum(c), 1),
        (c: Tensor) => add(c, w),
        w,
      ) as Tensor;
    expect(loop()).toBe(loop());
  });
  it("what is the same in all steps is computed once, before the loop", () => {
    const loop = fold((c: Tensor, x: Tensor) => add(mul(c, exp(w)), x), w, xs) as Tensor;
    expect(loop.inputs[0]!.inputs).toEqual([exp(w), w, xs]);
  });
  it("what never changes is no carry", () => {
    const [k, c] = fold(([same, d]: [Tensor, Tensor], x: Tensor) => [same, add(mul(d, same), x)], [w, w], xs) as [Tensor, Tensor];
    expect(k).toBe(w);
    expect(c.inputs[0]!.inputs).toEqual([w, w, xs]);
    // The cotangents of w are added up, instead of carried and added up.
    expect(
      numbersOf(grad(sum(c), w), {
        leaves: new Map([
          [w, [2, 3]],
          [xs, [1, 2, 3, 4, 5, 6]],
        ]),
      }),
    ).toEqual([4 * 8 + 2 * 2 + 3, 4 * 27 + 2 * 2 * 3 + 4]);
  });
  it("a case computes what is written in it, not before it, even if the same stands elsewhere", () => {
    const choice = (): Tensor =>
      cond(
        less(sum(w), 0),
        () => sin(w),
        () => cos(exp(w)),
      );
    const bare = choice();
    const outside = [sin(w), exp(w), cos(exp(w))];
    expect(choice()).toBe(bare);
    expect(bare.inputs.slice(1)).toEqual([w]);
    const shared = exp(w);
    expect(
      cond(
        less(sum(w), 0),
        () => sin(shared),
        () => w,
      ).inputs,
    ).toContain(shared);
    expect(outside).toHaveLength(3);
  });
  it("a predicate that is known chooses at once", () => {
    const never = (): Tensor => {
      throw new Error("this case is not chosen");
    };
    const choices = [
      cond(true, () => w, never),
      cond(0, never, () => w),
      switchCase(9, [never, () => w]),
      switchCase(-3, [() => w, never]),
    ];
    for (const t of choices) expect(t).toBe(w);
  });
  it("an index out of range means the nearest case, in a batch too", () => {
    const pick = (i: Tensor): Tensor => switchCase(i, [() => f64(10), () => f64(11), () => f64(12)]);
    const at = [-5, 0, 1, 2, 9];
    const indices = constant(at, { dtype: "int32" });
    expect(at.map((i) => itemOf(pick(constant(i, { dtype: "int32" }))))).toEqual([10, 10, 11, 12, 12]);
    expect(valueOf(vmap(pick)(indices) as Tensor)).toEqual([10, 10, 11, 12, 12]);
    expect(itemOf(pick(constant(2 ** 32 - 1, { dtype: "uint32" })))).toBe(12);
  });
  it("probes and stopGradient keep their meaning inside", () => {
    const a = f64(0.5);
    const f = (x: Tensor): Tensor => fori(0, 3, (_, c: Tensor) => mul(sin(c), stopGradient(x)), x);
    const g = (x: Tensor): Tensor =>
      fori(
        0,
        3,
        (_, c: Tensor) => {
          const p = probe(c);
          return add(mul(c, x), grad(mul(sin(p), c), p));
        },
        x,
      );
    const steps = (h: (c: Tensor, x: Tensor) => Tensor) => (x: Tensor) => h(h(h(x, x), x), x);
    expect(valueOf(grad(f)(a))).toEqual(valueOf(grad(steps((c, x) => mul(sin(c), stopGradient(x))))(a)));
    expect(itemOf(grad(g)(a))).toBeCloseTo(itemOf(grad(steps((c, x) => add(mul(c, x), mul(cos(c), c))))(a)), 12);
  });
});

describe("what does not move has no tangent", () => {
  const w = leafOf([2]);
  const v = leafOf([2]);
  const xs = leafOf([3, 2]);
  const [a, b] = fold(([p, q]: [Tensor, Tensor], x: Tensor) => [mul(p, w), add(q, x)], [v, v], xs) as [Tensor, Tensor];
  it("a carry that does not depend", () => {
    expect(jvp(b, w, zerosLike(w))).toBe(zerosLike(b));
    const { params } = jvp(sum(a), w, v).inputs[0]!.inputs[0]! as unknown as { params: { carries: number } };
    expect(params.carries).toBe(1);
  });
  it("the tangent of a linear loop reads no history, and that of a product does", () => {
    const [da, db] = [jvp(a, v, w), jvp(b, xs, xs)];
    expect(da.inputs[0]!.inputs).toEqual([w, w]);
    expect(db.inputs[0]!.inputs).toEqual([zerosLike(v), xs]);
    const both = fold((p: Tensor) => mul(p, p), v, null, { length: 3 });
    expect(jvp(both, v, w).inputs[0]!.inputs).toHaveLength(2);
  });
  it("integers, bools and keys", () => {
    const f = (x: Tensor): Tensor => {
      const [y, i, more] = fold(
        ([c, k]: Tensor[]) => [mul(c!, convert(k!, "float64")), add(k!, convert(c!, "int32")), less(c!, 5)],
        [x, constant(2, { dtype: "int32" }), constant(true)],
        null,
        { length: 3 },
      ) as Tensor[];
      return where(more!, mul(y!, convert(i!, "float64")), y!);
    };
    // x * 2 * (2 + 1) * (3 + 3) for x = 1.5, as if the counts were constants.
    expect(valuesOf(f(f64(1.5)), grad(f)(f64(1.5)))).toEqual([[54], [36]]);
    expect(() => grad((i: Tensor) => fori(0, 3, (_, c: Tensor) => add(c, 1), i))(constant(1, { dtype: "int32" }))).toThrow(/int32/);
  });
  it("what is there in one case only is zeros in the others", () => {
    const f = (x: Tensor): Tensor =>
      cond(
        greater(x, 0),
        (y: Tensor) => square(y),
        () => f64(3),
        x,
      );
    expect([2, -2].map((x) => itemOf(grad(f)(f64(x))))).toEqual([4, 0]);
    expect(
      jvp(
        cond(
          greater(w, 0).shape.length > 0,
          () => v,
          () => w,
        ),
        w,
        w,
      ),
    ).toBe(zerosLike(v));
  });
});

describe("rules that a transform is handed hold inside", () => {
  const half: RuleSet = new RuleSet({
    sin: {
      jvp: ({ inputs: [x], tangents: [d] }) => [mul(mul(cos(x!), d!), 0.5)],
      batch: ({ inputs: [x] }) => [mul(sin(x!), 100)],
    },
  });
  const bodies: Record<string, (x: Tensor) => Tensor> = {
    scan: (x) => fori(0, 1, (_, c: Tensor) => sin(c), x),
    while: (x) =>
      (
        whileLoop(
          ([, i]: [Tensor, Tensor]) => less(i, 1),
          ([c, i]: [Tensor, Tensor]) => [sin(c), add(i, 1)] as const,
          [x, 0] as unknown as [Tensor, Tensor],
        ) as Tensor[]
      )[0]!,
    switch: (x) =>
      cond(
        less(x, 9),
        (c: Tensor) => sin(c),
        (c: Tensor) => cos(c),
        x,
      ),
  };
  const slope = Math.cos(0.4) / 2;
  it.each(Object.entries(bodies))("%s", (name, f) => {
    const x = f64(0.4);
    const options = { rules: half };
    const found = [jvp(f, [x], [1], options)[1], jet(f, x, [1, null], options)[1][0]!, jacfwd(f, options)(x)] as Tensor[];
    if (name !== "while") found.push(grad(f, options)(x), vjp(f, [x], options)[1](1)[0] as Tensor, jacrev(f, options)(x));
    for (const t of found) expect(itemOf(t)).toBeCloseTo(slope, 14);
    expect(valueOf(vmap(f, options)(f64([0.4])) as Tensor)[0]).toBeCloseTo(100 * Math.sin(0.4), 12);
  });
  it("a reverse rule that is not linear serves reverse mode through a loop", () => {
    const clipped = customVjp(
      (x: Tensor) => mul(x, 3),
      (x) => [mul(x, 3), null],
      (_, ct) => [clip(mul(ct, 3), -1, 1)],
    );
    const f = (x: Tensor): Tensor =>
      mul(
        fori(0, 2, (_, c: Tensor) => clipped(mul(c, 0.5)) as Tensor, x),
        10,
      );
    // 10 * 3, clipped to 1, halved; 1.5, clipped, halved.
    expect(itemOf(grad(f)(f64(1)))).toBe(0.5);
    expect(() => jvp(f, [f64(1)], [1])).toThrow(/forward mode cannot/);
  });
});

it("forward mode goes through a reverse rule that loops, with a carry of its own that counts", () => {
  const sixfold = customVjp(
    (x: Tensor) => mul(x, 6),
    (x) => [mul(x, 6), null],
    (_, ct: Tensor) => [fold(([c, n]) => [mul(c, n), add(n, 1)], [ct, f64(1)] as [Tensor, Tensor], null, { length: 3 })[0]],
  );
  expect(itemOf(jvp(sixfold, [f64(2)], [5])[1] as Tensor)).toBe(30);
});

describe("random keys in a carry", () => {
  const draw = (key: Tensor): Tensor =>
    scan(
      (k: Tensor, x: Tensor) => {
        const [next, own] = random.split(k);
        return [next!, mul(random.normal(own!, [2], { dtype: "float64" }), x)] as const;
      },
      key,
      f64([1, 2, 3]),
    )[1] as Tensor;
  it("draw what the steps draw, in each example of vmap too", () => {
    const expected = (seed: number): number[] => {
      let key: Tensor = random.key(seed);
      return [1, 2, 3].flatMap((x) => {
        const [next, own] = random.split(key);
        key = next!;
        return valueOf(mul(random.normal(own!, [2], { dtype: "float64" }), x));
      });
    };
    expect(valueOf(draw(random.key(7)))).toEqual(expected(7));
    expect(effectsOf(draw(random.key(7)))).toEqual(["random"]);
    expect(valueOf(vmap(draw)(stack([random.key(7), random.key(8)])) as Tensor)).toEqual([...expected(7), ...expected(8)]);
  });
});

describe("while loops", () => {
  /** Doubles until the sum is large. */
  const double = (x: Tensor, options = {}): Tensor =>
    whileLoop(
      (c: Tensor) => less(sum(c), 100),
      (c: Tensor) => mul(c, 2),
      x,
      options,
    ) as Tensor;
  it("go on as long as the condition holds", () => {
    expect(valuesOf(double(f64([1, 2])), double(f64([70, 60])))).toEqual([
      [64, 128],
      [70, 60],
    ]);
  });
  it("have derivatives forward, of any order, and a batch in which each ends on its own", () => {
    const f = (x: Tensor): Tensor =>
      whileLoop(
        (c: Tensor) => less(c, 100),
        (c: Tensor) => mul(mul(c, c), x),
        x,
      ) as Tensor;
    // 3 -> 27 -> 2187: x^3 -> x^7.
    expect(itemOf(jvp(f, [f64(3)], [1])[1] as Tensor)).toBe(7 * 3 ** 6);
    expect(valuesOf(...(jet(f, f64(3), [1, null, null])[1] as Tensor[])).flat()).toEqual([7 * 3 ** 6, 42 * 3 ** 5, 210 * 3 ** 4]);
    expect(valueOf(vmap(f)(f64([3, 120, 11, 2])) as Tensor)).toEqual([2187, 120, 11 ** 3, 2 ** 7]);
    expect(valueOf(vmap((x: Tensor) => jvp(f, [x], [1])[1])(f64([3, 120, 2])) as Tensor)).toEqual([7 * 3 ** 6, 1, 7 * 2 ** 6]);
  });
  it("with at most so many steps go backwards too, and end when they end", () => {
    expect(valueOf(double(f64([1, 2]), { maxSteps: 20 }))).toEqual([64, 128]);
    expect(valueOf(double(f64([1, 2]), { maxSteps: 3 }))).toEqual([8, 16]);
    const g = (x: Tensor): Tensor => sum(square(double(x, { maxSteps: 20 })));
    expect(valueOf(grad(g)(f64([1, 2])))).toEqual([2 * 64 * 64, 2 * 128 * 64]);
  });
  it("refuse reverse mode otherwise, and say what to use", () => {
    for (const f of [
      (x: Tensor): Tensor => sum(double(x)),
      (x: Tensor): Tensor => sum(fori(0, convert(sum(x), "int32"), (_, c: Tensor) => mul(c, 2), x)),
    ])
      expect(() => grad(f)(f64([1, 2]))).toThrow(/whileLoop: .*fori with static bounds.*maxSteps.*forward mode/);
    // What does not depend, or depends beside the loop, is no matter.
    expect(valueOf(grad((x: Tensor) => sum(mul(x, double(f64([1, 2])))))(f64([1, 1])))).toEqual([64, 128]);
    expect(valueOf(grad((x: Tensor) => sum(add(x, stopGradient(double(x)))))(f64([1, 1])))).toEqual([1, 1]);
  });
});

describe("associativeScan combines in order, whatever the length", () => {
  type Affine = [Tensor, Tensor];
  const compose = ([a1, b1]: Affine, [a2, b2]: Affine): Affine => [matmul(a2, a1), add(matmul(a2, b1), b2)];
  it.each([0, 1, 2, 3, 4, 5, 8, 13, 16])("%i entries", (n) => {
    const r = new Random(n);
    const [a, b] = [r.tensor([n, 2, 2]), r.tensor([n, 2, 1])];
    const [slopes, offsets] = associativeScan(compose, [a, b] as Affine);
    const x = f64([[1], [-2]]);
    const images = valueOf(add(matmul(slopes, x), offsets));
    const ys =
      n === 0
        ? []
        : valueOf(
            scan(
              (c: Tensor, [p, q]: Affine) => {
                const next = add(matmul(p, c), q);
                return [next, next] as const;
              },
              x,
              [a, b] as Affine,
            )[1] as Tensor,
          );
    expect(images).toHaveLength(ys.length);
    images.forEach((v, i) => expect(v).toBeCloseTo(ys[i]!, 10));
  });
  it("along any axis, and from the end", () => {
    const x = arange(24).reshape([2, 4, 3]);
    for (const axis of [0, 1, 2, -1]) expect(valueOf(associativeScan(add as never, x, { axis }))).toEqual(valueOf(cumsum(x, axis)));
    expect(valueOf(associativeScan((p: Tensor, q: Tensor) => add(p, q), f64([1, 2, 3, 4]), { reverse: true }))).toEqual([10, 9, 7, 4]);
  });
});

describe("mistakes", () => {
  const x = f64([1, 2]);
  const cases: [string, () => unknown, RegExp][] = [
    [
      "another structure",
      () => fold((c: { u: Tensor; v: Tensor }) => ({ u: c.u }) as never, { u: x, v: x }, x),
      /fold: .*another structure[^]*takes: \{ u: float64\[2\], v: float64\[2\] \}[^]*gives: \{ u: float64\[2\] \}/,
    ],
    [
      "another dtype",
      () => fold((c: Tensor) => c.astype("float32"), x, x),
      /float32\[2\] for the carry, which is float64\[2\].*astype\("float64"\)/,
    ],
    [
      "another shape",
      () => fold((c: { a: Tensor }) => ({ a: sum(c.a) }), { a: x }, x),
      /float64\[\] for the carry at a, which is float64\[2\].*keeps its shape/,
    ],
    [
      "a fraction for an integer",
      () => fold(() => 0.5, constant(1, { dtype: "int32" }), x),
      /0\.5 for the carry, which is int32\[\].*keeps its dtype/,
    ],
    ["no pair", () => scan((c: Tensor) => c as never, x, x), /must give \[carry, y\], got .*y may be null/],
    ["no length", () => scan((c: Tensor) => [c, c] as const, x, null), /length must be given/],
    [
      "lengths that differ",
      () => scan((c: Tensor) => [c, c] as const, x, { a: f64([1]), b: x }),
      /number of slices of xs at a is 1, but xs at b, .* has 2 slices/,
    ],
    [
      "a length that differs",
      () => scan((c: Tensor) => [c, c] as const, x, x, { length: 3 }),
      /length given is 3, but xs, .* has 2 slices/,
    ],
    ["xs without axes", () => scan((c: Tensor) => [c, c] as const, x, { a: f64(1) }), /xs at a has no axis/],
    ["no function", () => scan(x as never, x, x), /scan: needs a function, got constant/],
    [
      "a condition of many",
      () =>
        whileLoop(
          (c: Tensor) => less(c, 1),
          (c: Tensor) => c,
          x,
        ),
      /condition must give a bool scalar, got less bool\[2\]; .*any or all/,
    ],
    [
      "a condition that always holds",
      () =>
        whileLoop(
          () => true,
          (c: Tensor) => mul(c, 2),
          x,
        ),
      /never ends/,
    ],
    [
      "maxSteps that is no number",
      () =>
        whileLoop(
          (c: Tensor) => all(less(c, 1)),
          (c: Tensor) => c,
          x,
          { maxSteps: 1.5 },
        ),
      /maxSteps must be/,
    ],
    ["bounds that are no integers", () => fori(0, f64(3), (_, c: Tensor) => c, x), /bounds must be integers/],
    [
      "a predicate of many",
      () =>
        cond(
          equal(x, 1),
          () => x,
          () => x,
        ),
      /predicate must be a scalar.*use where/,
    ],
    [
      "cases of other structure",
      () => cond(less(sum(x), 1), () => [x, x], (() => [x]) as never),
      /structures[^]*whenFalse: \[float64\[2\]\][^]*whenTrue:  \[float64\[2\], float64\[2\]\]/,
    ],
    [
      "cases of other types",
      () => switchCase(convert(sum(x), "int32"), [() => x, () => sum(x)] as never),
      /case 0 gives float64\[2\], case 1 gives float64\[\]/,
    ],
    ["an index that is no integer", () => switchCase(sum(x), [() => x]), /index must be an integer scalar/],
    ["no cases", () => switchCase(0, []), /at least one function/],
    ["a named length", () => associativeScan(add as never, leafOf([dim("n")])), /needs a known length, got n.*use scan/],
    ["f of another shape", () => associativeScan((a: Tensor) => sum(a), x), /f gives .* shape and dtype must stay the same/],
  ];
  it.each(cases)("%s", (_, build, message) => expect(build).toThrow(message));
});
