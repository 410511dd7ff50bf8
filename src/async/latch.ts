/**
 * Something that happens once, or fails once, or never. A caller that stops waiting leaves nothing behind; reactions of
 * a promise, those of Promise.race too, stay as long as it is pending.
 */
export class Latch {
  #outcome: { readonly error: unknown } | null = null;
  readonly #waiting = new Set<() => void>();

  /** Callers that wait at present. */
  get waiting(): number {
    return this.#waiting.size;
  }

  open(): void {
    this.#settle({ error: null });
  }

  /** @param error what those that wait get thrown; not null */
  fail(error: unknown): void {
    this.#settle({ error });
  }

  /** Resolves when it is open. @throws what it failed with, or the signal's reason */
  async wait(signal: AbortSignal | null = null): Promise<void> {
    signal?.throwIfAborted();
    if (this.#outcome === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
      await promise;
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
    // If both happened, the outcome wins: this caller must give back what was opened for it.
    if (this.#outcome === null) signal?.throwIfAborted();
    else if (this.#outcome.error !== null) throw this.#outcome.error;
  }

  #settle(outcome: { readonly error: unknown }): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
