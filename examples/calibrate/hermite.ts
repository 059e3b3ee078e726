/** Gauss-Hermite quadrature: the integral of f(z) exp(-z^2) over the real line as a weighted sum of values of f. */

export interface Quadrature {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Nodes and weights of the rule with n nodes, exact for polynomials of degree 2n - 1 (Abramowitz and Stegun, 25.4.46).
 * Between two neighbouring roots of a Hermite polynomial lies exactly one of the polynomial before it, and so each
 * degree brackets the roots of the next: bisection cannot miss one.
 */
export function gaussHermite(n: number): Quadrature {
  let nodes: number[] = [];
  for (let degree = 1; degree <= n; degree++) {
    const bound = Math.sqrt(2 * degree + 1);
    const brackets = [-bound, ...nodes, bound];
    nodes = Array.from({ length: degree }, (_, i) => bisect((z) => hermite(degree, z)[0], brackets[i]!, brackets[i + 1]!));
  }
  return { nodes, weights: nodes.map((z) => 1 / (n * hermite(n, z)[1] ** 2)) };
}

/** The Hermite polynomials of degree n and n - 1 at z, orthonormal for the weight exp(-z^2). */
function hermite(n: number, z: number): [number, number] {
  let [before, value] = [0, Math.PI ** -0.25];
  for (let k = 0; k < n; k++) [before, value] = [value, z * Math.sqrt(2 / (k + 1)) * value - Math.sqrt(k / (k + 1)) * before];
  return [value, before];
}

/** The root between two points at which f differs in sign, to the last bit. */
function bisect(f: (z: number) => number, low: number, high: number): number {
  const sign = Math.sign(f(low));
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (Math.sign(f(middle)) === sign) low = middle;
    else high = middle;
  }
}
