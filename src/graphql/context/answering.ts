/**
 * The services as the API uses them: while Redis is unreachable, a read fails with Unavailable within a few seconds.
 * Subscriptions (hub, updates) wait instead.
 */
import { answered } from '../../redis/wait.ts';
import type { Services } from './context.ts';

export const answering = <S extends Services>(services: S): S => {
  const { reader, logger } = services;
  return {
    ...services,
    reader: {
      forward: (runId, after, most, given) =>
        answered((signal) => reader.forward(runId, after, most, signal), logger, given),
      backward: (runId, before, most, given) =>
        answered((signal) => reader.backward(runId, before, most, signal), logger, given),
      summary: (runId, tables, given) => answered((signal) => reader.summary(runId, tables, signal), logger, given),
    },
  } satisfies Services as S;
};
