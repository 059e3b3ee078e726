/** The fit, as streams: evaluations of the model flow in, parameters to try next flow out, until nothing improves. */
import type { Engine } from "fluxion";
import { lastValueFrom, map, scan, takeWhile, tap } from "rxjs";
import { type Evaluation, type Fit, levenberg, type Pair } from "./levenberg.ts";
import type { Model } from "./model.ts";

/** Fits the unknowns of a model, which are at the best parameters afterwards. Tells each iteration. */
export async function fitParameters(engine: Engine, model: Model, tell: (fit: Fit) => void): Promise<Fit> {
  const { viscosity, amplitude, loss, gradient, curvature, adjoint } = model;
  const move = ([nu, a]: Pair): void => engine.transaction(() => (viscosity.set(nu), amplitude.set(a)));
  const fit = await lastValueFrom(
    engine.observe({ viscosity, amplitude, loss, gradient, curvature, adjoint }).pipe(
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
