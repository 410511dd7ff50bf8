import type { EventDraft } from '../../src/domain/events.ts';

/** Reports the kernel's out-of-memory kills in the container since the command's start. */
export class OomWatch {
  readonly #readKills: () => number;
  readonly #onEvent: (draft: EventDraft) => void;
  readonly #atStart: number;
  #reported = 0;

  /** Make it before the command starts. `readKills`: kills in the container so far. */
  constructor(readKills: () => number, onEvent: (draft: EventDraft) => void) {
    this.#readKills = readKills;
    this.#onEvent = onEvent;
    this.#atStart = readKills();
  }

  /** Reports new kills as one event. True if there was any since the start. */
  look(): boolean {
    const kills = this.#readKills() - this.#atStart;
    if (kills > this.#reported) {
      this.#reported = kills;
      const detail = `The kernel killed ${kills} process${kills === 1 ? '' : 'es'} of the command because memory ran out.`;
      this.#onEvent({ kind: 'ContainerEvent', timestamp: Date.now(), containerEvent: 'OUT_OF_MEMORY', detail });
    }
    return this.#reported > 0;
  }
}
