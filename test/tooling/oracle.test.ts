/** `npm run oracle` on cases written by hand: agreement, disagreement in each derivative, what is not supported, several outputs and dtypes, special numbers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { observables } from "../../scripts/oracle-linear-algebra.ts";
import { operations } from "../../scripts/oracle-operations.ts";

const folder = mkdtempSync(join(tmpdir(), "oracle-"));
afterAll(() => rmSync(folder, { recursive: true }));

const vector = (data: readonly number[], dtype = "float64"): object => ({ data, shape: [data.length], dtype, order: "row_major" });
const tolerance = { first_order: { rtol: 1e-6, atol: 1e-7 }, second_order: { rtol: 1e-6, atol: 1e-7 } };
/** x^2 at [1, 3] along [1, 2], cotangent [5, 7]: its jvp, vjp and hvp as given. */
const square = (ref: { jvp?: number[]; vjp?: number[]; hvp?: number[] } = {}, dtype = "float64", op = "square"): object => ({
  case_id: `${op}_${dtype}`,
  op,
  inputs: { a: vector([1, 3], dtype) },
  observable: { kind: "identity" },
  probes: [
    {
      direction: { a: vector([1, 2], dtype) },
      cotangent: { value: vector([5, 7], dtype) },
      pytorch_ref: {
        jvp: { value: vector(ref.jvp ?? [2, 12], dtype) },
        vjp: { a: vector(ref.vjp ?? [10, 42], dtype) },
        hvp: { a: vector(ref.hvp ?? [10, 28], dtype) },
      },
    },
  ],
  comparison: tolerance,
});

function run(cases: readonly object[], ...options: readonly string[]): { status: number | null; lines: string[] } {
  const file = join(folder, "cases.jsonl");
  writeFileSync(file, cases.map((c) => JSON.stringify(c)).join("\n"));
  const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", "scripts/oracle.ts", file, ...options], { encoding: "utf8" });
  return { status, lines: stdout.trim().split("\n") };
}

it("counts what agrees and what is not supported", () => {
  const { status, lines } = run(
    [square(), square({}, "float32"), square({}, "bfloat16"), square({}, "float64", "eig_of_nothing")],
    "--json",
  );
  expect(status).toBe(0);
  expect(JSON.parse(lines.at(-1)!)).toEqual({ pass: 2, fail: 0, unsupported: { square: 1, eig_of_nothing: 1 } });
});

it("names operation, case, probe, derivative and the greatest error of each disagreement", () => {
  const { status, lines } = run([square({ jvp: [2, 12.5] }), square({ vjp: [11, 44] }), square({ hvp: [10, Number.NaN] })]);
  expect(status).toBe(1);
  expect(lines.slice(0, 3)).toEqual([
    "square square_float64 probe 0: jvp[0][1] is 12, PyTorch has 12.5: off by 0.5",
    "square square_float64 probe 0: vjp[0][0] is 10, PyTorch has 11: off by 1",
    "square square_float64 probe 0: hvp[0][1] is 28, PyTorch has NaN: off by NaN",
  ]);
  expect(lines.at(-1)).toBe("0 agree, 3 wrong, 0 not supported");
});

it("compares the outputs that a case names, and reports one of another size", () => {
  const a = { data: [4, 2, 6, 3.5], shape: [2, 2], dtype: "float64", order: "row_major" };
  const like = (data: readonly number[]): object => ({ ...a, data });
  // A = P L U with exchanged rows: L has 2/3 below its diagonal. dL along dA = E_10 is -4/36 there.
  const lu = (cotangent: object, jvp: object): object => ({
    case_id: "lu",
    op: "lu",
    op_kwargs: { pivot: true },
    inputs: { a },
    observable: { kind: "identity" },
    probes: [
      {
        direction: { a: like([0, 0, 1, 0]) },
        cotangent: { output_1: cotangent },
        pytorch_ref: { jvp: { output_1: jvp }, vjp: { a: like([0, 0, 0, 0]) } },
      },
    ],
    comparison: { first_order: { rtol: 1e-12, atol: 1e-12 } },
  });
  expect(run([lu(like([0, 0, 0, 0]), like([0, 0, -1 / 9, 0]))]).status).toBe(0);
  const { status, lines } = run([lu(like([0, 0, 0, 0]), vector([0, 0]))]);
  expect(status).toBe(1);
  expect(lines[0]).toBe("lu lu probe 0: jvp[0] has 4 elements, PyTorch has 2");
});

it("reads NaN and infinities, as words and as text, and names what PyTorch refuses", () => {
  const file = join(folder, "special.jsonl");
  const nan = JSON.stringify({ ...square({ jvp: [0, 12], vjp: [0, 42], hvp: [0, 28] }), op: "nansum" })
    .replace('"data":[1,3]', '"data":[NaN,3]')
    .replace('"data":[0,12]', '"data":[2]')
    .replace('"value":{"data":[5,7],"shape":[2]', '"value":{"data":[7],"shape":[]')
    .replace('"data":[0,42]', '"data":[0,7]')
    .replace('"data":[0,28]', '"data":[0,0]');
  const norm = JSON.stringify({ ...square({ vjp: [0, 7], hvp: [0, 0] }), op: "vector_norm", op_kwargs: { ord: "ORD" } })
    .replace('"data":[2,12]', '"data":[2]')
    .replace('"value":{"data":[5,7],"shape":[2]', '"value":{"data":[7],"shape":[]');
  const refused = JSON.stringify({ ...square(), expected_behavior: "error", probes: [] });
  writeFileSync(file, [nan, norm.replace('"ORD"', "Infinity"), norm.replace("ORD", "inf"), refused].join("\n"));
  const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "scripts/oracle.ts", file, "--json"], { encoding: "utf8" });
  expect(stdout.trim()).toBe('{"pass":3,"fail":0,"unsupported":{"square":1}}');
});

it("reads complex numbers as pairs, and compares them by the size of their difference", () => {
  // z^2 at 1 + 2i along 1, with the cotangent i: 2z; conj(2z) i; conj(2) i.
  const z = (...data: (readonly [number, number])[]): object => ({ data, shape: [data.length], dtype: "complex128", order: "row_major" });
  const probe = (jvp: readonly [number, number]): object => ({
    direction: { a: z([1, 0]) },
    cotangent: { value: z([0, 1]) },
    pytorch_ref: { jvp: { value: z(jvp) }, vjp: { a: z([4, 2]) }, hvp: { a: z([0, 2]) } },
  });
  const of = (jvp: readonly [number, number]): object => ({ ...square(), inputs: { a: z([1, 2]) }, probes: [probe(jvp)] });
  expect(run([of([2, 4])], "--json").lines).toEqual(['{"pass":1,"fail":0,"unsupported":{}}']);
  expect(run([of([5, 8])]).lines[0]).toBe("square square_float64 probe 0: jvp[0][0] is (2, 4), PyTorch has (5, 8): off by 5");
});

it("takes eigenvalues in whatever order the references have", () => {
  // That of [[1, 1], [0, 2]] that is 1 changes by dA00 - dA10.
  const a = (data: readonly number[]): object => ({ data, shape: [2, 2], dtype: "float64", order: "row_major" });
  const w = (first: number, second: number): object => ({
    data: [first, second].map((v) => [v, 0]),
    shape: [2],
    dtype: "complex128",
    order: "row_major",
  });
  const of = (jvp: readonly [number, number], ct: readonly [number, number]): object => ({
    ...square(),
    op: "eigvals",
    inputs: { a: a([1, 1, 0, 2]) },
    probes: [
      {
        direction: { a: a([1, 0, 0, 0]) },
        cotangent: { value: w(...ct) },
        pytorch_ref: { jvp: { value: w(...jvp) }, vjp: { a: a([1, 0, -1, 0]) } },
      },
    ],
  });
  expect(run([of([1, 0], [1, 0]), of([0, 1], [0, 1])], "--json").lines).toEqual(['{"pass":2,"fail":0,"unsupported":{}}']);
  expect(run([of([1, 0], [0, 1])]).lines[0]).toMatch(/^eigvals square_float64 probe 0: vjp/);
});

/** The operations that PyTorch's derivatives are published of, as OpInfo names them. */
const names = `
__radd__ __rdiv__ __rmod__ __rmul__ __rpow__ __rsub__ abs acos acosh add amax amin angle asin asinh atan atan2 atanh cdouble ceil cholesky
cholesky_ex clamp_max clamp_min complex cond conj conj_physical copysign cos cosh cross deg2rad det diagonal digamma div_no_rounding_mode
double eig eigh eigvals eigvalsh erf erfc erfinv exp exp2 expm1 fill float_power floor fmax fmin frac frexp householder_product hypot i0
imag inv inv_ex ldexp lgamma log log10 log1p log2 logaddexp logit lstsq_grad_oriented lu lu_factor lu_factor_ex lu_solve matrix_exp
matrix_norm matrix_power max_binary maximum mean min_binary minimum mul multi_dot mvlgamma_mvlgamma_p_1 mvlgamma_mvlgamma_p_3
mvlgamma_mvlgamma_p_5 nan_to_num nanmean nansum neg nn_functional_celu nn_functional_elu nn_functional_hardshrink nn_functional_hardsigmoid
nn_functional_hardtanh nn_functional_logsigmoid nn_functional_mish nn_functional_prelu nn_functional_relu nn_functional_relu6
nn_functional_rrelu nn_functional_selu nn_functional_silu nn_functional_softplus nn_functional_softshrink nn_functional_softsign
nn_functional_tanhshrink nn_functional_threshold norm pinv pinv_hermitian pinv_singular polar polygamma_polygamma_n_0
polygamma_polygamma_n_1 polygamma_polygamma_n_2 polygamma_polygamma_n_3 polygamma_polygamma_n_4 positive pow prod qr rad2deg real
reciprocal round round_decimals_0 round_decimals_3 round_decimals_neg_3 rsqrt rsub sgn sigmoid sign sin sinc sinh slogdet solve solve_ex
solve_triangular special_entr special_erfcx special_i0e special_i1 special_i1e special_log_ndtr special_ndtr special_ndtri
special_polygamma_special_polygamma_n_0 special_xlog1py sqrt square std std_unbiased sub sum svd svdvals tan tanh tensorinv tensorsolve
true_divide trunc vander var var_unbiased vecdot vector_norm xlogy`;

it("knows every operation", () => {
  const known = [...Object.keys(operations), ...Object.keys(observables).map((o) => o.slice(0, o.indexOf("_")))];
  expect(
    names
      .trim()
      .split(/\s+/)
      .filter((n) => !known.includes(n)),
  ).toEqual([]);
});
