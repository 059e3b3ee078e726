/**
 * An Observable whose direct subscribers may throw. RxJS would throw the error again in a later task, which ends a Node process; here it is
 * reported, and the other observers and the next flush go on.
 */
import { Observable, type Observer, type Operator, Subscriber, type Subscription } from "rxjs";

type Next<T> = (value: T) => void;

export class GuardedObservable<T> extends Observable<T> {
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void, subscribe?: (subscriber: Subscriber<T>) => (() => void) | void) {
    super(subscribe);
    this.#report = report;
  }

  /** What operators make of this is guarded, too. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R>(this.#report);
    lifted.source = this;
    lifted.operator = operator as unknown as Operator<any, R>;
    return lifted;
  }

  override subscribe(observer?: Partial<Observer<T>> | Next<T>): Subscription;
  override subscribe(next?: Next<T> | null, error?: ((error: unknown) => void) | null, complete?: (() => void) | null): Subscription;
  override subscribe(
    observer?: Partial<Observer<T>> | Next<T> | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // Operators subscribe with Subscribers of their own, which pass errors on.
    if (observer instanceof Subscriber) return super.subscribe(observer);
    const target: Partial<Observer<T>> =
      typeof observer === "object" && observer !== null
        ? observer
        : { ...(observer && { next: observer }), ...(error && { error }), ...(complete && { complete }) };
    const report = this.#report;
    const guard = (call: () => void): void => {
      try {
        call();
      } catch (thrown) {
        report(thrown);
      }
    };
    return super.subscribe({
      // No function made, no list of arguments: this is in the way of every value.
      next: (value: T) => {
        try {
          target.next?.(value);
        } catch (thrown) {
          report(thrown);
        }
      },
      complete: () => guard(() => target.complete?.()),
      error: (e: unknown) =>
        guard(() => {
          if (target.error) target.error(e);
          else throw e;
        }),
    });
  }
}

/** What a subject emits, guarded. */
export const guarded = <T>(subject: Observable<T>, report: (error: unknown) => void): Observable<T> =>
  new GuardedObservable<T>(report, (subscriber) => {
    const subscription = subject.subscribe(subscriber);
    return () => subscription.unsubscribe();
  });
