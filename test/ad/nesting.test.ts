/** A table of nestings: every transform around every other, with closures over outer arguments, against closed forms. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../core/tensor.ts";
import { mul, square } from "../../ops/arithmetic.ts";
import { type Derivative, f, known, loops, type Scalar, transforms } from "./nestings.ts";
import { f64, itemOf } from "./values.ts";

const close = (got: number, expected: number): void => expect(Math.abs(got / expected - 1)).toBeLessThan(1e-12);
const all = Object.entries(transforms);

/** Transforms around each other, the outermost first: where one goes backwards through one that does not let it, undefined. */
function orderOf(...nested: readonly Derivative[]): number | undefined {
  const refused = nested.some((outer, i) => outer.reverse && nested.slice(i + 1).some((inner) => inner.forward));
  return refused ? undefined : nested.reduce((sum, d) => sum + d.order, 0);
}

describe("every transform inside every other", () => {
  it.each(all)("%s of ...", (_, outer) => {
    for (const [name, inner] of all) {
      const order = orderOf(outer, inner);
      const build = (): number => itemOf(outer.of(inner.of(f))(f64(0.3)));
      if (order === undefined) expect(build, `... ${name}`).toThrow(/whileLoop: .* no reverse mode/);
      else expect(Math.abs(build() / known(order, 0.3) - 1), `... ${name}`).toBeLessThan(1e-12);
    }
  });
  it("three levels deep, any of them", () => {
    const any = fc.constantFrom(...all.filter(([, d]) => d.order <= 2));
    fc.assert(
      fc.property(any, any, any, ([a, outer], [b, middle], [c, inner]) => {
        const order = orderOf(outer, middle, inner);
        if (order === undefined) return;
        const got = itemOf(outer.of(middle.of(inner.of(f)))(f64(0.3)));
        expect(Math.abs(got / known(order, 0.3) - 1), `${a} of ${b} of ${c}`).toBeLessThan(1e-11);
      }),
      { numRuns: 40 },
    );
  });
});

describe("closures over the arguments of the outer one keep their perturbations apart", () => {
  const differentiable = all.filter(([, t]) => t.order > 0);
  const outers = ["grad", "jvp", "jet", "jacfwd", "jacrev", "derivatives", "laplacian", "hvp"].map(
    (name) => [name, transforms[name]!] as const,
  );
  /** D^m (x^3 h) for h = f^(n), by Leibniz. */
  const cubeTimes = (m: number, n: number, x: number): number => {
    const cubes = [x ** 3, 3 * x * x, 6 * x, 6];
    const binomials = [[1], [1, 1], [1, 2, 1], [1, 3, 3, 1]][m]!;
    return binomials.reduce((sum, c, k) => sum + c * cubes[k]! * known(n + m - k, x), 0);
  };
  // g(x) = x D^n_y [x^2 y e^(2y)] at y = x is x^3 f^(n)(x).
  it.each(outers)("%s of x times ... of x^2 y e^(2y)", (_, outer) => {
    for (const [name, inner] of differentiable) {
      const g: Scalar = (x) => mul(x, inner.of((y) => mul(square(x), f(y)))(x));
      const x = 0.4;
      const expected = cubeTimes(outer.order, inner.order, x);
      expect(Math.abs(itemOf(outer.of(g)(f64(x))) / expected - 1), `... ${name}`).toBeLessThan(1e-12);
    }
  });
  it.each(Object.entries(loops))("through %s, between the two and around the inner one", (_, loop) => {
    for (const outer of [transforms.grad!, transforms.jvp!, transforms.jet!])
      for (const inner of [transforms.grad!, transforms.jvp!, transforms.jacfwd!, transforms.hessian!])
        for (const g of [
          (x: Tensor) => mul(x, inner.of(loop.of((y) => mul(square(x), f(y))))(x)),
          (x: Tensor) => mul(x, loop.of((z) => inner.of((y) => mul(square(x), f(y)))(z))(x)),
        ] satisfies Scalar[]) {
          if ((outer.reverse || inner.reverse) && loop.forward) continue;
          close(itemOf(outer.of(g)(f64(0.4))), cubeTimes(outer.order, inner.order, 0.4));
        }
  });
  it("three levels deep", () => {
    const d = transforms;
    const g: Scalar = (x) => mul(x, d.jet!.of((y) => mul(y, d.grad!.of((z) => mul(mul(x, y), f(z)))(y)))(x));
    // The inner is x y f'(y); times y and three derivatives by y: x D^3 (y^2 f'(y)); times x.
    const inner = (x: number): number => x * (x * x * known(4, x) + 6 * x * known(3, x) + 6 * known(2, x));
    close(itemOf(g(f64(0.5))), 0.5 * inner(0.5));
  });
});
