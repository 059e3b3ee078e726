/** The loss of tiles through shared layers, and its gradients, by plain loops in float64. */
type Matrix = Float64Array<ArrayBuffer>;

function product(a: Matrix, b: Matrix, n: number, transposeA = false, transposeB = false): Matrix {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const x = transposeA ? a[k * n + i]! : a[i * n + k]!;
      for (let j = 0; j < n; j++) out[i * n + j]! += x * (transposeB ? b[j * n + k]! : b[k * n + j]!);
    }
  return out;
}

/**
 * Of matrices x (the first `count` of the sources) and w (the others): c times the sum over x of |tanh(... tanh(x w1) ... )|^2, and its gradients by
 * all sources. c is 1 / count, the mean, when left out.
 */
export function tileLoss(sources: readonly ArrayLike<number>[], count: number, n: number, c = 1 / count): Matrix[] {
  const values = sources.map((s) => Float64Array.from(s));
  const layers = values.slice(count);
  const gradients = values.map(() => new Float64Array(n * n));
  let loss = 0;
  for (let k = 0; k < count; k++) {
    const a = [values[k]!];
    for (const w of layers) a.push(product(a.at(-1)!, w, n).map(Math.tanh));
    for (const v of a.at(-1)!) loss += c * v * v;
    let adjoint = a.at(-1)!.map((v) => 2 * c * v);
    for (let l = layers.length - 1; l >= 0; l--) {
      const inner = adjoint.map((g, i) => g * (1 - a[l + 1]![i]! ** 2));
      product(a[l]!, inner, n, true).forEach((g, i) => (gradients[count + l]![i]! += g));
      adjoint = product(inner, layers[l]!, n, false, true);
    }
    gradients[k]!.set(adjoint);
  }
  return [Float64Array.of(loss), ...gradients];
}
