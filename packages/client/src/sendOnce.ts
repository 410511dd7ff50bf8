/** Queries and mutations over the socket: sent once, whatever becomes of the connection. */
import type { Client, SubscribePayload } from 'graphql-ws';
import type { Sink } from './following.ts';

/**
 * graphql-ws sends every operation again when it reconnects by itself (`retryAttempts`, or a close with 1000). A mutation
 * that was sent must not be: nobody knows whether it was carried out. So the close ends it, with the close event as error.
 */
export const sendOnce = (client: Client, payload: SubscribePayload, sink: Sink): (() => void) => {
  let sent = false;
  let over = false;
  const once = {
    ...payload,
    // graphql-ws makes JSON of it in the moment in which it sends it.
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
