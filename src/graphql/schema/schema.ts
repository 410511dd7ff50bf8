/** The schema. Importing the file of a type adds the type and its root fields to the builder. */
import { GraphQLSchema, introspectionFromSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { auditFields } from './audited.ts';
import { builder } from './base/builder.ts';
import './events/attemptFinished.ts';
import './events/containerEvent.ts';
import './events/customEvent.ts';
import './events/linesDropped.ts';
import './events/logGroup.ts';
import './events/logLine.ts';
import './events/outputProduced.ts';
import './events/progressUpdated.ts';
import './events/runFinished.ts';
import './events/statusChanged.ts';
import './identity/apiTokenType.ts';
import './identity/createApiToken.ts';
import './identity/revokeApiToken.ts';
import './identity/runToken.ts';
import './identity/viewerType.ts';
import './logs/followedLogs.ts';
import './logs/logUrl.ts';
import './logs/logHistogram.ts';
import './logs/logStats.ts';
import './logs/runEventBatch.ts';
import './logs/runEventPage.ts';
import './logs/runOutline.ts';
import './logs/seqAt.ts';
import './runs/cancelRun.ts';
import './runs/deleteRun.ts';
import './runs/node.ts';
import './runs/retryRun.ts';
import './runs/runChange.ts';
import './runs/runConnection.ts';
import './runs/runType.ts';
import './runs/startRun.ts';
import './search/runLogSearch.ts';
import './search/runSearch.ts';

const DESCRIPTION = `runloom runs commands in containers and streams their logs. Start a run with startRun, follow it with runLogBatches
(or runLogs, event by event), and read its log in pages with Run.logs. Every event of a run has a seq, from 1, without
gaps: after a lost connection, resume with after. RunFinished is always the last event.

Errors have extensions.code: BAD_USER_INPUT (with argument and problems), NOT_FOUND, CONFLICT, LIMIT_EXCEEDED,
UNAVAILABLE, FORBIDDEN, the usual codes for documents, or INTERNAL_SERVER_ERROR with an id that the service's log has
too. Enums that say so may grow, and fields may be added. The set of event types is closed within a major version.`;

export const schema = auditFields(
  new GraphQLSchema({ ...builder.toSchema({ sortSchema: false }).toConfig(), description: DESCRIPTION }),
);

/** The schema as SDL, sorted, with descriptions: the content of schema/schema.graphql. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;

/** The result of the introspection query without descriptions: the content of schema/introspection.json, for urql's Graphcache. */
export const printedIntrospection = (): string => {
  const introspection = introspectionFromSchema(lexicographicSortSchema(schema), { descriptions: false });
  return `${JSON.stringify(introspection)}\n`;
};
