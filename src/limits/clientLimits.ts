/** All limits of callers and addresses, the same for every transport (docs/decisions/0034). */
import type { Redis } from 'ioredis';
import { LimitExceeded, ShareUsedUp } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';
import { Allowance } from './allowance.ts';
import { Held } from './held.ts';
import type { LimitSettings, PerWho } from './limitSettings.ts';
import { Logins } from './logins.ts';
import { Rate } from './rate.ts';
import type { Client } from './who.ts';

export interface ClientLimitsOptions {
  /** For commands. While Redis is away, each process counts for itself. */
  readonly redis: Redis;
  readonly settings: LimitSettings;
  /** Name of this process. */
  readonly instance: string;
}

const MINUTE = 60;
/** Several seconds, so that the burst of a page that opens is no excess. */
const MESSAGE_WINDOW = 10;

export const inSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

interface Rates {
  readonly caller: Rate;
  readonly address: Rate;
}
interface Allowances {
  readonly caller: Allowance;
  readonly address: Allowance;
}

export class ClientLimits implements AsyncDisposable {
  readonly logins: Logins;
  readonly #settings: LimitSettings;
  readonly #starts: Rates;
  readonly #messages: Allowances;
  readonly #cost: Allowances;
  readonly #sockets: Held;
  readonly #subscriptions: Held;

  constructor({ redis, settings, instance }: ClientLimitsOptions) {
    const rate = (name: string, points: number, seconds: number): Rate => new Rate({ redis, name, points, seconds });
    const rates = (name: string, { caller, address }: PerWho, seconds: number): Rates => ({
      caller: rate(`${name}:caller`, caller, seconds),
      address: rate(`${name}:address`, address, seconds),
    });
    const allowances = ({ caller, address }: Rates): Allowances => ({
      caller: new Allowance(caller),
      address: new Allowance(address),
    });
    this.#settings = settings;
    this.#starts = rates('starts', settings.startsPerMinute, MINUTE);
    const { caller, address } = settings.messagesPerSecond;
    const inWindow = { caller: caller * MESSAGE_WINDOW, address: address * MESSAGE_WINDOW };
    this.#messages = allowances(rates('messages', inWindow, MESSAGE_WINDOW));
    this.#cost = allowances(rates('cost', settings.costPerMinute, MINUTE));
    this.logins = new Logins(rate('logins', settings.failedLoginsPerMinute, MINUTE));
    this.#sockets = new Held({ redis, name: 'sockets', most: settings.socketsPerCaller, instance });
    this.#subscriptions = new Held({ redis, name: 'subscriptions', most: settings.subscriptionsPerCaller, instance });
  }

  /** Counts a WebSocket message. Returns 0, or the milliseconds until the client can send again. */
  message(client: Client, bytes: number): number {
    const permits = permitsOf(bytes);
    return this.#messages.address.spend(client.address, permits) || this.#ofCaller(client, permits);
  }

  /** Counts an HTTP request for its address. @throws ShareUsedUp */
  requestFrom({ address }: Client, bytes: number): void {
    const waitMs = this.#messages.address.spend(address, permitsOf(bytes));
    if (waitMs > 0) throw new ShareUsedUp('Too many requests came from your address.', inSeconds(waitMs));
  }

  /** Counts an HTTP request for its caller. @throws ShareUsedUp */
  requestOf(client: Client, bytes: number): void {
    const waitMs = this.#ofCaller(client, permitsOf(bytes));
    if (waitMs > 0) throw new ShareUsedUp('You have sent too many requests.', inSeconds(waitMs));
  }

  #ofCaller({ caller }: Client, permits: number): number {
    return caller === null ? 0 : this.#messages.caller.spend(caller, permits);
  }

  /** Counts a new run. @throws ShareUsedUp */
  async start({ address, caller }: Client): Promise<void> {
    const { startsPerMinute } = this.#settings;
    const ofCaller = caller === null ? 0 : await this.#starts.caller.take(caller);
    if (ofCaller > 0) throw tooManyStarts('by you', startsPerMinute.caller, 'LIMIT_STARTS_PER_MINUTE', ofCaller);
    const ofAddress = await this.#starts.address.take(address);
    if (ofAddress === 0) return;
    const name = 'LIMIT_STARTS_PER_MINUTE_PER_ADDRESS';
    throw tooManyStarts('from your address', startsPerMinute.address, name, ofAddress);
  }

  /** Counts a document that is about to be executed. @throws LimitExceeded, ShareUsedUp */
  document({ address, caller }: Client, cost: number): void {
    const { documentCost } = this.#settings;
    if (documentCost > 0 && cost > documentCost) {
      throw new LimitExceeded(
        `The document costs too much: ${cost} points, at most ${documentCost} (MAX_DOCUMENT_COST). Ask for smaller pages or fewer fields.`,
      );
    }
    const ofCaller = caller === null ? 0 : this.#cost.caller.spend(caller, cost);
    const waitMs = Math.max(ofCaller, this.#cost.address.spend(address, cost));
    if (waitMs > 0) throw new ShareUsedUp('Your documents have cost too much in this minute.', inSeconds(waitMs));
  }

  /** Takes a place for a WebSocket. Resolves with the function that frees it; null: there is no limit. @throws ShareUsedUp */
  socket({ caller }: Client): Promise<() => void> | null {
    return this.#sockets.most === 0 ? null : this.#takeSocket(caller ?? '');
  }

  async #takeSocket(caller: string): Promise<() => void> {
    const place = await this.#sockets.take(caller);
    if (place !== null) return place;
    throw new ShareUsedUp(`You have too many WebSockets: at most ${this.#sockets.most}.`, LIMITS.heldSeconds);
  }

  /** The same for a subscription. @throws ShareUsedUp */
  async subscription({ caller }: Client): Promise<() => void> {
    const place = await this.#subscriptions.take(caller ?? '');
    if (place !== null) return place;
    throw new ShareUsedUp(`You have too many subscriptions: at most ${this.#subscriptions.most}.`, LIMITS.heldSeconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#sockets[Symbol.asyncDispose](), this.#subscriptions[Symbol.asyncDispose]()]);
  }
}

const permitsOf = (bytes: number): number => 1 + Math.floor(bytes / LIMITS.permitBytes);

const tooManyStarts = (who: string, most: number, name: string, waitMs: number): ShareUsedUp =>
  new ShareUsedUp(`Too many runs were started ${who}: at most ${most} a minute (${name}).`, inSeconds(waitMs));
