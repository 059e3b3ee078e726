/** A list that keeps its room when it is emptied, where an array gives it back: for what every flush gathers anew. */
export class List<T> {
  length = 0;
  readonly #items: (T | undefined)[] = [];

  at(i: number): T {
    return this.#items[i] as T;
  }

  set(i: number, item: T): void {
    this.#items[i] = item;
  }

  push(item: T): void {
    this.#items[this.length++] = item;
  }

  /** Takes the last one out. */
  pop(): T {
    const item = this.#items[--this.length] as T;
    this.#items[this.length] = undefined;
    return item;
  }

  clear(): void {
    while (this.length > 0) this.pop();
  }

  toArray(): T[] {
    return this.#items.slice(0, this.length) as T[];
  }
}
