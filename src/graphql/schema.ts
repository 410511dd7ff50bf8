/** The schema: every noun's file adds its types and root fields to the builder. */
import type { GraphQLSchema } from 'graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './builder.ts';
import './eventTypes.ts';
import './logLine.ts';
import './logPage.ts';
import './mutations.ts';
import './run.ts';
import './runChanges.ts';
import './runConnection.ts';
import './runLogs.ts';

export const schema: GraphQLSchema = builder.toSchema({ sortSchema: false });

/** The SDL as schema/schema.graphql has it: sorted, with its descriptions. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
