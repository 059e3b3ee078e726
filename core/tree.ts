/** Trees: arrays and plain objects, nested, with tensors (or anything else) as leaves. Accepted wherever one tensor is. */

export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** A tree of the same structure with other leaves. */
export type MapTree<X, From, To> = X extends From
  ? To
  : X extends readonly unknown[]
    ? { -readonly [K in keyof X]: MapTree<X[K], From, To> }
    : X extends object
      ? { -readonly [K in keyof X]: MapTree<X[K], From, To> }
      : To;

const isPlain = (x: unknown): x is Record<string, unknown> => {
  if (typeof x !== "object" || x === null) return false;
  const proto = Object.getPrototypeOf(x);
  return proto === Object.prototype || proto === null;
};

export interface Flat<T> {
  readonly leaves: T[];
  /** Where each leaf stands: "", "layers[0].W". */
  readonly paths: string[];
  /** A tree of the same structure with these leaves. */
  rebuild<U>(leaves: readonly U[]): Tree<U>;
}

/** The leaves of a tree in order. What is neither an array nor a plain object is a leaf; `isLeaf` may claim arrays too. */
export function flatten<T>(tree: Tree<T>, isLeaf: (x: unknown) => boolean = () => false): Flat<T> {
  const leaves: T[] = [];
  const paths: string[] = [];
  const walk = (x: unknown, path: string): void => {
    if (!isLeaf(x) && Array.isArray(x)) x.forEach((item, i) => walk(item, `${path}[${i}]`));
    else if (!isLeaf(x) && isPlain(x)) for (const key of Object.keys(x)) walk(x[key], path ? `${path}.${key}` : key);
    else {
      leaves.push(x as T);
      paths.push(path);
    }
  };
  walk(tree, "");
  const rebuild = <U>(values: readonly U[]): Tree<U> => {
    let at = 0;
    const build = (x: unknown): Tree<U> => {
      if (!isLeaf(x) && Array.isArray(x)) return x.map(build);
      if (!isLeaf(x) && isPlain(x)) return Object.fromEntries(Object.keys(x).map((key) => [key, build(x[key])]));
      return values[at++]!;
    };
    return build(tree);
  };
  return { leaves, paths, rebuild };
}
