/** `npm run oracle` on cases written by hand: agreement, disagreement in each derivative, what is not supported, several outputs and dtypes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

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
    [square(), square({}, "float32"), square({}, "complex64"), square({}, "float64", "eig_of_nothing")],
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
