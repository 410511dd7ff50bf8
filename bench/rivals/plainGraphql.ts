/**
 * Rival B: GraphQL line by line, as the documentation of its libraries shows it: useServer of graphql-ws and the async
 * iterator of graphql-redis-subscriptions, with one Redis message per line.
 */
import type { AddressInfo } from 'node:net';
import {
  GraphQLEnumType,
  GraphQLID,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import { RedisPubSub } from 'graphql-redis-subscriptions';
import { GraphQLDateTimeISO } from 'graphql-scalars';
import { useServer } from 'graphql-ws/use/ws';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const connect = (): Redis => new Redis(process.env.REDIS_URL?.replace('unix://', '') ?? '');
const pubsub = new RedisPubSub({ publisher: connect(), subscriber: connect() });

const names = (...values: string[]) => Object.fromEntries(values.map((name) => [name, {}]));
const required = { String: new GraphQLNonNull(GraphQLString), Int: new GraphQLNonNull(GraphQLInt) };

const LogLine = new GraphQLObjectType({
  name: 'LogLine',
  fields: {
    seq: { type: required.Int },
    timestamp: { type: new GraphQLNonNull(GraphQLDateTimeISO) },
    level: { type: new GraphQLEnumType({ name: 'LogLevel', values: names('DEBUG', 'INFO', 'WARNING', 'ERROR') }) },
    stream: { type: new GraphQLEnumType({ name: 'LogStream', values: names('STDOUT', 'STDERR') }) },
    message: { type: required.String },
  },
});

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type: GraphQLString } } }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      logLine: {
        type: new GraphQLNonNull(LogLine),
        args: { runId: { type: new GraphQLNonNull(GraphQLID) } },
        subscribe: (_root, { runId }: { runId: string }) => pubsub.asyncIterableIterator(`lines.${runId}`),
      },
    },
  }),
});

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' });
// biome-ignore lint/correctness/useHookAtTopLevel: a function of graphql-ws, not a React hook
useServer({ schema }, server);
server.once('listening', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
