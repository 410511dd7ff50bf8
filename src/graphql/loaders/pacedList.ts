/** Long lists of a result, completed in slices: graphql-js completes an item that is a promise when it resolves. */
import type { RequestBudget } from '../budget/requestBudget.ts';

/** A shorter list is completed at once. */
const LONG = 20;

/**
 * The list as it is where it is short. Else its items come one after the other, in slices of the request's work; those
 * that have not come when its client leaves reject with Unavailable. (An async iterable would do, but for graphql-js: an
 * item that fails while others are still to come is an unhandled rejection there.)
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
