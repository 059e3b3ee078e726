/** Derivative and batching rules of what networks are made of: activations, losses, layers, convolution and pooling. */
import { networkFamilies } from "../ops/family-cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";

judgeRules(drawn(networkFamilies));
