/** A subscription as an async iterator with a bounded backlog. */
import type { Following } from './following.ts';
import type { Result } from './position.ts';

/**
 * Size of the backlog at which the subscription is paused: UTF-16 units of messages, plus 200 for each event. It resumes
 * when the reader has emptied the backlog. A subscription without seqs cannot resume, so its backlog has no bound.
 */
const MAX_BACKLOG = 8 * 1024 * 1024;

interface Item {
  readonly result: Result;
  readonly size: number;
}
interface Sized {
  readonly message?: unknown;
  readonly events?: readonly Sized[];
}
const sizeOf = ({ data }: Result): number => {
  let size = 0;
  for (const value of Object.values(data ?? {})) {
    const { events, message } = (value ?? {}) as Sized;
    for (const event of events ?? [{ message }])
      size += 200 + (typeof event.message === 'string' ? event.message.length : 0);
  }
  return size;
};

interface Sink {
  next(result: Result): void;
  error(error: unknown): void;
  complete(): void;
}

interface Reader {
  resolve(result: IteratorResult<Result>): void;
  reject(error: unknown): void;
}

/**
 * Behaves like the iterator of graphql-ws: `return` (and so `break`) and `throw` end the subscription; after `throw` the
 * following call of `next` rejects with that error. Pending calls of `next` are answered in order.
 * @param follow starts the subscription
 */
export const iterate = (follow: (sink: Sink) => Following): AsyncIterableIterator<Result> => {
  const backlog: Item[] = [];
  const readers: Reader[] = [];
  let size = 0;
  let paused = false;
  let ending: { readonly error?: unknown } | null = null;

  const end = (how: { readonly error?: unknown }): void => {
    ending ??= how;
    for (const reader of readers.splice(0)) {
      if ('error' in how) reader.reject(how.error);
      else reader.resolve({ done: true, value: undefined });
    }
  };
  const following = follow({
    next: (result) => {
      const reader = readers.shift();
      if (reader !== undefined) return reader.resolve({ done: false, value: result });
      const item = { result, size: sizeOf(result) };
      backlog.push(item);
      size += item.size;
      if (size > MAX_BACKLOG && !paused) paused = following.pause();
    },
    error: (error) => end({ error }),
    complete: () => end({}),
  });
  const leave = (): void => {
    following.leave();
    backlog.length = 0;
  };
  return {
    next: async () => {
      const item = backlog.shift();
      if (item !== undefined) {
        size -= item.size;
        if (paused && backlog.length === 0) {
          paused = false;
          following.resume();
        }
        return { done: false, value: item.result };
      }
      if (ending !== null) {
        const { error } = ending;
        const failed = 'error' in ending;
        // The error is thrown once, as by a generator.
        ending = {};
        if (failed) throw error;
        return { done: true, value: undefined };
      }
      return new Promise((resolve, reject) => readers.push({ resolve, reject }));
    },
    return: async () => {
      leave();
      end({});
      return { done: true, value: undefined };
    },
    throw: async (error) => {
      leave();
      ending = null;
      end({ error });
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
