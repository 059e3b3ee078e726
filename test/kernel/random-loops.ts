/** Random programs of loops and branches, one inside the other, over a few types: the same for the same seed, over any engine's sources. */
import type { Dim } from "../../core/dim.ts";
import { sameShape, type Shape } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { greater, less, where } from "../../ops/compare.ts";
import { convert } from "../../ops/convert.ts";
import { concatenate } from "../../ops/concatenate.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { sin, tanh } from "../../ops/functions.ts";
import { roll } from "../../ops/rearrange.ts";
import { matmul } from "../../ops/matmul.ts";
import { broadcastTo, toTensor } from "../../ops/operand.ts";
import { slice } from "../../ops/pad.ts";
import { maximum } from "../../ops/piecewise.ts";
import { max, sum } from "../../ops/reductions.ts";
import { flip, transpose } from "../../ops/transpose.ts";
import type { Random } from "../ad/cases.ts";
import { choose, scan, whileLoop } from "./loops.ts";

/** How long loops are, and the sizes of a vector and of the rows of a matrix. */
export interface Sizes {
  readonly length: Dim;
  readonly n: Dim;
  readonly m: Dim;
}

type Pool = Tensor[];

/** Tensors of a program over sources: what it computed on its way, of any of the types. */
export function randomProgram(r: Random, sources: readonly Tensor[], sizes: Sizes): Tensor[] {
  const pool: Pool = [...sources];
  for (let i = r.integer(1, 4); i > 0; i--) pool.push(...loopOf(r, pool, sizes, 2));
  return pool.slice(sources.length);
}

const like = (pool: readonly Tensor[], t: Tensor): Tensor[] => pool.filter((x) => x.dtype === t.dtype && sameShape(x.shape, t.shape));
/** Rather what was made last. */
const latest = (r: Random, pool: readonly Tensor[]): Tensor => (r.next() < 0.6 ? pool.at(-1)! : r.pick(pool));
const floats = (pool: readonly Tensor[]): Tensor[] => pool.filter((t) => t.dtype !== "int32");
const ofShape = (pool: readonly Tensor[], shape: Shape): Tensor[] => floats(pool).filter((t) => sameShape(t.shape, shape));

/** Elementwise, shifted, folded and rearranged values, and with `depth` left loops and branches. */
function grow(r: Random, pool: Pool, sizes: Sizes, depth: number): void {
  const { n, m } = sizes;
  const any = (): Tensor => r.pick(floats(pool));
  const vector = (): Tensor => r.pick(ofShape(pool, [n]));
  const matrix = (): Tensor => r.pick(ofShape(pool, [m, n]));
  const same = (): [Tensor, Tensor] => {
    const t = any();
    return [t, r.pick(like(pool, t))];
  };
  const makers: (() => Tensor | readonly Tensor[])[] = [
    () => add(...same()),
    () => sub(mul(any(), 0.5), 0.25),
    () => mul(...same()),
    () => tanh(any()),
    () => sin(any()),
    () => maximum(...same()),
    () => {
      const [a, b] = same();
      return where(greater(a, b), a, mul(b, 0.75));
    },
    () => roll(vector(), 1),
    () => add(roll(vector(), 1), roll(vector(), -1)),
    () => flip(vector(), 0),
    () => cumsum(matrix(), r.integer(0, 1)),
    () => max(matrix(), { axis: 0 }),
    () => sum(mul(vector(), vector())),
    () => broadcastTo(vector(), [m, n]),
    () => broadcastTo(r.pick(ofShape(pool, [])), [n]),
    () => mul(matrix(), vector()),
    () => slice(concatenate([vector(), tanh(vector())], 0), [0], [n]),
    () => matmul(matmul(matrix(), transpose(matrix())), matrix()),
    () => loopOf(r, pool, sizes, depth - 1),
    () => loopOf(r, pool, sizes, depth - 1),
  ];
  if (depth <= 0) makers.splice(-2);
  for (let i = r.integer(1, 5); i > 0; i--) pool.push(...[r.pick(makers)()].flat());
}

/** Results of a loop or a branch over some of what there is. */
function loopOf(r: Random, pool: Pool, sizes: Sizes, depth: number): readonly Tensor[] {
  const consts = [r.pick(ofShape(pool, [])), r.pick(ofShape(pool, [sizes.n])), r.pick(ofShape(pool, [sizes.m, sizes.n]))];
  const carries = Array.from({ length: r.integer(1, 3) }, () => r.pick(floats(pool)));
  const kind = r.integer(0, 5);
  if (kind === 0) {
    const index = convert(mul(r.pick(ofShape(pool, [])), 3), "int32");
    const cases = Array.from({ length: r.integer(1, 3) }, () => (operands: readonly Tensor[]): readonly Tensor[] => {
      const inside = [...operands];
      grow(r, inside, sizes, depth);
      return carries.map((t) => latest(r, like(inside, t)));
    });
    return choose(index, [...consts, ...carries], cases);
  }
  if (kind === 1) {
    const limit = r.integer(0, 4);
    return whileLoop(
      consts,
      [...carries, toTensor("test", 0, "int32")],
      (_, inside) => less(inside.at(-1)!, limit),
      (given, inside) => {
        const all = [...given, ...inside.slice(0, -1)];
        grow(r, all, sizes, depth);
        return [...carries.map((t) => latest(r, like(all, t))), add(inside.at(-1)!, 1)];
      },
    ).slice(0, -1);
  }
  const { xs, length } = r.pick([
    { xs: [r.pick(ofShape(pool, [sizes.m, sizes.n]))], length: sizes.m },
    { xs: [flip(r.pick(ofShape(pool, [sizes.m, sizes.n])), 0)], length: sizes.m },
    { xs: [transpose(r.pick(ofShape(pool, [sizes.m, sizes.n])))], length: sizes.n },
    { xs: [r.pick(ofShape(pool, [sizes.n])), broadcastTo(r.pick(ofShape(pool, [])), [sizes.n])], length: sizes.n },
    { xs: [], length: sizes.length },
  ]);
  const out = scan({ consts, carries, xs, length, reverse: r.next() < 0.4 }, (c, k, x) => {
    const inside = [...c, ...k, ...x];
    grow(r, inside, sizes, depth);
    return [carries.map((t) => latest(r, like(inside, t))), Array.from({ length: r.integer(0, 2) }, () => r.pick(floats(inside)))];
  });
  return [...out.carries, ...out.values, ...(r.next() < 0.5 ? out.history : [])];
}
