/** Derivative and batching rules of sorting, cumulative and structural operations. */
import { arrayFamilies } from "../ops/family-cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";

judgeRules(drawn(arrayFamilies));
