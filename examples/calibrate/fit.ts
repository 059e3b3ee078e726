/** The fit, as streams: evaluations of the model flow in, parameters to try next flow out, until nothing improves. */
import type { Engine } from "fluxion";
import { lastValueFrom, map, merge, type Observable, scan, takeWhile, tap } from "rxjs";
import { type Evaluation, type Fit, levenberg, type Pair } from "./levenberg.ts";
import type { Model } from "./model.ts";

/** Fits the unknowns of a model, which are at the best parameters afterwards. Tells each iteration. */
export async function fitParameters(engine: Engine, model: Model, tell: (fit: Fit) => void): Promise<Fit> {
  const { viscosity, amplitude, loss, gradient, curvature, adjoint } = model;
  const move = ([nu, a]: Pair): void => engine.transaction(() => (viscosity.set(nu), amplitude.set(a)));
  const values = engine.observe({ viscosity, amplitude, loss, gradient, curvature, adjoint });
  // A node that fails has no value: nothing would come of waiting for it.
  const failures: Observable<never> = engine.failures.pipe(
    map(({ error }) => {
      throw error;
    }),
  );
  const fit = await lastValueFrom(
    merge(values, failures).pipe(
      map(
        (values): Evaluation => ({
          parameters: [values.viscosity.item(), values.amplitude.item()],
          loss: values.loss.item(),
          gradient: values.gradient.toArray() as unknown as Pair,
          curvature: values.curvature.toArray() as unknown as readonly [Pair, Pair],
          adjoint: values.adjoint.toArray() as unknown as Pair,
        }),
      ),
      scan(levenberg, undefined as Fit | undefined),
      map((fit) => fit!),
      tap(tell),
      tap(({ next }) => next && move(next)),
      takeWhile(({ next }) => next !== undefined, true),
    ),
  );
  move(fit.best.parameters);
  return fit;
}
