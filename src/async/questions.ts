/**
 * Questions about many things that go to the store together. A few are under way at most, and what is asked meanwhile
 * gathers for the next: a store that does not answer holds those few, however many ask and leave.
 */
import { Latch } from './latch.ts';

/** Questions that are under way at once. */
const AT_ONCE = 4;

interface Asked<Answer> {
  readonly latch: Latch;
  /** Who waits for it; nobody: it is not asked. */
  askers: number;
  answer: Answer | null;
}

export class Questions<Key, Answer> {
  /** Answers in the order of the keys. */
  readonly #read: (keys: readonly Key[]) => Promise<readonly (Answer | null)[]>;
  /** Things that one question holds at most. */
  readonly #most: number;
  #gathered = new Map<Key, Asked<Answer>>();
  #underWay = 0;

  constructor(read: (keys: readonly Key[]) => Promise<readonly (Answer | null)[]>, most = Number.POSITIVE_INFINITY) {
    this.#read = read;
    this.#most = most;
  }

  /** Things that somebody waits to have asked. */
  get waiting(): number {
    return this.#gathered.size;
  }

  /** The answer to a question that is sent after this call; null where there is none. @throws the store's error, or the signal's reason */
  async ask(key: Key, signal: AbortSignal | null = null): Promise<Answer | null> {
    const asked = this.#gathered.get(key) ?? { latch: new Latch(), askers: 0, answer: null };
    this.#gathered.set(key, asked);
    asked.askers += 1;
    if (this.#gathered.size === 1) setImmediate(() => this.#send());
    try {
      await asked.latch.wait(signal);
      return asked.answer;
    } finally {
      asked.askers -= 1;
      if (asked.askers === 0 && this.#gathered.get(key) === asked) this.#gathered.delete(key);
    }
  }

  #send(): void {
    while (this.#underWay < AT_ONCE && this.#gathered.size > 0) {
      const taken = [...this.#gathered].slice(0, this.#most);
      for (const [key] of taken) this.#gathered.delete(key);
      this.#underWay += 1;
      void this.#put(taken).finally(() => {
        this.#underWay -= 1;
        this.#send();
      });
    }
  }

  /** Never rejects. */
  async #put(taken: readonly (readonly [Key, Asked<Answer>])[]): Promise<void> {
    try {
      const answers = await this.#read(taken.map(([key]) => key));
      for (const [i, [, asked]] of taken.entries()) {
        asked.answer = answers[i] ?? null;
        asked.latch.open();
      }
    } catch (error) {
      for (const [, asked] of taken) asked.latch.fail(error);
    }
  }
}
