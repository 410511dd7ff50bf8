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
