/** Time as this event loop sees it: if the loop is late, this clock is late too. */
const PARTS = 20;

/** Counts periods since it was made. Its timer is delayed as other timers of this process are. */
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
