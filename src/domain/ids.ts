/** Identifiers of runs. */
import { v7 } from 'uuid';
import { NotFound } from './errors.ts';

declare const runIdBrand: unique symbol;

/** Id of a run: a UUID version 7 in lower case, so newer ids sort later. */
export type RunId = string & { readonly [runIdBrand]: true };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new id that sorts after all ids that this process made before. (`crypto.randomUUIDv7` is not monotonic.) */
export const newRunId = (): RunId => v7() as RunId;

/** The id in lower case, or null if the text is not a valid UUID: there is no run with such an id. */
export const parseRunId = (text: string): RunId | null => (UUID.test(text) ? (text.toLowerCase() as RunId) : null);

/** @throws NotFound if the text is not a valid UUID */
export const requireRunId = (text: string): RunId => {
  const runId = parseRunId(text);
  if (runId === null) throw new NotFound();
  return runId;
};
