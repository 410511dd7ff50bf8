/** The scene of nearly every case: a command writes numbered lines, three viewers follow, faults are injected. */
import { setTimeout as delay } from 'node:timers/promises';
import { request, startRun } from '../support/clients/client.ts';
import type { Bench } from './faultCase.ts';
import { digestOfLines } from './follow/audit.ts';
import type { Verdict } from './follow/verdict.ts';
import { Viewer } from './follow/viewer.ts';
import { PlainViewer } from './plain/plainViewer.ts';
import type { Random } from './random.ts';
import type { Stack } from './stack/stack.ts';

export interface Scene {
  readonly stack: Stack;
  readonly bench: Bench;
  readonly random: Random;
  readonly runId: string;
  readonly lines: number;
  /** The viewer from the start, the one that comes late (once it came), and the one that reconnects often. */
  readonly viewers: readonly Viewer[];
  readonly started: Viewer;
  /** Resolves when the first viewer has this share of the lines, or after `withinMs`. */
  at(share: number, withinMs?: number): Promise<void>;
  /** From now on viewers use only this service. */
  moveTo(index: number): void;
  /** Resolves when all present viewers have ended, or after so long. */
  allEnded(withinMs: number): Promise<void>;
  note(text: string): void;
  /** What makes the case fail. */
  problem(text: string): void;
}

export interface ScenarioOptions {
  readonly stack: Stack;
  readonly bench: Bench;
  readonly lines: number;
  /** How long the command takes, roughly. */
  readonly seconds: number;
  /** How long after the faults everything must have ended. Default 60. */
  readonly settleSeconds?: number;
  /** Further input of startRun. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Another command: it must print "line N of <lines>". */
  readonly command?: readonly string[];
  /** Viewers use only this service until they are moved; default: all services of the stack. */
  readonly serving?: number;
  /** Starts the run without startRun. */
  readonly start?: () => Promise<string>;
  /** `refused`: the run will have no end, and each viewer must get this code. */
  readonly expect?: { readonly status: string; readonly reason?: string | null; readonly refused?: string };
  /** A viewer that has more than the log now holds gets this code, which counts as its end. */
  readonly mayRefuse?: string;
  /** The command is killed, so lines that it did not print are not lost. */
  readonly partial?: boolean;
  /** The lines contain more than numbers: compare with the digest of the executor. */
  readonly ownDigest?: boolean;
  /** LinesDropped is allowed and counted. */
  readonly mayDrop?: boolean;
  /** Injects the faults and returns how many. */
  readonly faults: (scene: Scene) => Promise<number>;
}

/** A command for any sh that prints so many lines in about so many seconds, in steps of 50 ms. */
export const numbered = (lines: number, seconds: number): readonly string[] => {
  const step = Math.max(1, Math.round((lines * 0.05) / Math.max(seconds, 0.05)));
  const loop =
    'n=$1; k=$2; i=0; while [ $i -lt $n ]; do i=$((i+1)); echo "line $i of $n"; [ $((i % k)) -eq 0 ] && sleep 0.05; done; exit 0';
  return ['sh', '-c', loop, 'sh', String(lines), String(seconds === 0 ? lines + 1 : step)];
};

/** Numbered lines, each followed by so many bytes that do not compress, in steps of 20 ms. */
export const numberedWide = (lines: number, seconds: number, bytes: number): readonly string[] => [
  process.execPath,
  '-e',
  `const { randomBytes } = require('crypto'); const n = ${lines}; let i = 0;
   const step = Math.max(1, Math.round(n * 0.02 / ${seconds}));
   const go = () => { let text = ''; for (let k = 0; k < step && i < n; k += 1) text += 'line ' + ++i + ' of ' + n + ' ' + randomBytes(${bytes >> 1}).toString('hex') + '\\n';
     process.stdout.write(text, () => (i < n ? setTimeout(go, 20) : undefined)); }; go();`,
];

/** Runs all of them, at most so many at a time. */
export const atOnce = async <T>(
  limit: number,
  jobs: readonly (() => Promise<T>)[],
  progress: (text: string) => void = () => undefined,
): Promise<readonly T[]> => {
  const results: T[] = [];
  const waiting = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      results.push(await job());
      progress(`${results.length} of ${jobs.length}`);
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
};

const RUN = `query ($id: ID!) { run(id: $id) { status attempt exitCode lines dropped digest failure { reason message } } }`;

export interface RunAnswer {
  readonly status: string;
  readonly lines: number;
  readonly dropped: number;
  readonly exitCode: number | null;
  readonly digest: string | null;
  readonly failure: { readonly reason: string; readonly message: string } | null;
}

export const runOf = async (url: string, id: string): Promise<RunAnswer | null> => {
  // Under the load of some cases a connection may be refused or lost, so the request is repeated.
  const { data } = await request(url, RUN, { id })
    .catch(() => delay(500).then(() => request(url, RUN, { id })))
    .catch(() => delay(1000).then(() => request(url, RUN, { id })));
  return (data?.run as RunAnswer | null | undefined) ?? null;
};

/** The text of a download. It is repeated if the connection is lost. */
export const textOf = async (url: string): Promise<string> => {
  for (let tries = 0; ; tries += 1) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (tries === 5) throw error;
      await delay(200);
    }
  }
};

const RESTLESS = [400, 1600] as const;

export const scenario = async (options: ScenarioOptions): Promise<Verdict> => {
  const { stack, bench, lines, seconds } = options;
  const { random } = bench;
  let serving = options.serving ?? null;
  const urls = (): readonly string[] => (serving === null ? stack.urls() : [stack.urlOf(serving)]);
  const command = options.command ?? numbered(lines, seconds);
  const runId = await (options.start?.() ??
    startRun(stack.urls()[0] ?? '', { command: [...command], ...options.input }));
  stack.runs.push(runId);
  const notes: string[] = [];
  const problems: string[] = [];
  const started = new Viewer({ runId, urls, random });
  const restless = new Viewer({ runId, urls, random, restless: RESTLESS });
  const viewers = [started, restless];
  const plain = [
    new PlainViewer(runId, stack.plainUrls, random),
    new PlainViewer(runId, stack.plainUrls, random, RESTLESS),
  ];
  const at = async (share: number, withinMs = seconds * 1000 + 20_000): Promise<void> => {
    const deadline = performance.now() + withinMs;
    while (started.audit.lines < share * lines && !started.done && performance.now() < deadline) await delay(20);
  };
  const late = at(0.4, seconds * 1000).then(() => {
    viewers.push(new Viewer({ runId, urls, random }));
    plain.push(new PlainViewer(runId, stack.plainUrls, random));
  });
  const allEnded = async (withinMs: number): Promise<void> => {
    const enough = new AbortController();
    const over = delay(withinMs, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([Promise.all(viewers.map((viewer) => viewer.ended)), over]);
    enough.abort();
  };
  const scene: Scene = {
    stack,
    bench,
    random,
    runId,
    lines,
    viewers,
    started,
    at,
    moveTo: (index) => {
      serving = index;
    },
    allEnded,
    note: (text) => notes.push(text),
    problem: (text) => problems.push(text),
  };
  try {
    const faults = await options.faults(scene);
    await late;
    await allEnded((options.settleSeconds ?? 60) * 1000 + seconds * 1000);
    // Time for what might wrongly come after the end.
    await delay(200);
    return await judge(options, scene, faults, plain, notes, problems);
  } finally {
    for (const viewer of [...viewers, ...plain]) viewer.stop();
  }
};

const judge = async (
  options: ScenarioOptions,
  { stack, runId, viewers, lines }: Scene,
  faults: number,
  plain: readonly PlainViewer[],
  notes: readonly string[],
  problems: string[],
): Promise<Verdict> => {
  const { expect = { status: 'COMPLETED', reason: null }, partial = false, mayDrop = false, ownDigest } = options;
  const run = await runOf(stack.urls()[0] ?? '', runId).catch(() => null);
  const whole = partial ? (run?.lines ?? 0) : lines;
  const { refused = null } = expect;
  const per = viewers.map(({ audit }) => {
    // LinesDropped counts events; the missing lines among them are computed.
    const covered = mayDrop ? Math.min(audit.dropped, Math.max(whole - audit.lines, 0)) : 0;
    return Math.max(whole - audit.lines - covered, audit.lost, 0);
  });
  const told = (viewer: Viewer): boolean =>
    viewer.refused !== null && (viewer.refused === refused || viewer.refused === options.mayRefuse);
  const ended = (viewer: Viewer): boolean =>
    told(viewer) ||
    (refused === null &&
      viewer.audit.ends === 1 &&
      viewer.audit.finished?.finalStatus === expect.status &&
      (viewer.audit.finished.failure?.reason ?? null) === (expect.reason ?? null));
  const endRight = viewers.every(ended) && (refused !== null || run?.status === expect.status);
  if (!endRight) {
    const got = viewers.map(
      ({ audit }) => `${audit.ends}x${audit.finished?.finalStatus}/${audit.finished?.failure?.reason ?? '-'}`,
    );
    problems.push(
      `ends ${got.join(' ')}; record ${run?.status}/${run?.failure?.reason ?? '-'}: ${run?.failure?.message ?? ''}`,
    );
  }
  for (const viewer of viewers) {
    if (viewer.refused !== null && !told(viewer)) problems.push(`a viewer was refused: ${viewer.refused}`);
    if (viewer.falseEnds > 0) problems.push(`${viewer.falseEnds} times complete without RunFinished`);
  }
  problems.push(...stack.deaths);
  const expected = partial || ownDigest ? (run?.digest ?? null) : digestOfLines(lines);
  const withDigest = viewers.filter(({ audit, refused: code }) => audit.dropped === 0 && code === null);
  const digestRight =
    expected === null || withDigest.length === 0
      ? null
      : run?.digest === expected && withDigest.every(({ audit }) => audit.digest === expected);
  if (digestRight === false) {
    const own = withDigest.map(({ audit }) => audit.digest?.slice(0, 8)).join(' ');
    problems.push(`wrong digest: the record has ${run?.digest?.slice(0, 8)}, the lines of viewers give ${own}`);
  }
  return {
    faults,
    delivered: viewers.reduce((all, { audit }) => all + audit.lines, 0),
    lost: per.reduce((all, one) => all + one, 0),
    repeated: viewers.reduce((all, { audit }) => all + audit.repeated, 0),
    disordered: viewers.reduce((all, { audit }) => all + audit.disordered + audit.altered, 0),
    stuck: viewers.filter((viewer) => !viewer.done).length,
    endRight,
    digestRight,
    plainLost: plain.reduce((all, one) => all + Math.max(whole - one.lines, 0), 0),
    plainOf: whole * plain.length,
    notes: [...notes, `${viewers.reduce((all, viewer) => all + viewer.connections, 0)} connections`],
    problems,
  };
};
