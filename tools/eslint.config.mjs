/** Lint rules: mistakes that the compiler lets pass, and the habits of this repository. */
import tseslint from "typescript-eslint";

const rooms = ["core/**", "kernel/**", "ops/**", "ad/**", "scheduler/**", "worker/**", "cpu/**", "gpu/**"];

/** A file opens with a paragraph that says what it is for. */
const opening = {
  meta: { type: "suggestion", messages: { missing: "a file opens with a paragraph (/** ... */) that says what it is for" } },
  create: (context) => ({
    Program: (node) => {
      const [first] = context.sourceCode.getAllComments();
      if (!first || first.type !== "Block" || (node.body[0] && first.range[0] > node.body[0].range[0]))
        context.report({ node, messageId: "missing" });
    },
  }),
};

export default tseslint.config(
  { ignores: ["**/node_modules/**", "dist/**", "out/**", "tools/**", "vitest.config.ts"] },
  {
    files: ["**/*.ts"],
    plugins: { "@typescript-eslint": tseslint.plugin, fluxion: { rules: { opening } } },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: new URL("..", import.meta.url).pathname },
    },
    rules: {
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/only-throw-error": ["error", { allowThrowingUnknown: true, allowThrowingAny: true }],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false, fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-for-in-array": "error",
      eqeqeq: ["error", "smart"],
      "no-debugger": "error",
      "no-empty": "error",
      "no-template-curly-in-string": "error",
      "no-unreachable-loop": "error",
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-restricted-properties": [
        "error",
        ...["it", "test", "describe"].map((object) => ({ object, property: "only", message: "The other tests would not run." })),
      ],
    },
  },
  {
    files: rooms,
    rules: {
      "fluxion/opening": "error",
      "no-console": ["error", { allow: ["error", "warn"] }],
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "The library exports names." },
        { selector: "ExportAllDeclaration", message: "No barrels: import names where they are declared." },
        { selector: "ExportNamedDeclaration[source]", message: "No barrels: import names where they are declared." },
      ],
    },
  },
);
