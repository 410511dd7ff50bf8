/** The services as the API uses them: whoever asks while Redis is away is told Unavailable within a few seconds. */
import { answered } from '../runs/wait.ts';
import type { Services } from './context.ts';

/** What comes after the deadline is given back, or it would be held for nobody. */
const orGiveBack = async <T>(operation: Promise<T>, giveBack: (late: T) => void): Promise<T> => {
  try {
    return await answered(() => operation);
  } catch (error) {
    operation.then(giveBack, () => undefined);
    throw error;
  }
};

export const answering = <S extends Services>(services: S): S => {
  const { hub, reader, updates } = services;
  return {
    ...services,
    hub: { open: (runId, from) => orGiveBack(hub.open(runId, from), (viewer) => viewer.close()) },
    updates: { follow: (listener) => orGiveBack(updates.follow(listener), (unfollow) => unfollow()) },
    reader: {
      forward: (...args) => answered(() => reader.forward(...args)),
      backward: (...args) => answered(() => reader.backward(...args)),
    },
  } satisfies Services as S;
};
