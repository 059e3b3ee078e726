/** Shapes in types through the package's own surface: methods, sources, transforms. */
import { expectTypeOf } from "vitest";
import {
  arange,
  type BaseEngine,
  createEngine,
  customJvp,
  type Data,
  derivatives,
  dim,
  dynamicSlice,
  type Engine,
  grad,
  jet,
  jvp,
  laplacian,
  matmul,
  mean,
  random,
  type RemoteEngine,
  scatterAdd,
  type Shape,
  sort,
  split,
  type State,
  square,
  tanh,
  type Tensor,
  tensor,
  type Variable,
  valueAndGrad,
  vjp,
  vmap,
} from "fluxion";
import { cpu } from "fluxion/cpu";

declare const matrix: Tensor<[2, 3]>;
declare const batch: Tensor<["n", 2]>;
declare const anything: Tensor;

// Methods
expectTypeOf(matrix.mul(2).add(matrix).tanh()).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(batch.matmul(matrix)).toEqualTypeOf<Tensor<["n", 3]>>();
expectTypeOf(matrix.transpose()).toEqualTypeOf<Tensor<[3, 2]>>();
expectTypeOf(matrix.transpose([1, 0])).toEqualTypeOf<Tensor<[3, 2]>>();
expectTypeOf(matrix.T).toEqualTypeOf<Tensor>();
expectTypeOf(matrix.sum()).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(matrix.max({ axis: 0, keepdims: true })).toEqualTypeOf<Tensor<[1, 3]>>();
expectTypeOf(matrix.cumsum(1).clip(0, matrix)).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(matrix.reshape([3, -1])).toEqualTypeOf<Tensor<[3, any]>>();
expectTypeOf(matrix.reshape([-1])).toEqualTypeOf<Tensor<[6]>>();
expectTypeOf(matrix.expandDims(0).squeeze()).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(matrix.lt(0).not().astype("int32")).toEqualTypeOf<Tensor<[2, 3]>>();
expectTypeOf(matrix.sum(0).broadcastTo([7, 3])).toEqualTypeOf<Tensor<[7, 3]>>();
expectTypeOf(anything.add(batch).sum(3)).toEqualTypeOf<Tensor>();
// @ts-expect-error: 3 columns, 2 rows
matrix.matmul(matrix);
// @ts-expect-error: [2, 3] and [n, 2]
matrix.add(batch);
// @ts-expect-error: no axis 2
matrix.sum(2);
// @ts-expect-error: 6 elements are not 4
matrix.reshape([2, 2]);

// Indexing and ranges
expectTypeOf(dynamicSlice(batch, [0, 0], [5, 2])).toEqualTypeOf<Tensor<[5, 2]>>();
expectTypeOf(scatterAdd(batch, [0, 1], matrix)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(arange(dim("n"))).toEqualTypeOf<Tensor<["n"]>>();
expectTypeOf(sort(batch, 0)).toEqualTypeOf<Tensor<["n", 2]>>();

// Sources
const engine = await createEngine();
const w = engine.variable(
  [
    [0.1, -0.3],
    [0.7, 0.2],
  ],
  { label: "w", dtype: "float32" },
);
const points = engine.variable([[1, 2]], { shape: [dim("n"), 2] });
expectTypeOf(w).toEqualTypeOf<Variable<[2, 2]>>();
expectTypeOf(points).toEqualTypeOf<Variable<["n", 2]>>();
expectTypeOf(engine.variable(0.3)).toEqualTypeOf<Variable<[]>>();
expectTypeOf(engine.variable(new Float32Array(4))).toEqualTypeOf<Variable<[any]>>();
expectTypeOf(engine.variable({} as Data, {} as { shape?: Shape })).toEqualTypeOf<Variable>();
expectTypeOf(engine.state([0, 0, 0], { dtype: "float64" })).toEqualTypeOf<State<[3]>>();
expectTypeOf(random.normal(random.key(0), [3, dim("n")])).toEqualTypeOf<Tensor<[3, "n"]>>();
expectTypeOf(random.split(random.key(0))).toEqualTypeOf<[Tensor<[2]>, Tensor<[2]>]>();
expectTypeOf(random.split(random.key(0), {} as number)).toEqualTypeOf<Tensor<[2]>[]>();
expectTypeOf(split(points, 3, 1)).toEqualTypeOf<[Tensor, Tensor, Tensor]>();
expectTypeOf(split(points, [1], 1)).toEqualTypeOf<Tensor[]>();
const state = engine.state([0, 0, 0]);
state.next = state.add(1);
w.set([
  [1, 2],
  [3, 4],
]);

// Engines
expectTypeOf(createEngine()).resolves.toEqualTypeOf<Engine>();
expectTypeOf(createEngine({ threads: 1 })).resolves.toEqualTypeOf<Engine>();
expectTypeOf(createEngine({ worker: true })).resolves.toEqualTypeOf<RemoteEngine>();
expectTypeOf(createEngine({ worker: {} as boolean })).resolves.toEqualTypeOf<BaseEngine>();
expectTypeOf<Engine | RemoteEngine>().toExtend<BaseEngine>();
// @ts-expect-error: an engine in a worker makes its own backend
void createEngine({ worker: true, backend: cpu() });

// Transforms
const loss = mean(square(tanh(matmul(points, w)).sub(0.5)));
expectTypeOf(loss).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(grad(loss, w)).toEqualTypeOf<Tensor<[2, 2]>>();
expectTypeOf(grad(loss, { a: w, b: [points] as const })).toEqualTypeOf<{ a: Tensor<[2, 2]>; b: [Tensor<["n", 2]>] }>();
expectTypeOf(jvp(points.mul(2), points, points)).toEqualTypeOf<Tensor<["n", 2]>>();
expectTypeOf(vjp(loss, w, 1)).toEqualTypeOf<Tensor<[2, 2]>>();
expectTypeOf(grad((x: Tensor<[3]>) => x.mul(x).sum())(tensor([1, 2, 3]))).toEqualTypeOf<Tensor<[3]>>();
expectTypeOf(valueAndGrad((x: Tensor<[3]>) => x.mul(x).sum())(tensor([1, 2, 3]))).toEqualTypeOf<[Tensor<[]>, Tensor<[3]>]>();
// vmap's arguments and results have an axis more than its function's, and where it is, the types do not say.
expectTypeOf(vmap((x: Tensor<[3]>) => x.sum())(tensor([[1, 2, 3]]))).toEqualTypeOf<Tensor>();
expectTypeOf(vmap(grad((x: Tensor<[]>) => x.mul(x)))(tensor([1, 2, 3]))).toEqualTypeOf<Tensor>();

// Taylor mode: partial derivatives have their names, orders are a list
declare const wave: (at: { t: Tensor; x: Tensor }) => Tensor<["n"]>;
declare const flow: (x: Tensor, y: Tensor) => { p: Tensor; q: Tensor };
const parts = derivatives(wave, { t: 1, x: 2, tx: true })({ t: anything, x: anything });
expectTypeOf<keyof typeof parts>().toEqualTypeOf<"u" | "u_t" | "u_x" | "u_xx" | "u_tx">();
const flows = derivatives(flow, { x: 1, y: 0 })(anything, anything);
expectTypeOf<keyof typeof flows>().toEqualTypeOf<"p" | "q" | "p_x" | "q_x">();
const named = derivatives(wave, { t: 1 }, { name: "w" })({ t: anything, x: anything });
expectTypeOf<keyof typeof named>().toEqualTypeOf<"w" | "w_t">();
const [, orders] = jet((x: Tensor<[2, 3]>) => tanh(x), matrix, [matrix, null]);
expectTypeOf(orders).toEqualTypeOf<Tensor<[2, 3]>[]>();
expectTypeOf(laplacian((x: Tensor): Tensor<[]> => mean(square(x)), matrix)).toEqualTypeOf<Tensor<[]>>();
expectTypeOf(
  customJvp(
    (x: Tensor<[2, 3]>) => tanh(x),
    (_, [dx]) => dx,
  )(matrix),
).toEqualTypeOf<Tensor<[2, 3]>>();
