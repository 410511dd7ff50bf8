import { constants } from 'node:os';
import { LIMITS } from '../src/domain/limits.ts';
import type { EnvVar, RunStatus } from '../src/domain/run.ts';
import { OomWatch } from './command/oomWatch.ts';
import { Pipes } from './command/pipes.ts';
import type { CommandSetup } from './command/setup.ts';
import type { Exited } from './command/spawner.ts';
import { type Command, NotStarted, startCommand } from './command/startCommand.ts';
import { StopSequence } from './command/stopSequence.ts';
import { after, every } from './command/timers.ts';
import { awaitStored } from './end/awaitStored.ts';
import { CancelWatch } from './end/cancelWatch.ts';
import { storeFinalBatch } from './end/finalBatch.ts';
import type { Outcome } from './end/outcome.ts';
import { StopRequests } from './end/stopRequests.ts';
import { createOutput, type Output } from './output/output.ts';
import { lazyZone, localZone, zoneOf } from './output/records/zone.ts';
import type { Connections } from './redis/connections.ts';
import type { Claim } from './start/claim.ts';
import { commandVariables, openEnv } from './start/environment.ts';
import { reportRunning } from './start/reportRunning.ts';
import { LogWriter } from './write/logWriter.ts';

/** How long pipes are read after the command and what it left are gone (PROTOCOL.md, W12). */
const DRAIN_MS = 2000;
/** How long pipes are read after all processes were killed: they can still hold output. */
const LAST_READ_MS = 250;
/** The pipes' content when the command exits is read even while Redis is away. A pipe holds at most 1 MiB (pipe(7)). */
const DRAIN_BYTES = 4 * 1024 * 1024;
const TICK_MS = 100;
const OOM_LOOK_MS = 500;
/** Of a command that never ran. */
const NOT_RUN = { stopCause: null, exit: null, notStarted: null, outOfMemory: false } as const;

/** LIMITS.executorBufferBytes, or a sixteenth of the container's memory if that is less. */
const bufferBytes = (memoryLimit: number | null): number =>
  Math.min(LIMITS.executorBufferBytes, (memoryLimit ?? Number.POSITIVE_INFINITY) / 16);

/** One attempt whose log this executor has claimed: reports it running, runs its command, stores its end. */
export class Attempt {
  readonly #connections: Connections;
  readonly #claim: Claim;
  readonly #setup: CommandSetup;
  readonly #guardAwayMs: number;
  readonly #pipes: Pipes;
  readonly #writer: LogWriter;
  readonly #requests: StopRequests;
  readonly #cancels: CancelWatch;
  #status: RunStatus;
  #output: Output | null = null;
  #command: Command | null = null;
  /** Aborts when a SIGTERM has come: then the executor leaves as soon as the end is stored. */
  readonly #leave = new AbortController();

  /** `guardAwayMs`: how long a Redis that is away is waited for after the final batch. */
  constructor(connections: Connections, claim: Claim, setup: CommandSetup, guardAwayMs: number) {
    this.#connections = connections;
    this.#claim = claim;
    this.#setup = setup;
    this.#guardAwayMs = guardAwayMs;
    this.#status = claim.run.status;
    this.#pipes = new Pipes(setup.fifos);
    this.#requests = new StopRequests(claim.clock);
    this.#writer = new LogWriter(connections.commands, claim, bufferBytes(setup.runtime?.memoryLimit ?? null), {
      onReply: (reply) => this.#cancels.noticeReply(reply),
      onPressure: (full) => this.#pipes.setPaused(full),
    });
    this.#cancels = new CancelWatch(connections, claim.run, () => this.#writer.storedSeq, {
      onCancel: (force) => this.#requests.cancel(force),
      onLost: (code) => this.#writer.setLost(code),
      onBehind: () => this.#writer.restoreLost(),
    });
  }

  /** Runs the attempt until its end is stored. @throws LogLost if the log is lost; the command is killed then */
  async run(): Promise<void> {
    const { run } = this.#claim;
    try {
      const outcome = await this.#runCommand();
      const mask = (text: string): string => this.#output?.mask(text) ?? text;
      const final = { run, previous: this.#status, outcome, readCancel: this.#cancels.read, mask };
      await storeFinalBatch(this.#writer, final, this.#writer.lost);
    } finally {
      this.#cancels.stop();
    }
    await awaitStored(this.#connections, run, this.#writer, {
      redisAwayMs: this.#guardAwayMs,
      signal: this.#leave.signal,
    });
  }

  /** Stops the command because the executor got a SIGTERM. The attempt then ends as usual. */
  stop(): void {
    this.#leave.abort();
    this.#requests.stop('stop');
  }

  /** Kills the command when the log is lost or the executor fails. Synchronous, so it works before an exit. */
  kill(): void {
    this.#command?.killGroup();
    if (this.#command !== null) this.#setup.runtime?.killAllIfIsolated();
  }

  /** The same, including processes that left the command's group. Synchronous too. */
  killAll(): void {
    this.#command?.killGroup();
    if (this.#command !== null) this.#setup.runtime?.killAll();
  }

  async #runCommand(): Promise<Outcome> {
    const { run, clock } = this.#claim;
    if (run.cancelRequestedAt !== null || !(await reportRunning(this.#writer, run))) {
      return { ...NOT_RUN, ...this.#requests.beforeStart() };
    }
    this.#status = 'RUNNING';
    if (this.#requests.isStopped) return { ...NOT_RUN, ...this.#requests.beforeStart() };
    try {
      const oom = this.#watchOom();
      this.#command = await this.#startCommand();
      return await this.#followCommand(this.#command, oom);
    } catch (error) {
      this.#pipes.closeWritingEnds();
      if (!(error instanceof NotStarted)) throw error;
      this.#pipes.finish();
      return { ...NOT_RUN, notStarted: error.message, at: clock.now() };
    }
  }

  async #startCommand(): Promise<Command> {
    const { run } = this.#claim;
    const { variables, runtime, fifos, problem, spawner } = this.#setup;
    if (runtime === null || fifos === null) throw new NotStarted(problem ?? 'The command could not be started.');
    const env = this.#openEnv();
    const commandEnv = commandVariables(variables, runtime.workspace, run, env);
    this.#output = createOutput({
      sink: this.#writer,
      maxLineBytes: run.maxLineBytes,
      secrets: env.filter((one) => one.secret).map((one) => one.value),
      zone: lazyZone(() => zoneOf(commandEnv.TZ, localZone)),
    });
    const command = await startCommand(spawner, {
      command: run.command,
      directory: runtime.workspace,
      variables: commandEnv,
      entry: runtime.entry,
      stdout: fifos.stdout.write,
      stderr: fifos.stderr.write,
    });
    this.#pipes.read(this.#output);
    return command;
  }

  #openEnv(): EnvVar[] {
    try {
      return openEnv(this.#claim.run.env, this.#setup.orders.runKey);
    } catch (error) {
      throw new NotStarted("The run's secrets could not be decrypted.", { cause: error });
    }
  }

  #watchOom(): OomWatch {
    const { runtime } = this.#setup;
    return new OomWatch(
      () => runtime?.oomKills() ?? 0,
      (draft) => this.#writer.event(draft),
    );
  }

  /** From the command's start until its processes are gone and its output is read. */
  async #followCommand(command: Command, oom: OomWatch): Promise<Outcome> {
    const { lost } = this.#writer;
    const sequence = this.#stopSequence(command);
    const stopTimers = this.#startTimers(oom);
    const onLost = (): void => this.kill();
    if (lost.aborted) onLost();
    else lost.addEventListener('abort', onLost, { once: true });
    this.#cancels.start();
    try {
      const exit = await command.exited;
      const decision = this.#requests.atExit(this.#claim.clock.at(exit.at));
      const outOfMemory = oom.look();
      await this.#drain(sequence, exit);
      oom.look();
      return { ...NOT_RUN, ...decision, exit, outOfMemory };
    } finally {
      stopTimers();
    }
  }

  #startTimers(oom: OomWatch): () => void {
    const { timeoutSeconds } = this.#claim.run;
    const cancels = [
      timeoutSeconds === null ? () => undefined : after(timeoutSeconds * 1000, () => this.#requests.stop('timeout')),
      every(TICK_MS, () => this.#pipes.tick(Date.now())),
      every(OOM_LOOK_MS, () => oom.look()),
    ];
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  #stopSequence(command: Command): StopSequence {
    const { runtime } = this.#setup;
    const sequence = new StopSequence({
      stopSignal: runtime?.stopSignal ?? constants.signals.SIGTERM,
      graceMs: this.#claim.run.cancelGraceMs,
      signal: (signal) => command.signal(signal),
      others: () => runtime?.others(command.pid) ?? [],
      killAll: () => this.killAll(),
    });
    this.#requests.attach(sequence);
    return sequence;
  }

  /** After the exit: reads the pipes to their end, and kills what is left of the command. */
  async #drain(sequence: StopSequence, exit: Exited): Promise<void> {
    const { lost } = this.#writer;
    this.#writer.raiseBound(DRAIN_BYTES);
    await sequence.untilGone(exit, lost);
    await this.#pipes.drain(DRAIN_MS, lost);
    lost.throwIfAborted();
    this.killAll();
    await this.#pipes.drain(LAST_READ_MS, lost);
    this.#pipes.finish();
  }
}
