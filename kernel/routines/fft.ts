/**
 * The discrete Fourier transform of lengths whose prime factors are small, by Stockham's algorithm: radices 4, 2 and odd primes, decimation in
 * frequency, each step from one array to another, so that nothing is ever reordered (Van Loan, Computational Frameworks for the Fast Fourier
 * Transform, 1.7). Of matrices [n, columns] the columns are transformed; those that lie side by side are computed side by side.
 */
import { rootsOfUnity } from "../roots.ts";
import type { Index, Machine, Routine, Variable } from "../routine.ts";

/** The greatest prime factor that a step takes directly, with work that grows with its square. */
const GREATEST = 23;

/** The radices of the steps, in their order, or undefined where a prime factor of n is too great. */
export function radicesOf(n: number): readonly number[] | undefined {
  const radices: number[] = n === 1 ? [1] : [];
  let rest = n;
  for (const radix of [4, 2, 23, 19, 17, 13, 11, 7, 5, 3])
    while (radix <= GREATEST && rest % radix === 0) {
      radices.push(radix);
      rest /= radix;
    }
  return rest === 1 ? radices : undefined;
}

/** A step on what is still to be transformed: `left` elements, `done` of them next to each other, of which `blocks` = left / radix remain. */
interface Step {
  readonly radix: number;
  readonly blocks: number;
  readonly done: number;
  /** Where the step's factors begin in the table. */
  readonly table: number;
}

function stepsOf(n: number): Step[] {
  const steps: Step[] = [];
  let [left, done, table] = [n, 1, 0];
  for (const radix of radicesOf(n)!) {
    const blocks = left / radix;
    steps.push({ radix, blocks, done, table });
    if (blocks > 1) table += 2 * (radix - 1) * blocks;
    left = blocks;
    done *= radix;
  }
  return steps;
}

/**
 * The factors exp(-2 pi i p k / left) of every step: for k = 1, ..., radix - 1 the real parts for p = 0, 1, ..., then the imaginary parts. The last
 * step needs none.
 */
export function fftTable(n: number): Float64Array {
  const roots = rootsOfUnity(n);
  const table: number[] = [];
  for (const { radix, blocks, done } of stepsOf(n))
    if (blocks > 1)
      for (let k = 1; k < radix; k++)
        for (const part of [roots.re, roots.im]) for (let p = 0; p < blocks; p++) table.push(part[(p * k * done) % n]!);
  return Float64Array.from(table);
}

/** A complex number that may be read again and again. */
interface Complex<V> {
  readonly re: Index<V>;
  readonly im: Index<V>;
}
type Put<V> = (k: number, value: Complex<V>) => void;

/** The transform of a few numbers, handed over one by one. */
function transform<V>(m: Machine<V>, a: readonly Complex<V>[], put: Put<V>): void {
  const kept = (re: V, im: () => V): Complex<V> => ({ re: m.keep(re), im: m.keep(im()) });
  const plus = (x: Complex<V>, y: Complex<V>): Complex<V> => ({ re: () => m.add(x.re(), y.re()), im: () => m.add(x.im(), y.im()) });
  const minus = (x: Complex<V>, y: Complex<V>): Complex<V> => ({ re: () => m.sub(x.re(), y.re()), im: () => m.sub(x.im(), y.im()) });
  /** x - i y and x + i y. */
  const turned = (x: Complex<V>, y: Complex<V>): Complex<V> => ({ re: () => m.add(x.re(), y.im()), im: () => m.sub(x.im(), y.re()) });
  const turnedBack = (x: Complex<V>, y: Complex<V>): Complex<V> => ({ re: () => m.sub(x.re(), y.im()), im: () => m.add(x.im(), y.re()) });
  const fixed = (x: Complex<V>): Complex<V> => kept(x.re(), x.im);
  const n = a.length;
  if (n === 1) return put(0, a[0]!);
  if (n === 2) {
    put(0, plus(a[0]!, a[1]!));
    return put(1, minus(a[0]!, a[1]!));
  }
  if (n === 4) {
    const [even, odd] = [fixed(plus(a[0]!, a[2]!)), fixed(plus(a[1]!, a[3]!))];
    const [evenGap, oddGap] = [fixed(minus(a[0]!, a[2]!)), fixed(minus(a[1]!, a[3]!))];
    put(0, plus(even, odd));
    put(1, turned(evenGap, oddGap));
    put(2, minus(even, odd));
    return put(3, turnedBack(evenGap, oddGap));
  }
  // Odd n: terms j and n - j have equal cosines, and opposite sines.
  const roots = rootsOfUnity(n);
  const half = (n - 1) / 2;
  const sums = Array.from({ length: half }, (_, j) => fixed(plus(a[j + 1]!, a[n - 1 - j]!)));
  const gaps = Array.from({ length: half }, (_, j) => fixed(minus(a[j + 1]!, a[n - 1 - j]!)));
  const combined = (part: "re" | "im", terms: readonly Complex<V>[], factor: (j: number) => number, start?: Index<V>): V =>
    terms.reduce<V | undefined>((total, x, j) => {
      const term = (): V => m.mul(m.real(factor(j)), x[part]());
      return total === undefined ? term() : m.add(total, term());
    }, start && start())!;
  put(0, sums.reduce(plus, a[0]!));
  for (let k = 1; k <= half; k++) {
    const cosines = (j: number): number => roots.re[((j + 1) * k) % n]!;
    const sines = (j: number): number => -roots.im[((j + 1) * k) % n]!;
    const middle = kept(combined("re", sums, cosines, a[0]!.re), () => combined("im", sums, cosines, a[0]!.im));
    const aside = kept(combined("re", gaps, sines), () => combined("im", gaps, sines));
    put(k, turned(middle, aside));
    put(n - k, turnedBack(middle, aside));
  }
}

/** Where a real and an imaginary part lie. */
type Places<V> = readonly [Variable<V>, Variable<V>];

export interface FFT {
  readonly n: number;
  /** How many columns are computed side by side, and whether those are all. */
  readonly width: number;
  readonly all: boolean;
  /** Whether there are real parts only. */
  readonly real: boolean;
  /** Results are multiplied by this. */
  readonly scale: number;
}

/**
 * For each matrix [n, columns] the sums of exp(-2 pi i j k / n) x_j over its rows j: reads the real parts, the imaginary parts (unless `real`) and the
 * table of factors, writes the real and the imaginary parts. sizes = [items, n, columns, length of the table, width].
 */
export const fft = ({ n, width, all, real, scale }: FFT): Routine => ({
  name: `fft ${n} x ${width}${all ? "" : " of more"}${real ? " real" : ""} times ${scale}`,
  reads: [{ extent: [1, 2] }, ...(real ? [] : [{ extent: [1, 2] }]), { extent: [3], shared: true }],
  writes: [{ extent: [1, 2] }, { extent: [1, 2] }],
  // Two arrays of as many columns, each of real and of imaginary parts.
  room: [{ extent: [1, 4] }, { extent: [1, 4] }, { extent: [1, 4] }, { extent: [1, 4] }],
  cost: ([, , columns]) => 2 * n * columns! * Math.log2(n + 1),
  run: <V>(m: Machine<V>) => {
    const zero = (): V => m.int(0);
    const [input, table] = [0, real ? 1 : 2];
    const [output, room] = [table + 1, table + 3];
    const columns = (): V => (all ? m.int(width) : m.size(2));
    const steps = stepsOf(n);
    const [first, count] = [m.counter(), m.counter()];
    const [reads, writes] = [0, 1].map(() => [m.counter(), m.counter()] as const) as [Places<V>, Places<V>];
    const size = n * width;

    /** The step, for what `inLanes` makes of its blocks. */
    const step = ({ radix, blocks, done, table: start }: Step, index: number): void => {
      const [from, to] = [index === 0 ? "input" : "room", index === steps.length - 1 ? "output" : "room"];
      // Rooms take turns.
      const [source, target] = [((index + 1) % 2) * 2 * size, (index % 2) * 2 * size];
      const factor = to === "output" ? scale : 1;
      /** Whether rows are as wide as what is computed at once. */
      const [readsAll, writesAll] = [from === "room" || all, to === "room" || all];
      const scaled = (value: V): V => (factor === 1 ? value : m.mul(value, m.real(factor)));

      /** From the element at `read` of the source, and those of the other blocks, to those at `write`, which are `apart` from each other. */
      const butterfly = (
        read: Index<V>,
        write: Index<V>,
        twiddle: ((k: number) => Complex<V>) | undefined,
        stored: { readonly apart: number; readonly step?: number },
      ): void => {
        const inRoom = (element: Index<V>, start: number): V => m.at(room, m.plus(element(), m.int(start)));
        for (const part of [0, 1] as const) {
          if (readsAll && !(real && from === "input" && part === 1))
            reads[part].set(from === "input" ? m.at(input + part, read()) : inRoom(read, source + part * size));
          if (writesAll) writes[part].set(to === "output" ? m.at(output + part, write()) : inRoom(write, target + part * size));
        }
        const load = (part: 0 | 1, j: number): V => {
          if (from === "input" && part === 1 && real) return m.real(0);
          if (readsAll) return m.load(reads[part](), j * blocks * done * width);
          return m.load(m.at(input + part, m.plus(read(), m.times(m.int(j * blocks), columns()))));
        };
        const a = Array.from({ length: radix }, (_, j): Complex<V> => ({ re: m.keep(load(0, j)), im: m.keep(load(1, j)) }));
        transform(m, a, (k, value) => {
          const store = (part: 0 | 1, v: () => V): void => {
            if (writesAll) m.store(writes[part](), scaled(v()), k * stored.apart, stored.step);
            else m.store(m.at(output + part, m.plus(write(), m.times(m.int(k * done), columns()))), scaled(v()));
          };
          const w = k > 0 && twiddle?.(k);
          if (!w) {
            store(0, value.re);
            store(1, value.im);
            return;
          }
          const [re, im, c, s] = [m.keep(value.re()), m.keep(value.im()), m.keep(w.re()), m.keep(w.im())];
          store(0, () => m.sub(m.mul(re(), c()), m.mul(im(), s())));
          store(1, () => m.add(m.mul(re(), s()), m.mul(im(), c())));
        });
      };
      const factorsAt = (p: Index<V>): ((k: number) => Complex<V>) => {
        const load = (k: number, part: number) => (): V => m.load(m.at(table, m.plus(p(), m.int(start))), (2 * (k - 1) + part) * blocks);
        return (k) => ({ re: load(k, 0), im: load(k, 1) });
      };

      if (done === 1 && width === 1 && blocks > 1) {
        // Nothing lies side by side yet but the blocks themselves.
        m.lanes(zero(), m.int(blocks), (p) => butterfly(p, () => m.times(p(), m.int(radix)), factorsAt(p), { apart: 1, step: radix }));
        return;
      }
      const factors = Array.from({ length: blocks > 1 ? radix : 1 }, () => ({ re: m.variable(), im: m.variable() }));
      const apart = done * width;
      m.each(zero(), m.int(blocks), (p) => {
        const loaded = factorsAt(p);
        factors.forEach(({ re, im }, k) => {
          if (k === 0) return;
          re.set(loaded(k).re());
          im.set(loaded(k).im());
        });
        const twiddle = blocks > 1 ? (k: number): Complex<V> => factors[k]! : undefined;
        const [read, write] = [m.counter(), m.counter()];
        if (readsAll && writesAll)
          m.lanes(zero(), m.int(apart), (q) => {
            read.set(m.plus(q(), m.times(p(), m.int(apart))));
            write.set(m.plus(q(), m.times(p(), m.int(apart * radix))));
            butterfly(read, write, twiddle, { apart });
          });
        else
          m.each(zero(), m.int(done), (t) =>
            m.lanes(zero(), count(), (c) => {
              const row = (rows: Index<V>, isAll: boolean): V =>
                isAll ? m.plus(c(), m.times(rows(), m.int(width))) : m.plus(m.plus(c(), first()), m.times(rows(), columns()));
              read.set(row(() => m.plus(t(), m.times(p(), m.int(done))), readsAll));
              write.set(row(() => m.plus(t(), m.times(p(), m.int(done * radix))), writesAll));
              butterfly(read, write, twiddle, { apart });
            }),
          );
      });
    };
    if (all) {
      steps.forEach(step);
      return;
    }
    first.set(zero());
    m.while(
      () => m.less(first(), columns()),
      () => {
        count.set(m.minus(columns(), first()));
        m.if(m.less(m.int(width), count()), () => count.set(m.int(width)));
        steps.forEach(step);
        first.set(m.plus(first(), m.int(width)));
      },
    );
  },
});
