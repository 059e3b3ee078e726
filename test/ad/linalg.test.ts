/** Derivative and batching rules of linear algebra. */
import { drawn, judgeRules } from "./judge-rules.ts";
import { linalgCases } from "./linalg-cases.ts";

judgeRules(drawn(linalgCases));
