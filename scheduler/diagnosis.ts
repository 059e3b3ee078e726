/** Nodes whose numbers can tell that they have failed (a factorization, an iteration), and what they say. */
import { outputsOf, type Tensor } from "../core/tensor.ts";
import type { Diagnosis, RuledPrimitive } from "../ops/primitive.ts";

/** A node that has failed for the numbers of now. */
export interface Trouble {
  readonly tensor: Tensor;
  /** What is wrong, and where the node was made. */
  readonly message: string;
}

export interface Suspect {
  readonly tensor: Tensor;
  /** What has to be looked at. */
  readonly evidence: readonly Tensor[];
}

const diagnosisOf = (t: Tensor): Diagnosis | undefined => (t.primitive as RuledPrimitive).diagnosis;

/** Those of some nodes that can tell. */
export function suspectsAmong(nodes: readonly Tensor[]): Suspect[] {
  return nodes.flatMap((tensor) => {
    const diagnosis = diagnosisOf(tensor);
    if (!diagnosis) return [];
    const outputs = outputsOf(tensor);
    return [{ tensor, evidence: diagnosis.outputs.map((k) => outputs[k]!) }];
  });
}

/** What is wrong with a node, by the numbers of the outputs that tell; undefined if nothing is. */
export function troubleOf(t: Tensor, numbers: (output: number) => ArrayLike<number>): Trouble | undefined {
  const diagnosis = diagnosisOf(t);
  const words = diagnosis?.trouble(diagnosis.outputs.map(numbers), t);
  if (words === undefined) return undefined;
  const site = t.createdAt();
  return { tensor: t, message: `${t.describe()}: ${words}${site ? ` (made at ${site})` : ""}` };
}
