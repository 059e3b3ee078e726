/** Proves that the rule of import directions bites: each forbidden import, written into a scratch tree, must be reported. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise } from "dependency-cruiser";
import rules from "./dependency-rules.mjs";

const forbidden = [
  ["core/a.ts", "../kernel/b.ts"],
  ["kernel/a.ts", "../ops/b.ts"],
  ["ops/a.ts", "../ad/b.ts"],
  ["ad/a.ts", "../scheduler/b.ts"],
  ["scheduler/a.ts", "../cpu/b.ts"],
  ["scheduler/a.ts", "../worker/b.ts"],
  ["worker/a.ts", "../index.ts"],
  ["cpu/a.ts", "../ops/b.ts"],
  ["cpu/a.ts", "../core/tensor.ts"],
  ["gpu/a.ts", "../core/tensor.ts"],
  ["ops/a.ts", "../index.ts"],
  ["core/a.ts", "../test/b.ts"],
  ["ad/a.ts", "../optim/b.ts"],
  ["optim/a.ts", "../cpu/b.ts"],
  ["optim/a.ts", "../pinn/b.ts"],
  ["examples/wave/a.ts", "../../ops/b.ts"],
];
const allowed = [
  ["kernel/a.ts", "../core/b.ts"],
  ["cpu/a.ts", "../core/dtype.ts"],
  ["ad/a.ts", "../ops/b.ts"],
  ["worker/a.ts", "../scheduler/b.ts"],
  ["index.ts", "./worker/b.ts"],
];

async function reported(from, to) {
  const root = mkdtempSync(join(tmpdir(), "directions-"));
  try {
    const put = (path, text) => (mkdirSync(dirname(join(root, path)), { recursive: true }), writeFileSync(join(root, path), text));
    put(join(dirname(from), to), "export type B = 1;\nexport const b = 1;\n");
    put(from, `import type { B } from "${to}";\nexport const a: B = 1;\n`);
    put("tsconfig.json", "{}");
    put("package.json", "{}");
    symlinkSync(new URL("node_modules", import.meta.url), join(root, "node_modules"));
    const { options, forbidden: forbid } = rules;
    const files = [from, join(dirname(from), to)];
    const { output } = await cruise(files, {
      ...options,
      tsConfig: undefined,
      ruleSet: { forbidden: forbid },
      validate: true,
      baseDir: root,
    });
    return output.summary.violations.map((v) => v.rule.name);
  } finally {
    rmSync(root, { recursive: true });
  }
}

let wrong = 0;
for (const [expected, pairs] of [
  [true, forbidden],
  [false, allowed],
])
  for (const [from, to] of pairs) {
    const names = (await reported(from, to)).filter((name) => name.includes("imports"));
    if (names.length > 0 === expected) continue;
    wrong++;
    console.error(
      `${from} -> ${to}: ${expected ? "should be refused, and is not" : `should be accepted, and is refused by "${names[0]}"`}`,
    );
  }
if (wrong > 0) process.exitCode = 1;
