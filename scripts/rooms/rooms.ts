/**
 * The rooms: every folder of code with its purpose and what it may import. Both lists are complete: a folder without a
 * row, and an import that is not in its row, fail `npm run check` (roomProblems.ts). The rooms form no cycle.
 */
export interface Room {
  readonly purpose: string;
  /** Folders whose files it may import, types too. Its own folder goes without saying. */
  readonly rooms: readonly string[];
  /** npm packages; `node` stands for the built-in modules. */
  readonly packages: readonly string[];
}

export const ROOMS: Readonly<Record<string, Room>> = {
  examples: {
    purpose: 'what both example pages share, and the server that shows them',
    rooms: ['packages/client/src', 'schema/generated'],
    packages: ['@tanstack/react-virtual', 'esbuild', 'node', 'react'],
  },
  'examples/apollo': {
    purpose: 'a log page with Apollo Client',
    rooms: ['examples', 'packages/client/src', 'schema/generated'],
    packages: ['@apollo/client', 'graphql', 'graphql-ws', 'react', 'react-dom'],
  },
  'examples/urql': {
    purpose: 'a log page with urql',
    rooms: ['examples', 'packages/client/src', 'schema/generated'],
    packages: ['graphql-ws', 'react', 'react-dom', 'urql'],
  },
  executor: {
    purpose: 'the program around one command: one attempt from its start to its end',
    rooms: [
      'executor/command',
      'executor/end',
      'executor/output',
      'executor/output/records',
      'executor/redis',
      'executor/start',
      'executor/write',
      'src/domain',
      'src/domain/text',
      'src/system',
      'src/wire',
    ],
    packages: ['node'],
  },
  'executor/command': {
    purpose: 'starts, reads and stops the command; what differs between a container and a local process',
    rooms: ['executor/output', 'executor/start', 'src/domain', 'src/system', 'src/wire'],
    packages: ['node'],
  },
  'executor/end': {
    purpose: 'how an attempt ends, and the last batch of its log',
    rooms: ['executor/command', 'executor/redis', 'executor/start', 'executor/write', 'src/domain', 'src/wire'],
    packages: ['ioredis', 'node'],
  },
  'executor/output': {
    purpose: 'from the bytes of two pipes to events; pure',
    rooms: [
      'executor/output/json',
      'executor/output/masking',
      'executor/output/records',
      'executor/output/text',
      'src/domain',
    ],
    packages: ['node'],
  },
  'executor/output/json': {
    purpose: 'JSON that a command printed',
    rooms: ['executor/output/masking', 'src/domain', 'src/domain/text'],
    packages: [],
  },
  'executor/output/masking': {
    purpose: 'hides secrets',
    rooms: ['executor/output/text'],
    packages: [],
  },
  'executor/output/records': {
    purpose: 'structured records of the loggers of many languages',
    rooms: ['executor/output/json', 'executor/output/masking', 'executor/output/text', 'src/domain', 'src/domain/text'],
    packages: ['node'],
  },
  'executor/output/text': {
    purpose: 'bytes and characters: cutting, UTF-16, ANSI at the start of a line',
    rooms: [],
    packages: [],
  },
  'executor/redis': {
    purpose: "the executor's connections to Redis, and its patience with them",
    rooms: ['src/domain', 'src/domain/text', 'src/wire'],
    packages: ['ioredis', 'node'],
  },
  'executor/start': {
    purpose: 'what the executor was asked to do, and its claim on the log',
    rooms: ['executor/redis', 'src/domain', 'src/system', 'src/wire'],
    packages: ['ioredis', 'node'],
  },
  'executor/write': {
    purpose: 'gathers events into batches and stores them',
    rooms: ['executor/output', 'executor/redis', 'executor/start', 'src/async', 'src/domain', 'src/wire'],
    packages: ['ioredis', 'node'],
  },
  'packages/client/src': {
    purpose: 'what an application installs: subscriptions that resume, and the proof that a log is whole',
    rooms: [],
    packages: ['graphql-ws'],
  },
  scripts: {
    purpose: 'commands of package.json',
    rooms: [
      'executor/output/records',
      'src',
      'src/graphql/schema',
      'src/launchers/container/engine',
      'src/launchers/container/image',
    ],
    packages: ['@graphql-inspector/core', 'graphql', 'node'],
  },
  'scripts/rooms': {
    purpose: 'the rules of this table, and their check',
    rooms: [],
    packages: ['node'],
  },
  src: {
    purpose: 'the process: reads the configuration, puts the parts together, ends them',
    rooms: [
      'src/async',
      'src/domain',
      'src/domain/text',
      'src/graphql/server',
      'src/http',
      'src/launchers',
      'src/launchers/container',
      'src/launchers/container/engine',
      'src/launchers/process',
      'src/log',
      'src/redis',
      'src/redis/private',
      'src/redis/relay',
      'src/runs',
      'src/runs/records',
      'src/system',
      'src/wire',
    ],
    packages: ['node', 'pino', 'zod'],
  },
  'src/async': {
    purpose: 'abort race, pause, deadline, retry, interval, semaphore, batch loader, pull iterators, turns: each once',
    rooms: ['src/domain'],
    packages: ['node'],
  },
  'src/delivery': {
    purpose: 'from stored entries to the texts that subscribers get',
    rooms: ['src/async', 'src/domain', 'src/domain/text', 'src/log', 'src/redis', 'src/runs/records', 'src/wire'],
    packages: ['graphql'],
  },
  'src/delivery/sinks': {
    purpose: 'writes those texts to WebSockets and SSE responses',
    rooms: ['src/async', 'src/delivery', 'src/domain', 'src/system'],
    packages: ['graphql', 'graphql-ws', 'node', 'ws'],
  },
  'src/domain': {
    purpose: 'runs, events, filters and their rules; pure',
    rooms: ['src/domain/text'],
    packages: ['uuid', 'zod'],
  },
  'src/domain/text': {
    purpose: 'texts and JSON; pure',
    rooms: [],
    packages: [],
  },
  'src/graphql/budget': {
    purpose: 'what one request may cost',
    rooms: ['src/async', 'src/domain', 'src/redis', 'src/runs/records'],
    packages: [],
  },
  'src/graphql/context': {
    purpose: 'what resolvers work with',
    rooms: [
      'src/delivery',
      'src/domain',
      'src/graphql/budget',
      'src/graphql/loaders',
      'src/log',
      'src/redis',
      'src/runs/records',
    ],
    packages: ['pino'],
  },
  'src/graphql/loaders': {
    purpose: 'reads many things in one question',
    rooms: ['src/domain', 'src/graphql/budget', 'src/runs/records'],
    packages: [],
  },
  'src/graphql/schema': {
    purpose: 'the schema as a whole, put together from its types and printed',
    rooms: [
      'src/graphql/schema/base',
      'src/graphql/schema/events',
      'src/graphql/schema/logs',
      'src/graphql/schema/runs',
    ],
    packages: ['graphql'],
  },
  'src/graphql/schema/base': {
    purpose: 'the builder of the schema, and its scalars',
    rooms: ['src/domain', 'src/domain/text', 'src/graphql/context'],
    packages: ['@pothos/core', 'graphql'],
  },
  'src/graphql/schema/events': {
    purpose: 'the types of RunEvent, one noun a file',
    rooms: ['src/delivery', 'src/domain', 'src/graphql/schema/base', 'src/graphql/schema/runs'],
    packages: [],
  },
  'src/graphql/schema/logs': {
    purpose: 'the log of a run: pages, subscriptions, the filter',
    rooms: [
      'src/delivery',
      'src/domain',
      'src/graphql/budget',
      'src/graphql/context',
      'src/graphql/schema/base',
      'src/graphql/schema/events',
      'src/graphql/schema/runs',
      'src/log',
    ],
    packages: [],
  },
  'src/graphql/schema/runs': {
    purpose: 'runs: the type and its parts, lists, changes and mutations, one noun a file with its root fields',
    rooms: ['src/async', 'src/delivery', 'src/domain', 'src/graphql/schema/base', 'src/runs/records'],
    packages: [],
  },
  'src/graphql/server': {
    purpose: 'how documents are checked and executed, and what errors may say',
    rooms: [
      'src/async',
      'src/delivery',
      'src/domain',
      'src/domain/text',
      'src/graphql/context',
      'src/graphql/schema',
      'src/graphql/schema/base',
    ],
    packages: ['graphql', 'graphql-yoga', 'node', 'pino'],
  },
  'src/http': {
    purpose: 'the HTTP server: who may pass, which path goes where',
    rooms: [
      'src/async',
      'src/delivery/sinks',
      'src/domain',
      'src/graphql/context',
      'src/graphql/server',
      'src/http/exchange',
      'src/http/routes',
      'src/http/sockets',
    ],
    packages: ['node', 'pino'],
  },
  'src/http/exchange': {
    purpose: 'one request and its answer',
    rooms: ['src/async', 'src/delivery/sinks', 'src/domain', 'src/domain/text'],
    packages: ['node'],
  },
  'src/http/routes': {
    purpose: 'a path each',
    rooms: [
      'src/delivery/sinks',
      'src/domain',
      'src/graphql/schema/base',
      'src/graphql/server',
      'src/http/exchange',
      'src/log',
    ],
    packages: ['@graphql-yoga/render-graphiql', 'node'],
  },
  'src/http/sockets': {
    purpose: 'graphql-transport-ws: messages, operations, keep-alive',
    rooms: [
      'src/async',
      'src/delivery/sinks',
      'src/domain',
      'src/domain/text',
      'src/graphql/context',
      'src/graphql/server',
      'src/http/exchange',
      'src/system',
    ],
    packages: ['graphql', 'graphql-ws', 'node', 'pino', 'ws'],
  },
  'src/launchers': {
    purpose: 'the interface of launchers',
    rooms: ['src/domain'],
    packages: [],
  },
  'src/launchers/container': {
    purpose: 'attempts as containers of Docker and Podman',
    rooms: [
      'src/async',
      'src/domain',
      'src/launchers',
      'src/launchers/container/engine',
      'src/launchers/container/image',
      'src/wire',
    ],
    packages: ['dockerode', 'node'],
  },
  'src/launchers/container/engine': {
    purpose: "the engine's API and its socket",
    rooms: ['src/async'],
    packages: ['dockerode', 'node'],
  },
  'src/launchers/container/image': {
    purpose: "the executor's image and the images of runs",
    rooms: ['src/async', 'src/launchers', 'src/launchers/container/engine'],
    packages: ['dockerode', 'esbuild', 'node', 'tar-stream'],
  },
  'src/launchers/process': {
    purpose: 'attempts as local processes',
    rooms: ['src/async', 'src/domain', 'src/launchers', 'src/system', 'src/wire'],
    packages: ['node'],
  },
  'src/log': {
    purpose: 'reads and follows logs: feeds, viewers, pages of history, packing',
    rooms: ['src/async', 'src/domain', 'src/wire', 'src/wire/scripts'],
    packages: ['ioredis', 'node', 'pino'],
  },
  'src/redis': {
    purpose: 'connections to Redis and what is known of it',
    rooms: ['src/async', 'src/domain', 'src/wire'],
    packages: ['graphql-redis-subscriptions', 'ioredis', 'node', 'pino'],
  },
  'src/redis/private': {
    purpose: 'the private redis-server',
    rooms: ['src/async', 'src/system', 'src/wire'],
    packages: ['ioredis', 'node', 'pino'],
  },
  'src/redis/relay': {
    purpose: 'how executors reach Redis',
    rooms: ['src/async', 'src/redis', 'src/redis/private', 'src/system', 'src/wire'],
    packages: ['node', 'pino'],
  },
  'src/runs': {
    purpose: "wires the runs' parts",
    rooms: [
      'src/domain',
      'src/launchers',
      'src/runs/api',
      'src/runs/lossyRedis',
      'src/runs/records',
      'src/runs/supervision',
      'src/wire',
    ],
    packages: ['ioredis', 'node', 'pino'],
  },
  'src/runs/api': {
    purpose: 'what clients can ask of runs',
    rooms: [
      'src/async',
      'src/domain',
      'src/redis',
      'src/runs/lossyRedis',
      'src/runs/records',
      'src/runs/supervision',
      'src/wire',
      'src/wire/scripts',
    ],
    packages: ['ioredis', 'pino'],
  },
  'src/runs/lossyRedis': {
    purpose: 'what is done because a Redis may lose what it has acknowledged',
    rooms: ['src/async', 'src/domain', 'src/redis', 'src/runs/records', 'src/wire', 'src/wire/scripts'],
    packages: ['ioredis', 'pino'],
  },
  'src/runs/records': {
    purpose: 'runs as they are stored: records, index, secrets',
    rooms: ['src/domain', 'src/domain/text', 'src/launchers', 'src/wire', 'src/wire/scripts'],
    packages: ['ioredis', 'node'],
  },
  'src/runs/supervision': {
    purpose: 'starts attempts, waits for their ends, puts right what crashes left',
    rooms: [
      'src/async',
      'src/domain',
      'src/launchers',
      'src/log',
      'src/redis',
      'src/runs/lossyRedis',
      'src/runs/records',
      'src/wire',
      'src/wire/scripts',
    ],
    packages: ['bullmq', 'ioredis', 'node', 'pino'],
  },
  'src/system': {
    purpose: 'what the operating system tells: processes, sockets, directories',
    rooms: [],
    packages: ['node'],
  },
  'src/wire': {
    purpose: 'what service, executor and launchers must agree on: keys, records, batches, addresses',
    rooms: ['src/async', 'src/domain', 'src/domain/text', 'src/wire/scripts'],
    packages: ['ioredis', 'node'],
  },
  'src/wire/scripts': {
    purpose: 'Lua scripts that Redis runs',
    rooms: [],
    packages: ['ioredis', 'node'],
  },
};
