/** Derivative and batching rules of pseudoinverses, powers, exponentials and norms of matrices. */
import { drawn, judgeRules } from "./judge-rules.ts";
import { matrixFunctionCases } from "./linalg-cases.ts";

judgeRules(drawn(matrixFunctionCases));
