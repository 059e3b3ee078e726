/** Questions about the graph over there, and their answers with the tensors of this side. They are answered between steps. */
import type { Source } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Explanation } from "../scheduler/explain.ts";
import { type Answer, type Answered, decodeError, type ExplanationMessage } from "./wire.ts";

type Said = ExplanationMessage | string;

export class Questions {
  readonly #open = new Map<number, { resolve: (answer: Said) => void; reject: (error: unknown) => void }>();
  #asked = 0;

  /** Asks under a number of its own. */
  ask(send: (id: number) => void): Promise<Said> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      send(id);
    });
  }

  answered({ id, answer }: Answer & { kind: "answer" }): void {
    const { resolve, reject } = this.#open.get(id)!;
    this.#open.delete(id);
    settle(answer, resolve, reject);
  }

  /** Nobody will answer any more. */
  end(reason: Error): void {
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
  }
}

/** Hands over what was asked for, or why there is none. */
export function settle<T>(answer: Answered<T>, resolve: (is: T) => void, reject: (error: unknown) => void): void {
  if ("error" in answer) reject(decodeError(answer.error));
  else resolve(answer.is);
}

/** An explanation of t, its nodes found again by their ids. */
export function explanationOf(
  t: Tensor,
  { state, nodes, dims, causes, troubles, text }: ExplanationMessage,
  tensor: (id: number) => Tensor | undefined,
): Explanation {
  const told = (): string => text;
  return {
    tensor: t,
    state,
    nodes,
    dims,
    causes: causes.map(({ source, path, recomputes, cutoff }) => ({
      source: tensor(source) as Source,
      path: path.map((id) => tensor(id)!),
      recomputes,
      cutoff: cutoff === undefined ? undefined : tensor(cutoff),
    })),
    troubles: troubles.map(({ tensor: id, message }) => ({ tensor: tensor(id)!, message })),
    toString: told,
    [Symbol.for("nodejs.util.inspect.custom")]: told,
  } as Explanation;
}
