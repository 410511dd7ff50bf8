/** Messages published on channels of Redis. Delivery is at most once: nothing may depend on it alone. */
export interface Announcements {
  /**
   * Resolves when Redis has confirmed the subscription. The returned function ends it at once. Subscribers of a channel
   * share one subscription. Waits while Redis is away, until the signal aborts.
   * @throws the signal's reason
   */
  subscribe(channel: string, onMessage: (bytes: Buffer) => void, signal?: AbortSignal): Promise<() => void>;
  /** Called when all channels are subscribed again after a loss of the connection: messages can have been missed. */
  onReconnect(listener: () => void): () => void;
}

/**
 * Messages on a run's control channel (keys.ts). Each is JSON with a member `kind`:
 *
 * - cancel: the service noted a cancel in the record.
 * - ended: an executor in its guard period stored the end of its attempt.
 * - UPDATED: an executor's append changed the record (notify.lua); the service announces it on run_updates.
 * - mark: the service asks itself whether all earlier messages have arrived.
 */
const KINDS = ['cancel', 'ended', 'UPDATED', 'mark'] as const;
export type ControlKind = (typeof KINDS)[number];

export type ControlMessage = Readonly<Record<string, unknown>> & { readonly kind: ControlKind };

/** Null for a message that is not one of these: a newer version can send others. */
export const parseControlMessage = (bytes: Buffer | string): ControlMessage | null => {
  try {
    const message: unknown = JSON.parse(bytes.toString());
    const { kind } = message as { readonly kind?: unknown };
    return KINDS.some((known) => known === kind) ? (message as ControlMessage) : null;
  } catch {
    return null;
  }
};
