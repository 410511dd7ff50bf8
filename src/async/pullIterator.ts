/**
 * What subscriptions hand to GraphQL. A bare `async function*` is not torn down while it waits (its
 * return() queues behind the pending await), so return() here first aborts a signal, which ends whatever
 * waits, and then releases the source. Nothing is queued: who does not ask costs nothing.
 */
export interface PullSource<T> {
  /** The next item, or null at the end. One call at a time. Whatever waits in it ends with the signal. */
  next(signal: AbortSignal): Promise<T | null>;
  /** Frees what it holds, at once. Called exactly once: at the end, after an error, or when the reader leaves. */
  close(): void;
}

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
      // After the reader left, the abort's own reason or what it caused is nobody's news.
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
