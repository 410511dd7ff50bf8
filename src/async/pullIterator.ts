/** A source that waits by itself; see source.ts for one that is also taken from without a promise. */
export interface PullSource<T> {
  /** The next item, or null at the end. One call at a time. Everything that it waits for ends with the signal. */
  next(signal: AbortSignal): Promise<T | null>;
  /** Frees what it holds, at once. Called exactly once: at the end, after an error, or when the reader leaves. */
  close(): void;
}

/**
 * The async iterator that subscriptions give to GraphQL. return() of a bare `async function*` waits behind a pending
 * next(); here it aborts a signal, which ends what next() waits for, and closes the source. Nothing is queued.
 */
export class PullIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: PullSource<T>;
  readonly #leaving = new AbortController();
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: PullSource<T>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#turn.then(() => this.#pull());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#leaving.abort();
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#leaving.abort();
    this.#close();
    return Promise.reject(error);
  }

  async #pull(): Promise<IteratorResult<T, undefined>> {
    if (this.#closed) return { done: true, value: undefined };
    try {
      const value = await this.#source.next(this.#leaving.signal);
      if (value !== null && !this.#closed) return { done: false, value };
    } catch (error) {
      // After the reader has left, the error is the abort's reason or a result of it.
      if (!this.#closed) {
        this.#close();
        throw error;
      }
    }
    this.#close();
    return { done: true, value: undefined };
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.close();
  }
}
