/**
 * Limits that clients or operators can notice, and limits that several files share: each with its unit and reason. Other
 * bounds stand beside what they bound. Limits that an operator sets are in config.ts; some of their defaults are here.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  /** Program and arguments together, UTF-8 bytes: below Linux's ARG_MAX with room for the environment. */
  commandBytes: 64_000,
  /** RUN_INPUT is one environment string; Linux takes 128 KiB for one (MAX_ARG_STRLEN). */
  inputBytes: 96 * KIB,
  /** What `::output::` reports, as JSON in UTF-8: as long as an input may be; it is kept in the run's record. */
  outputBytes: 96 * KIB,
  /** One environment value, for the same reason as inputBytes. */
  envValueBytes: 96 * KIB,
  /** All environment variables of a run together, bytes; they are read with its record at each start of an attempt. */
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
  /** 30 days. */
  timeoutSeconds: 30 * 24 * 3600,
  /** Below this the executor itself (Node.js) does not live. */
  memoryMbMin: 64,
  memoryMbMax: 1024 * 1024,
  cpusMin: 0.01,
  cpusMax: 1024,

  /** HTTP request body. */
  bodyBytes: 1_000_000,
  /** One WebSocket message; a larger one is answered with an error, over bodyBytes the socket is closed (1009). */
  messageBytes: 64_000,
  /** One WebSocket message before connection_ack: who is not let in yet makes the service keep no more than this. */
  earlyMessageBytes: 72 * KIB,
  /** Id of an operation on a WebSocket: it is repeated with each result. Clients make UUIDs. */
  operationIdCharacters: 128,
  /**
   * Messages of one WebSocket: so many at once, and so many a second after that; over it, it is closed (4429). Each 4 KiB
   * count as one more. A page that subscribes to 1,000 runs at its start, and completes them when it is left, passes.
   */
  messageBurst: 5000,
  messagesPerSecond: 250,
  /** WebSockets of one client address (MAX_SOCKETS_PER_ADDRESS), and in all; further ones are refused (429, 503). */
  socketsPerAddress: 2000,
  sockets: 5000,
  /** Connections of one client address, and in all, beside as many WebSockets; further ones are cut. */
  connectionsBesideSockets: 1000,
  /** Requests of one connection that are answered at the same time, and that wait there (HTTP pipelining); over it, it is cut. */
  requestsAtOnce: 4,
  requestsWaiting: 128,
  /**
   * Bytes of answers that wait to be taken, and of bodies that are being received: of one connection, of one client
   * address and of all. What is over it makes
   * those leave that have taken nothing for stalledSeconds; where that is not enough, a large answer is refused (503).
   */
  waitingPerConnection: 64 * MIB,
  waitingPerAddress: 96 * MIB,
  waiting: 192 * MIB,
  stalledSeconds: 2,
  /** What is refused because others are served first says this as retryAfterSeconds. */
  busySeconds: 2,
  /** Bytes that wait for one WebSocket before its other operations wait too. */
  waitingPerSocket: MIB,
  queryDepth: 15,
  queryAliases: 30,
  queryTokens: 2000,
  /** A name in a document; answers repeat aliases, once for each run of a list. */
  queryNameCharacters: 128,
  /** Lists and objects within each other, in JSON and in documents: RUN_INPUT's 100 levels and what is around them. */
  jsonDepth: 128,
  /** Errors told of one document or of its variables: each can repeat what the client sent. */
  documentErrors: 5,
  /** Errors told of an operation that was executed. */
  resultErrors: 50,
  /** One error's message. */
  errorCharacters: 300,
  /** Root fields and directives of one document. */
  queryDirectives: 30,
  /** Operations that live at once on one WebSocket. */
  operationsPerSocket: 100,
  /** Depth below __schema and __type: the standard introspection query of GraphiQL and others needs 15. */
  introspectionDepth: 20,
  /** __schema and __type in one document: each can answer with some 100 kB. */
  introspections: 4,
  /** Fields of one document, written out: what validation compares in pairs, so it bounds its CPU time. */
  queryFields: 500,
  /** Problems of one request's input that are told; the first ones. */
  inputProblems: 50,
  /** LogFilter.contains and exclude, and its logger. */
  containsBytes: 1024,
  /** Name of a CustomEvent that a command reports. */
  eventNameBytes: 128,
  /** Its data as JSON, as long as an input or an output may be. */
  eventDataBytes: 96 * KIB,
  /** Log events and their bytes, about, that one request may read through all its Run.logs together. */
  requestEvents: 20_000,
  requestBytes: 16 * MIB,
  /** Bytes of events, about, that it may look at for that: a filter can take out nearly all. */
  requestScanBytes: 32 * MIB,
  /** Runs that one request may list through all its Query.runs together. */
  requestRuns: 2000,
  /** Runs that one request may read by id: run, node, and each level of retryOf below a list. */
  requestLoads: 5000,
  /** Runs that one page of Query.runs looks at before it comes back short: about 0.1 s. */
  pageRuns: 10_000,
  /** Runs that one request may look at through all its Query.runs together. */
  requestScan: 20_000,
  /** Stored bytes of command, input, output, labels, progress and failure that one request may read, over all runs. */
  requestDetailBytes: 8 * MIB,
  /** An answer that reads more than this of runs or logs waits for one of a few seats of the process. */
  largeAnswerBytes: MIB,
  /** The same for runs that are listed. */
  largeAnswerRuns: 500,
  /** Entries of a list in a filter. */
  filterEntries: 100,
  /** Events that one Run.logs page with a filter looks at before it comes back short. */
  pageScan: 20_000,

  /** What a tail with a filter looks at before it starts with what it has found: events, and bytes of their entries. */
  tailScanEvents: 500_000,
  tailScanBytes: 64 * MIB,

  /** Events of one page of Run.logs, and of one batch. */
  pageEvents: 5000,
  batchEvents: 500,
  /** About the size of a batch on the wire. */
  batchBytes: MIB,
  runsPage: 500,

  /**
   * Events of one run, over all attempts: their seqs are GraphQL's Int, which ends at 2^31 - 1. What is between is for
   * the ends of attempts. What a command prints beyond is not stored; a LinesDropped says how much that was.
   */
  runEvents: 2_000_000_000,
  /** An appended batch: entries stay small enough to be read one by one by a slow viewer. */
  appendEvents: 5000,
  appendBytes: 512 * KIB,
  /** A batch is compressed from here on; below, zstd's frame costs more than it saves. */
  compressFromBytes: 256,
  /** What a feed keeps of the newest entries for viewers that are nearly live, bytes in memory, about. */
  ringBytes: 8 * MIB,
  ringEntries: 512,
  /** What a viewer takes from the ring at once, bytes in memory about: what it holds on to while it is stalled. */
  pullBytes: MIB,
  /** One read of the stream for a viewer behind the ring: bytes in memory about, and entries at most. */
  pageBytes: 2 * MIB,
  readEntries: 256,
  /** What the executor holds while Redis is away, before it stops reading the command's pipes. */
  executorBufferBytes: 8 * MIB,
} as const;
