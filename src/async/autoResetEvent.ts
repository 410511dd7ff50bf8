/** Lets one reader wait until something has happened. Several events before the wait count as one. */
export class AutoResetEvent {
  #set = false;
  #resolve: (() => void) | null = null;

  set(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** @throws the signal's reason */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#set) {
      await new Promise<void>((resolve, reject) => {
        const aborted = () => reject(signal.reason);
        signal.addEventListener('abort', aborted, { once: true });
        this.#resolve = () => {
          signal.removeEventListener('abort', aborted);
          resolve();
        };
      });
      this.#resolve = null;
    }
    this.#set = false;
  }
}
