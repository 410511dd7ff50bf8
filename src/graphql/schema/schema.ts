/** The schema: every noun's file adds its types and root fields to the builder. */
import { GraphQLSchema, introspectionFromSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './builder.ts';
import './eventTypes.ts';
import './logLine.ts';
import './logPage.ts';
import './mutations.ts';
import './runType.ts';
import './runChanges.ts';
import './runConnection.ts';
import './runLogs.ts';

const DESCRIPTION = `runloom starts commands in containers and tells their logs. Start a run with startRun, follow it with runLogBatches
(or runLogs, event by event), page through it with Run.logs. Every event of a run has a seq, from 1, without a hole:
go on after a loss with after. RunFinished is always the last event.

Errors have extensions.code: BAD_USER_INPUT (with argument and problems), NOT_FOUND, CONFLICT, LIMIT_EXCEEDED,
UNAVAILABLE, FORBIDDEN, the usual codes for documents, or INTERNAL_SERVER_ERROR with the id under which the service's
log has more. Enums that say so may grow; fields may come; the set of event types is closed within a major version.`;

export const schema = new GraphQLSchema({
  ...builder.toSchema({ sortSchema: false }).toConfig(),
  description: DESCRIPTION,
});

/** The SDL as schema/schema.graphql has it: sorted, with its descriptions. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;

/** The answer to the introspection query without descriptions, as schema/introspection.json has it, for urql's Graphcache. */
export const printedIntrospection = (): string => {
  const introspection = introspectionFromSchema(lexicographicSortSchema(schema), { descriptions: false });
  return `${JSON.stringify(introspection)}\n`;
};
