/**
 * A Burgers PINN loss and its parameter gradient as a plain float64 loop: the network's value and derivatives as a jet
 * (u, u_t, u_x, u_xx), and the reverse pass written by hand. It shares no code with the library.
 */
export interface Layer {
  readonly w: Float64Array;
  readonly b: Float64Array;
  readonly inputs: number;
  readonly outputs: number;
}

export function randomNetwork(sizes: readonly number[], random: () => number): Layer[] {
  return sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i]!;
    const scale = Math.sqrt(6 / (inputs + outputs));
    const draw = (n: number, s: number): Float64Array => Float64Array.from({ length: n }, () => s * (2 * random() - 1));
    return { w: draw(inputs * outputs, scale), b: draw(outputs, 0.1), inputs, outputs };
  });
}

type Jet = [v: Float64Array, t: Float64Array, x: Float64Array, xx: Float64Array];
const jet = (n: number): Jet => [new Float64Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(n)];

/** mean over points of (u_t + u u_x - nu u_xx)^2, and its gradient: [w, b] of each layer. Points are [t, x] pairs. */
export function burgersLoss(layers: readonly Layer[], points: Float64Array, nu: number): { loss: number; gradient: Float64Array[] } {
  const count = points.length / 2;
  const gradient = layers.flatMap((l) => [new Float64Array(l.w.length), new Float64Array(l.b.length)]);
  let loss = 0;
  for (let p = 0; p < count; p++) {
    const inputs: Jet[] = [
      [Float64Array.of(points[2 * p]!, points[2 * p + 1]!), Float64Array.of(1, 0), Float64Array.of(0, 1), new Float64Array(2)],
    ];
    const before: Jet[] = [];
    layers.forEach((l, k) => {
      const a = inputs[k]!;
      const z = jet(l.outputs);
      for (let o = 0; o < l.outputs; o++) {
        for (let c = 0; c < 4; c++) for (let i = 0; i < l.inputs; i++) z[c]![o]! += a[c]![i]! * l.w[i * l.outputs + o]!;
        z[0][o]! += l.b[o]!;
      }
      before.push(z);
      if (k === layers.length - 1) return;
      const y = jet(l.outputs);
      for (let o = 0; o < l.outputs; o++) {
        const v = Math.tanh(z[0][o]!);
        const d1 = 1 - v * v;
        y[0][o] = v;
        y[1][o] = d1 * z[1][o]!;
        y[2][o] = d1 * z[2][o]!;
        y[3][o] = -2 * v * d1 * z[2][o]! ** 2 + d1 * z[3][o]!;
      }
      inputs.push(y);
    });
    const [u, ut, ux, uxx] = before[layers.length - 1]!.map((c) => c[0]!) as [number, number, number, number];
    const residual = ut + u * ux - nu * uxx;
    loss += residual ** 2 / count;
    const r = (2 * residual) / count;
    let bar: Jet = [Float64Array.of(r * ux), Float64Array.of(r), Float64Array.of(r * u), Float64Array.of(-nu * r)];
    for (let k = layers.length - 1; k >= 0; k--) {
      const l = layers[k]!;
      const a = inputs[k]!;
      const down = jet(l.inputs);
      for (let o = 0; o < l.outputs; o++) {
        gradient[2 * k + 1]![o]! += bar[0][o]!;
        for (let i = 0; i < l.inputs; i++)
          for (let c = 0; c < 4; c++) {
            gradient[2 * k]![i * l.outputs + o]! += a[c]![i]! * bar[c]![o]!;
            down[c]![i]! += l.w[i * l.outputs + o]! * bar[c]![o]!;
          }
      }
      if (k === 0) break;
      const z = before[k - 1]!;
      bar = jet(l.inputs);
      for (let i = 0; i < l.inputs; i++) {
        const v = a[0][i]!;
        const d1 = 1 - v * v;
        const d2 = -2 * v * d1;
        const d3 = -2 * d1 * d1 + 4 * v * v * d1;
        const [y, yt, yx, yxx] = down.map((c) => c[i]!) as [number, number, number, number];
        const [, zt, zx, zxx] = z.map((c) => c[i]!) as [number, number, number, number];
        bar[0][i] = d1 * y + d2 * (zt * yt + zx * yx + zxx * yxx) + d3 * zx * zx * yxx;
        bar[1][i] = d1 * yt;
        bar[2][i] = d1 * yx + 2 * d2 * zx * yxx;
        bar[3][i] = d1 * yxx;
      }
    }
  }
  return { loss, gradient };
}
