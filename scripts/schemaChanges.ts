/** Compares two schemas from the view of clients. */
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

export interface SchemaChanges {
  /** Sentences. Each change can break an operation of an existing client. */
  readonly breaking: readonly string[];
  /** Sentences: additions and changed descriptions. */
  readonly harmless: readonly string[];
}

export const schemaChanges = async (before: string, after: string): Promise<SchemaChanges> => {
  const changes = await diff(buildSchema(before), buildSchema(after));
  const sentences = (breaking: boolean): string[] =>
    changes
      .filter(({ criticality }) => (criticality.level === CriticalityLevel.Breaking) === breaking)
      .map(({ message, path }) => (path === undefined ? message : `${path}: ${message}`));
  return { breaking: sentences(true), harmless: sentences(false) };
};
