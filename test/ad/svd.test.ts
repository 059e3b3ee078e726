/** Derivative and batching rules of svd. */
import { drawn, judgeRules } from "./judge-rules.ts";
import { svdCases } from "./linalg-cases.ts";

judgeRules(drawn(svdCases));
