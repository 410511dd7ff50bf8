/** What changed from one schema to another, as clients see it. */
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

export interface SchemaChanges {
  /** Sentences; each of them can break an operation of a client that works now. */
  readonly breaking: readonly string[];
  /** What was added or described anew. */
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
