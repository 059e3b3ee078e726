/** Derivative and batching rules of the operations that stand in families of their own. */
import { otherFamilies } from "../ops/family-cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";

judgeRules(drawn(otherFamilies));
