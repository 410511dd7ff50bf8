/**
 * Bytes of answers that wait here until clients take them, bounded for a connection, for a client's address and in all
 * (LIMITS.waiting…). Memory that clients share is not counted. Where a bound is reached, those that have taken nothing for
 * LIMITS.stalledSeconds are cut, the longest stalled first; where that is not enough, nothing more may wait.
 */
import type { Socket } from 'node:net';
import { LIMITS } from '../../domain/limits.ts';
import { reset, type Taken, takenOf } from '../../system/socketProgress.ts';

const LOOK_MS = 250;
const STALLED_LOOKS = (LIMITS.stalledSeconds * 1000) / LOOK_MS;

interface Held {
  readonly address: string;
  bytes: number;
  taken: Taken;
  /** Looks in a row in which the kernel took nothing. */
  still: number;
  /** It was cut, and counts no longer. */
  cut: boolean;
}

/** Frees what was held. Safe to repeat. */
export type Release = () => void;
/** What waits on one connection. */
export interface Holding {
  /** Notes that so many bytes are to wait; null: there is no room for them. */
  hold(bytes: number): Release | null;
  /** Notes bytes that wait in any case: one piece of a viewer, which has no more than that. They make room as the others do. */
  note(bytes: number): Release;
}

export class Backlog {
  readonly #held = new Map<Socket, Held>();
  readonly #byAddress = new Map<string, number>();
  #all = 0;
  #timer: NodeJS.Timeout | null = null;

  /** Bytes that wait for anybody. */
  get waiting(): number {
    return this.#all;
  }

  for(socket: Socket): Holding {
    const address = socket.remoteAddress ?? '';
    return {
      hold: (bytes) => {
        const waiting = this.#held.get(socket)?.bytes ?? 0;
        // One answer may always wait, however large: what it may hold is bounded where it is made.
        const isTooMuch = waiting > 0 && waiting + bytes > LIMITS.waitingPerConnection;
        return isTooMuch || !this.#makeRoom(socket, address, bytes) ? null : this.#note(socket, address, bytes);
      },
      note: (bytes) => {
        this.#makeRoom(socket, address, bytes);
        return this.#note(socket, address, bytes);
      },
    };
  }

  #makeRoom(asking: Socket, address: string, bytes: number): boolean {
    return this.#fits(address, bytes) || this.#relieve(asking, address, bytes);
  }

  #note(socket: Socket, address: string, bytes: number): Release {
    if (socket.destroyed) return () => undefined;
    const held = this.#held.get(socket) ?? { address, bytes: 0, taken: takenOf(socket), still: 0, cut: false };
    this.#held.set(socket, held);
    this.#add(held, bytes);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    let released = false;
    return () => {
      if (released || held.cut) return;
      released = true;
      this.#add(held, -bytes);
      if (held.bytes === 0 && this.#held.get(socket) === held) this.#held.delete(socket);
    };
  }

  #add(held: Held, bytes: number): void {
    held.bytes += bytes;
    this.#all += bytes;
    const ofAddress = (this.#byAddress.get(held.address) ?? 0) + bytes;
    if (ofAddress > 0) this.#byAddress.set(held.address, ofAddress);
    else this.#byAddress.delete(held.address);
  }

  #fits(address: string, bytes: number): boolean {
    const ofAddress = (this.#byAddress.get(address) ?? 0) + bytes;
    return ofAddress <= LIMITS.waitingPerAddress && this.#all + bytes <= LIMITS.waiting;
  }

  /** Cuts stalled connections until the bytes fit. */
  #relieve(asking: Socket, address: string, bytes: number): boolean {
    const stalled = [...this.#held]
      .filter(([socket, { still }]) => socket !== asking && still >= STALLED_LOOKS)
      .sort(([, one], [, other]) => other.still - one.still);
    for (const [socket, held] of stalled) {
      if (this.#all + bytes <= LIMITS.waiting && held.address !== address) continue;
      this.#held.delete(socket);
      this.#add(held, -held.bytes);
      held.cut = true;
      reset(socket);
      if (this.#fits(address, bytes)) return true;
    }
    return this.#fits(address, bytes);
  }

  #look(): void {
    if (this.#held.size === 0) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
    }
    for (const [socket, held] of this.#held) {
      const taken = takenOf(socket);
      const same = taken.written === held.taken.written && taken.queued === held.taken.queued;
      held.still = same ? held.still + 1 : 0;
      held.taken = taken;
    }
  }
}
