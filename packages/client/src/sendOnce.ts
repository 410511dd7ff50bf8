/** Queries and mutations over the socket: sent once, even if the connection is lost. */
import type { Client, SubscribePayload } from 'graphql-ws';
import type { Sink } from './following.ts';

/**
 * graphql-ws repeats every operation when it reconnects by itself (`retryAttempts`, or a close with code 1000). A mutation
 * must not be repeated, since the server may have executed it. So a close ends it; the close event is the error.
 */
export const sendOnce = (client: Client, payload: SubscribePayload, sink: Sink): (() => void) => {
  let sent = false;
  let over = false;
  const once = {
    ...payload,
    // graphql-ws calls JSON.stringify at the moment it sends the message.
    toJSON: (): SubscribePayload => {
      sent = true;
      return payload;
    },
  };
  const end = (tell: () => void): void => {
    if (over) return;
    over = true;
    for (const off of listeners) off();
    tell();
  };
  const onLost = (event: unknown): void => {
    if (!sent) return;
    end(() => {
      stop();
      sink.error(event);
    });
  };
  const listeners = [client.on('error', onLost), client.on('closed', onLost)];
  const stop = client.subscribe(once, {
    next: (result) => {
      if (!over) sink.next(result);
    },
    error: (error) => end(() => sink.error(error)),
    complete: () => end(() => sink.complete()),
  });
  return () => {
    stop();
    end(() => sink.complete());
  };
};
