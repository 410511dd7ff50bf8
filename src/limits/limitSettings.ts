/** The limits that an operator sets. 0 everywhere: no limit. */

/** One number for each caller (subject and tenant), and one for each client address. */
export interface PerWho {
  readonly caller: number;
  readonly address: number;
}

export interface LimitSettings {
  /** New runs: startRun and retryRun. A repeat with the same idempotency key is not a new run. */
  readonly startsPerMinute: PerWho;
  /** HTTP requests and WebSocket messages. Each 4 KiB of one count as one more. */
  readonly messagesPerSecond: PerWho;
  /** Estimated cost of documents (documentCost.ts). */
  readonly costPerMinute: PerWho;
  /** Different wrong tokens of one address. */
  readonly failedLoginsPerMinute: number;
  /** Over all processes, as the next one. */
  readonly socketsPerCaller: number;
  readonly subscriptionsPerCaller: number;
  /** Estimated cost of one document. */
  readonly documentCost: number;
  /** PENDING runs of one tenant (src/runs/records/indexes.ts). */
  readonly queuedRuns: number;
}

export const NO_LIMITS: LimitSettings = {
  startsPerMinute: { caller: 0, address: 0 },
  messagesPerSecond: { caller: 0, address: 0 },
  costPerMinute: { caller: 0, address: 0 },
  failedLoginsPerMinute: 0,
  socketsPerCaller: 0,
  subscriptionsPerCaller: 0,
  documentCost: 0,
  queuedRuns: 0,
};
