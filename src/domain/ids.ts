/** Identifiers of runs. */
import { v7 } from 'uuid';

declare const runIdBrand: unique symbol;

/** A run's id: a UUID version 7 in lower case, so newer ids sort later. */
export type RunId = string & { readonly [runIdBrand]: true };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new id, later than every id that this process made before (`crypto.randomUUIDv7` is not monotonic). */
export const newRunId = (): RunId => v7() as RunId;

/** The id in its one form, or null where the text is no UUID: such a run "is not there". */
export const parseRunId = (text: string): RunId | null => (UUID.test(text) ? (text.toLowerCase() as RunId) : null);
