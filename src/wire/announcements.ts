/** The fast path of the log: what is published on a channel. At most once, so nothing may depend on it alone. */
export interface Announcements {
  /**
   * Resolves when Redis has confirmed the subscription. The returned function frees it, at once.
   * Several subscribers of a channel share one subscription. While Redis is away it waits, until the signal aborts.
   * @throws the signal's reason
   */
  subscribe(channel: string, onMessage: (bytes: Buffer) => void, signal?: AbortSignal): Promise<() => void>;
  /** Told after the connection was lost and all channels are subscribed again: messages may have been missed. */
  onReconnect(listener: () => void): () => void;
}
