/**
 * Limits that clients or operators can notice, and limits that several files share: each with its unit and reason. Other
 * bounds stand beside what they bound. Limits that an operator sets are in config.ts; some of their defaults are here.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  /** Life of a link to a log, seconds: it can be in the history of a browser or the log of a proxy. */
  logLinkSeconds: 3600,
  /** Program and arguments together, UTF-8 bytes: below Linux's ARG_MAX, with room for the environment. */
  commandBytes: 64_000,
  /** RUN_INPUT, UTF-8 bytes. It is one environment string, for which Linux allows 128 KiB (MAX_ARG_STRLEN). */
  inputBytes: 96 * KIB,
  /** Output that `::output::` reports, bytes of JSON in UTF-8: as large as an input. It is stored in the run's record. */
  outputBytes: 96 * KIB,
  /** One environment value, bytes, for the same reason as inputBytes. */
  envValueBytes: 96 * KIB,
  /** All environment variables of a run together, bytes. They are read with its record whenever an attempt starts. */
  envBytes: 256 * KIB,
  envCount: 500,
  envNameBytes: 256,
  labelCount: 64,
  labelNameBytes: 128,
  labelValueBytes: 1024,
  nameBytes: 256,
  imageBytes: 512,
  idempotencyKeyBytes: 256,
  cancelReasonBytes: 1024,
  /** Attempts of one run. */
  maxAttempts: 10,
  backoffSeconds: 3600,
  /** Runs of one run token. Their ids are in the token, which must fit into a header: 100 take about 5 KiB. */
  runTokenRuns: 100,
  /** Life of a run token, seconds: a day, as its signing key is used for a day. */
  runTokenSeconds: 24 * 3600,
  /** Name of an API token. */
  apiTokenNameCharacters: 100,
  /** Stored API tokens of one tenant: far more than programs of a tenant, and about 1 MB of Redis. */
  apiTokensPerTenant: 1000,
  /** 30 days. */
  timeoutSeconds: 30 * 24 * 3600,
  /** MiB. The executor itself (Node.js) needs this much. */
  memoryMbMin: 64,
  memoryMbMax: 1024 * 1024,
  cpusMin: 0.01,
  cpusMax: 1024,

  /** An executor shows in the record that it is alive this often, seconds: one small write of a run. */
  executorBeatSeconds: 5,
  /**
   * An executor on an engine that no living service sees counts as lost after so many seconds without a sign of it (a
   * heartbeat or a batch): twelve heartbeats, so a short pause of its machine or network ends nothing.
   */
  executorSilenceSeconds: 60,

  /** Body of an HTTP request, bytes. */
  bodyBytes: 1_000_000,
  /** One WebSocket message, bytes. A larger one is answered with an error; over bodyBytes the socket is closed (1009). */
  messageBytes: 64_000,
  /** One WebSocket message before connection_ack, bytes: the service keeps no more for a client that is not admitted yet. */
  earlyMessageBytes: 72 * KIB,
  /** Id of an operation on a WebSocket. It is repeated with each result. Clients use UUIDs. */
  operationIdCharacters: 128,
  /**
   * Messages of one WebSocket: this many at once, then this many a second; over it the WebSocket is closed (4429). Each
   * 4 KiB count as one more message. A page that subscribes to 1,000 runs and completes them when it is left, passes.
   */
  messageBurst: 5000,
  messagesPerSecond: 250,
  /** WebSockets of one client address (MAX_SOCKETS_PER_ADDRESS), and in total. More are refused (429, 503). */
  socketsPerAddress: 2000,
  sockets: 5000,
  /** Connections of one client address, and in total, in addition to the WebSockets. More are cut. */
  connectionsBesideSockets: 1000,
  /** Pipelined requests of one connection that are answered at once. The next ones are read when these are answered. */
  requestsAtOnce: 4,
  /**
   * Bytes of responses that wait for their clients, and of bodies that are being received: per connection, per client
   * address and in total. Over it, clients that have read nothing for stalledSeconds are cut; if that is not enough, a
   * large response is refused (503).
   */
  waitingPerConnection: 64 * MIB,
  waitingPerAddress: 96 * MIB,
  waiting: 192 * MIB,
  stalledSeconds: 2,
  /** retryAfterSeconds of a request that is refused because the service is busy. */
  busySeconds: 2,
  /** Bytes that wait for one WebSocket before its other operations wait too. */
  waitingPerSocket: MIB,
  queryDepth: 15,
  queryAliases: 30,
  queryTokens: 2000,
  /** A name in a document. Responses repeat aliases, once for each run of a list. */
  queryNameCharacters: 128,
  /** Nesting of lists and objects, in JSON and in documents: the 100 levels of RUN_INPUT and what is around them. */
  jsonDepth: 128,
  /** Errors returned for one document or its variables. Each can repeat what the client sent. */
  documentErrors: 5,
  /** Errors returned for an operation that was executed. */
  resultErrors: 50,
  /** Message of one error. */
  errorCharacters: 300,
  /** Root fields and directives of one document. */
  queryDirectives: 30,
  /** Concurrent operations of one WebSocket. */
  operationsPerSocket: 100,
  /** Depth below __schema and __type: the standard introspection query of GraphiQL and others needs 15. */
  introspectionDepth: 20,
  /** __schema and __type in one document. Each can return about 100 kB. */
  introspections: 4,
  /** Fields of one document as written. Validation compares them in pairs, so this bounds its CPU time. */
  queryFields: 500,
  /** Problems returned for the input of one request: the first ones. */
  inputProblems: 50,
  /** LogFilter.contains, exclude and logger, bytes. */
  containsBytes: 1024,
  /**
   * Size of a compiled regular expression in LogQuery: RE2 allows 1000 repetitions. A long line takes time in proportion
   * to it.
   */
  patternSize: 1100,
  /** Hits of one page of Run.search, and of one runLogSearch. */
  searchHits: 1000,
  /** Places in one line that LogHit.ranges names: the first ones. */
  searchRanges: 100,
  /** Events before and after each hit (Run.search, context). */
  searchContext: 50,
  /** Bytes of a log, before compression, and milliseconds of reading, that all Run.search of one request can take. */
  requestSearchBytes: 2048 * MIB,
  requestSearchMs: 5000,
  /** How long a search waits for other searches of its caller, milliseconds; then it is LIMIT_EXCEEDED. */
  searchWaitMs: 30_000,
  /** Name of a CustomEvent that a command reports. */
  eventNameBytes: 128,
  /** Its data as JSON, bytes: as large as an input or an output. */
  eventDataBytes: 96 * KIB,
  /** Log events, and their approximate bytes, that one request can read through all its Run.logs together. */
  requestEvents: 20_000,
  requestBytes: 16 * MIB,
  /** Approximate bytes of events that it can look at for that. A filter can remove nearly all of them. */
  requestScanBytes: 32 * MIB,
  /** Runs that one request can list through all its Query.runs together. */
  requestRuns: 2000,
  /** Runs that one request can read by id: run, node, and each level of retryOf below a list. */
  requestLoads: 5000,
  /** Runs that one page of Query.runs looks at before it is returned short: about 0.1 s. */
  pageRuns: 10_000,
  /** Runs that one request can look at through all its Query.runs together. */
  requestScan: 20_000,
  /** Stored bytes of command, labels and failure that a filter compares for one page, and for one request. */
  pageFilterBytes: 16 * MIB,
  requestFilterBytes: 32 * MIB,
  /** RunFilter.text, bytes, and its words: each is searched in every run that is looked at. */
  runTextBytes: 256,
  runTextWords: 10,
  /** How far the instant in a run's id can be from its createdAt, ms: startRun waits for Redis in between. */
  creationMs: 60_000,
  /** Stored bytes of command, input, output, labels, progress and failure that one request can read, over all runs. */
  requestDetailBytes: 8 * MIB,
  /** A response that reads more bytes of runs or logs than this waits for one of a few seats of the process. */
  largeAnswerBytes: MIB,
  /** The same, as a number of listed runs. */
  largeAnswerRuns: 500,
  /** Entries of a list in a filter. */
  filterEntries: 100,
  /** Events that one page of Run.logs with a filter looks at before it is returned short. */
  pageScan: 20_000,

  /** Events, and bytes of their entries, that `tail` with a filter looks at before it starts with what it has found. */
  tailScanEvents: 500_000,
  tailScanBytes: 64 * MIB,

  /**
   * Limits of one caller (src/limits/who.ts) or one client address, over all processes (src/configLimits.ts: these are
   * defaults, and most hold only where callers are told apart). They are above what an honest client needs.
   */
  callerStartsPerMinute: 1000,
  /** Several callers can share an address. */
  addressStartsPerMinute: 5000,
  /** HTTP requests and WebSocket messages, each 4 KiB as one more: about what one process can answer. */
  callerMessagesPerSecond: 5000,
  /** Estimated cost: 60 documents of the greatest cost a minute. */
  callerCostPerMinute: 60_000_000,
  /** Different wrong tokens of one address. Tokens cannot be guessed; this bounds the work and the noise. */
  failedLoginsPerMinute: 100,
  /** Less than `sockets`, so that one caller leaves room for others. */
  socketsPerCaller: 4000,
  subscriptionsPerCaller: 20_000,
  /** Estimated cost of one document: about one field of one object is a point. */
  documentCost: 1_000_000,
  /** PENDING runs of one tenant, and retryAfterSeconds of a run beyond them. */
  queuedRuns: 10_000,
  queueFullSeconds: 5,
  /** How long a request over its share waits for its refusal, ms: so a client that repeats it at once costs little. */
  refusalMs: 1000,
  /** retryAfterSeconds of a WebSocket or subscription beyond what a caller may have: others must be closed first. */
  heldSeconds: 5,
  /** Bytes of a request or message that count as one message more. */
  permitBytes: 4096,

  /** Events of one page of Run.logs, and of one batch. */
  pageEvents: 5000,
  batchEvents: 500,
  /** Groups of one Run.outline: as many as a run keeps (wire/logIndex/groups.ts). */
  outlineGroups: 2000,
  /** Parts of one Run.histogram: about as many as a log has marks. */
  histogramBuckets: 1000,
  /** Runs that one `logs` subscription follows at once. Others wait until one of them ends. */
  followedRuns: 200,
  /** Positions that `logs` takes: more do not fit into a message (messageBytes). */
  followPositions: 500,
  /** Approximate size of a batch on the wire, bytes. */
  batchBytes: MIB,
  runsPage: 500,

  /**
   * Events of one run, over all attempts. A seq is a GraphQL Int, at most 2^31 - 1; the difference is for the ends of
   * attempts. Lines beyond this are not stored; a LinesDropped says how many there were.
   */
  runEvents: 2_000_000_000,
  /** One appended batch: events and bytes. Entries stay small enough for a slow viewer to read one by one. */
  appendEvents: 5000,
  appendBytes: 512 * KIB,
  /** Batches from this size on are compressed, bytes. Below it, zstd's frame costs more than it saves. */
  compressFromBytes: 256,
  /** Newest entries that a feed keeps for viewers that are nearly live: approximate bytes in memory, and entries. */
  ringBytes: 8 * MIB,
  ringEntries: 512,
  /** Approximate bytes in memory that a viewer takes from the ring at once: what it holds while it is stalled. */
  pullBytes: MIB,
  /** One read of the stream for a viewer behind the ring: approximate bytes in memory, and maximum number of entries. */
  pageBytes: 2 * MIB,
  readEntries: 256,
  /** Bytes that the executor holds while Redis is unreachable, before it stops reading the command's pipes. */
  executorBufferBytes: 8 * MIB,
} as const;
