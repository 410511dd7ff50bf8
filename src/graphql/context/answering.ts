/**
 * The services as the API uses them: whoever asks for something while Redis is away is told Unavailable within a few
 * seconds. Who follows (hub, updates) waits instead.
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
    },
  } satisfies Services as S;
};
