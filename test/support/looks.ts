/** Time as this process has it: what runs in the same event loop is late by as much. */
const PARTS = 20;

/** Counts periods from its making on, by looks that are put off as other timers of this process are. */
export class Looks implements Disposable {
  #looks = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(periodMs: number) {
    this.#timer = setInterval(() => {
      this.#looks += 1;
    }, periodMs / PARTS);
  }

  get periods(): number {
    return this.#looks / PARTS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
