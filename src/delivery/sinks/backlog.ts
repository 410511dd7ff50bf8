/**
 * Bytes of responses that wait in this process until clients take them. They are bounded for a connection, for a client's
 * address and in total (LIMITS.waiting…). Memory that clients share is not counted. At a bound, connections that have taken
 * nothing for LIMITS.stalledSeconds are cut, the longest stalled first. If that is not enough, no more bytes can wait.
 */
import type { Socket } from 'node:net';
import { LIMITS } from '../../domain/limits.ts';
import { peerOf } from '../../system/network.ts';
import { reset, type Taken, takenOf } from '../../system/socketProgress.ts';

const LOOK_MS = 250;
const STALLED_LOOKS = (LIMITS.stalledSeconds * 1000) / LOOK_MS;

interface Held {
  readonly address: string;
  bytes: number;
  taken: Taken;
  /** Consecutive checks at which the kernel had taken nothing. */
  still: number;
  /** It was cut, and is not counted any more. */
  cut: boolean;
}

/** Ends the counting of the bytes. Safe to repeat. */
export type Release = () => void;
/** The bytes that wait on one connection. */
export interface Holding {
  /** Counts bytes that are to wait; null if there is no room for them. */
  hold(bytes: number): Release | null;
  /** Counts bytes that wait in any case: the one piece of a viewer. Stalled connections are cut for them too. */
  note(bytes: number): Release;
}

export class Backlog {
  readonly #held = new Map<Socket, Held>();
  readonly #byAddress = new Map<string, number>();
  #all = 0;
  #timer: NodeJS.Timeout | null = null;

  /** Bytes that wait in total. */
  get waiting(): number {
    return this.#all;
  }

  for(socket: Socket): Holding {
    const address = peerOf(socket);
    return {
      hold: (bytes) => {
        const waiting = this.#held.get(socket)?.bytes ?? 0;
        // One response can always wait: its size is bounded where it is made.
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
