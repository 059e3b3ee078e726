/**
 * Tensor: an immutable node of the graph (primitive, parameters, inputs, type), not a buffer of numbers.
 *
 * Nodes are interned: applying the same primitive with the same parameters to the same inputs gives the same
 * object for as long as anybody holds it. Nodes hold their inputs; inputs do not hold their users, so what nobody
 * holds is collected.
 */
import type { DType } from "./dtype.ts";
import { InternTable } from "./intern.ts";
import type { Aval, Primitive } from "./primitive.ts";
import { type Shape, showShape } from "./shape.ts";
import { captureSite, formatSite } from "./site.ts";

/** The key of the phantom that carries the shape in types. */
export declare const shapeOf: unique symbol;

/** What a tensor knows of the engine whose sources it is built on. */
export interface Owner {
  readonly label: string;
  /** The last published value of a node, for inspection. */
  peek(t: Tensor): string | undefined;
}

let nextId = 1;

// The default is any, and so are unknown sizes: an unknown shape must fit every parameter, which only `any` does.
export class Tensor<out S extends readonly unknown[] = any> {
  /** The shape as a type; never present at run time. It is the only place where S occurs, so that tensors are covariant. */
  declare readonly [shapeOf]: S;

  readonly id: number = nextId++;
  readonly primitive: Primitive;
  readonly params: object;
  readonly inputs: readonly Tensor[];
  /** All outputs of a primitive that has several; such a node is reached through `output` nodes only. */
  readonly outputs: readonly Aval[];
  readonly height: number;
  /** The engine whose sources this node depends on, if any. */
  readonly owner: Owner | undefined;
  label: string | undefined;
  readonly site: object | undefined = captureSite(Tensor);

  constructor(primitive: Primitive, params: object, inputs: readonly Tensor[], outputs: readonly Aval[], owner: Owner | undefined) {
    this.primitive = primitive;
    this.params = params;
    this.inputs = inputs;
    this.outputs = outputs;
    let height = 0;
    for (const input of inputs) if (input.height >= height) height = input.height + 1;
    this.height = height;
    this.owner = owner;
  }

  get shape(): Shape {
    return this.outputs[0]!.shape;
  }

  get dtype(): DType {
    return this.outputs[0]!.dtype;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** Names this node in messages, inspection and pictures. Returns the node. */
  named(label: string): this {
    this.label = label;
    return this;
  }

  /** One line: operation, type and label. */
  describe(): string {
    const name = this.label ? `${this.primitive.name} "${this.label}"` : this.primitive.name;
    return `${name} ${this.dtype}${showShape(this.shape)}`;
  }

  toString(): string {
    return `Tensor(${this.describe()})`;
  }

  /** Where the user's code created this node, for messages: "file:line:column", if known. */
  createdAt(): string | undefined {
    return formatSite(this.site);
  }

  /** Text where text is wanted (`${x}`); arithmetic by operator is refused. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      `${this.describe()}: a tensor is not a number. Use x.mul(y) for x * y, x.add(y) for x + y, x.lt(y) for x < y; read its value with await engine.read(x)`,
    );
  }

  /** One line in JSON too: written out, a graph would repeat what it shares without end. */
  toJSON(): string {
    return this.toString();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const last = this.owner?.peek(this);
    return `Tensor(${this.describe()}${last === undefined ? "" : ` = ${last}`})`;
  }
}

const table = new InternTable();

/** Builds, or finds, the node that applies a primitive. Throws what the typing rule throws, and on inputs of two engines. */
export function apply(primitive: Primitive, params: object, inputs: readonly Tensor[]): Tensor {
  const same = primitive.simplify?.(inputs, params);
  if (same) return same;
  const node = (primitive.unique ? undefined : table.find(primitive, params, inputs)) ?? make(primitive, params, inputs);
  for (const record of records) record.add(node);
  return node;
}

function make(primitive: Primitive, params: object, inputs: readonly Tensor[]): Tensor {
  const outputs = primitive.type(inputs, params);
  const node = new Tensor(primitive, params, inputs, Array.isArray(outputs) ? outputs : [outputs as Aval], ownerOf(primitive.name, inputs));
  if (!primitive.unique) table.add(node);
  return node;
}

const records: Set<Tensor>[] = [];

/**
 * What `build` gives, and the nodes that it applied, new or not: what was written inside a function, whatever equal expressions there are
 * outside of it.
 */
export function recorded<T>(build: () => T): { readonly result: T; readonly applied: ReadonlySet<Tensor> } {
  const applied = new Set<Tensor>();
  records.push(applied);
  try {
    return { result: build(), applied };
  } finally {
    records.splice(records.indexOf(applied), 1);
  }
}

/** Projects one output of a node with several. */
export const outputPrimitive: Primitive<{ index: number }> = {
  name: "output",
  type: ([node], { index }) => node!.outputs[index]!,
};

/** The outputs of a node: itself, or one projection for each of several. */
export const outputsOf = (node: Tensor): Tensor[] =>
  node.outputs.length === 1 ? [node] : node.outputs.map((_, index) => apply(outputPrimitive, { index }, [node]));

/** As `apply`, for a primitive with several outputs. */
export const applyMany = (primitive: Primitive, params: object, inputs: readonly Tensor[]): Tensor[] =>
  outputsOf(apply(primitive, params, inputs));

function ownerOf(op: string, inputs: readonly Tensor[]): Owner | undefined {
  let owner: Owner | undefined;
  let from: Tensor | undefined;
  for (const t of inputs) {
    if (!t.owner || t.owner === owner) continue;
    if (owner)
      throw new Error(
        `${op}: operands belong to two engines: ${describeSource(from!)} (${owner.label}) and ${describeSource(t)} (${t.owner.label}). Build an expression over the sources of one engine, and copy values across with set()`,
      );
    owner = t.owner;
    from = t;
  }
  return owner;
}

/** A node that belongs to an engine, with a source that made it so: users know those by their labels. */
function describeSource(t: Tensor): string {
  let source = t;
  for (let next: Tensor | undefined = t; next; next = source.inputs.find((input) => input.owner)) source = next;
  return source === t ? t.describe() : `${t.describe()} of ${source.describe()}`;
}

/** How many interned nodes are alive, for tests and leak hunting. */
export const liveNodes = (): number => table.size;
