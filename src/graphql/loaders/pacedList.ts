/** Completes long lists of a result in slices: graphql-js completes an item that is a promise when it resolves. */
import type { RequestBudget } from '../budget/requestBudget.ts';

/** Lists up to this length are completed at once. */
const LONG = 20;

/**
 * A short list is returned as it is. The items of a long list resolve one after the other, in slices of the request's
 * work; if the client leaves, the remaining ones reject with Unavailable. (Not an async iterable: in graphql-js an item
 * that fails before the iterable has ended is an unhandled rejection.)
 */
export const pacedList = <T>(
  items: readonly T[],
  budget: Pick<RequestBudget, 'goOn' | 'slice' | 'noteList'>,
): readonly T[] | readonly Promise<T>[] => {
  if (items.length <= LONG) return items;
  const places = items.map((item) => ({ item, ...Promise.withResolvers<T>() }));
  budget.noteList(fill(places, budget));
  return places.map(({ promise }) => promise);
};

interface Place<T> extends PromiseWithResolvers<T> {
  readonly item: T;
}

const fill = async <T>(places: readonly Place<T>[], budget: Pick<RequestBudget, 'goOn' | 'slice'>): Promise<void> => {
  let filled = 0;
  try {
    for (const { item, resolve } of places) {
      await budget.goOn();
      resolve(item);
      filled += 1;
    }
  } catch (error) {
    for (const { reject } of places.slice(filled)) {
      await budget.slice();
      reject(error);
    }
  }
};
