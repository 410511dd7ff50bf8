/** One attempt, from the hello to the last word. */
import { constants } from 'node:os';
import type { EpochMs } from '../src/domain/events.ts';
import { LIMITS } from '../src/domain/limits.ts';
import type { EnvVar, RunStatus } from '../src/domain/run.ts';
import type { Ends } from './command/fifos.ts';
import { Pipes } from './command/pipes.ts';
import type { Spawner } from './command/spawner.ts';
import { type Command, NotStarted, startCommand } from './command/startCommand.ts';
import { after, every, StopLadder } from './command/stop.ts';
import type { Place } from './command/surroundings.ts';
import { linger } from './end/awaitStored.ts';
import { CancelWatch } from './end/cancelWatch.ts';
import { sayLastWord } from './end/finalBatch.ts';
import type { Cut, Outcome } from './end/outcome.ts';
import { createOutput, type Output } from './output/output.ts';
import { lazyZone, localZone, zoneOf } from './output/records/zone.ts';
import type { Connections } from './redis/connections.ts';
import type { Hello } from './start/claim.ts';
import { commandVariables, type Orders, openEnv, type Variables } from './start/environment.ts';
import { LogWriter } from './write/logWriter.ts';

/** What the launcher gave, ready for the command. `trouble`: why it can't be started, a sentence. */
export interface Stage {
  readonly orders: Orders;
  readonly variables: Variables;
  readonly place: Place | null;
  readonly spawner: Spawner;
  readonly fifos: { readonly stdout: Ends; readonly stderr: Ends } | null;
  readonly trouble: string | null;
}

/** From the exit of all that was asked to stop to the end of its pipes, milliseconds at most (PROTOCOL.md, W12). */
const DRAIN_MS = 2000;
/** From the kill of what held the pipes to their end: what was in them is read. */
const LAST_READ_MS = 250;
/** Pipes hold 1 MiB each at most (pipe(7)), which is read at the end whether Redis is there or not. */
const DRAIN_BYTES = 4 * 1024 * 1024;
const TICK_MS = 100;
const OOM_LOOK_MS = 500;
/** Of a command that never ran. */
const NOTHING: Omit<Outcome, 'at'> = { cut: null, exit: null, notStarted: null, outOfMemory: false };

/** LIMITS.executorBufferBytes, or a sixteenth of the container's memory where that is less. */
const bufferBytes = (memoryLimit: number | null): number =>
  Math.min(LIMITS.executorBufferBytes, (memoryLimit ?? Number.POSITIVE_INFINITY) / 16);

export class Attempt {
  readonly #connections: Connections;
  readonly #stage: Stage;
  readonly #hello: Hello;
  readonly #writer: LogWriter;
  readonly #watch: CancelWatch;
  #status: RunStatus;
  #output: Output | null = null;
  readonly #pipes: Pipes;
  #command: Command | null = null;
  #ladder: StopLadder | null = null;
  #cut: { readonly cut: Cut; readonly at: number } | null = null;
  #exited = false;
  /** Of a cancel that no cut came before, by Redis' clock. */
  #cancelHeardAt: EpochMs | null = null;
  #forced = false;
  /** The kernel's counter when the command started, and kills since then that the log has. */
  #oomKills = 0;
  #toldOomKills = 0;
  /** Told to go: nothing keeps it once the last word is stored. */
  readonly #dismissed = new AbortController();

  constructor(connections: Connections, hello: Hello, stage: Stage) {
    this.#connections = connections;
    this.#stage = stage;
    this.#pipes = new Pipes(stage.fifos);
    this.#hello = hello;
    this.#status = hello.run.status;
    this.#writer = new LogWriter(connections.commands, hello, bufferBytes(stage.place?.memoryLimit ?? null), {
      onReply: (reply) => this.#watch.heardIn(reply),
      onPressure: (full) => this.#pipes.press(full),
    });
    this.#watch = new CancelWatch(connections, hello.run, () => this.#writer.storedSeq, {
      onCancel: (force) => this.#cancel(force),
      onLost: (code) => this.#writer.lose(code),
      onBehind: () => this.#writer.mend(),
    });
  }

  /** Runs it to its stored end. @throws LogLost where the log is not ours any more; the command is dead then */
  async run(): Promise<void> {
    try {
      const outcome = await this.#runCommand();
      const mask = (text: string): string => this.#output?.mask(text) ?? text;
      const word = { run: this.#hello.run, previous: this.#status, outcome, readCancel: this.#watch.read, mask };
      await sayLastWord(this.#writer, word, this.#writer.lost);
    } finally {
      this.#watch.stop();
    }
    await linger(this.#connections, this.#hello.run, this.#writer, this.#dismissed.signal);
  }

  /** SIGTERM from outside: the command is stopped, and the attempt ends as what was asked first. */
  stop(): void {
    this.#dismissed.abort();
    this.#cutOff('stop');
  }

  /** Nothing of the command may live on; for a crash and a lost log. Synchronous. */
  kill(): void {
    this.#command?.killGroup();
    if (this.#command !== null) this.#stage.place?.killRemainsOfOurs();
  }

  /** Nobody is left to work for: the same, and with what left its group. */
  abandon(): void {
    this.#command?.killGroup();
    if (this.#command !== null) this.#stage.place?.killRemains();
  }

  async #runCommand(): Promise<Outcome> {
    const { run, clock } = this.#hello;
    const { trouble } = this.#stage;
    if (run.cancelRequestedAt !== null || !(await this.#reportRunning())) {
      return { ...NOTHING, at: clock.now(), cancelFirst: this.#cut === null, ...this.#cut };
    }
    if (this.#cut !== null) return { ...NOTHING, ...this.#cut };
    try {
      if (trouble !== null) throw new NotStarted(trouble);
      this.#command = await this.#start();
      return await this.#follow(this.#command);
    } catch (error) {
      this.#pipes.closeWritingEnds();
      if (!(error instanceof NotStarted)) throw error;
      this.#pipes.finish();
      return { ...NOTHING, notStarted: error.message, at: clock.now() };
    }
  }

  /** False where somebody asked for a cancel meanwhile: the command is not started then. */
  async #reportRunning(): Promise<boolean> {
    const { run } = this.#hello;
    const timestamp = Date.now();
    const previous = this.#status;
    const reply = await this.#writer.append(
      [
        { kind: 'ContainerEvent', timestamp, containerEvent: 'STARTED', detail: null },
        ...(previous === 'RUNNING'
          ? []
          : [{ kind: 'StatusChanged', timestamp, status: 'RUNNING', previous, detail: null } as const]),
      ],
      { closes: false, knownCancel: null, changes: { status: 'RUNNING', startedAt: run.startedAt ?? timestamp } },
      this.#writer.lost,
    );
    if (reply.code === 'OK') this.#status = 'RUNNING';
    return reply.code === 'OK';
  }

  async #start(): Promise<Command> {
    const { run } = this.#hello;
    const { variables, place, fifos } = this.#stage;
    if (place === null || fifos === null) throw new NotStarted('The command could not be started.');
    const env = this.#openEnv();
    const secrets = env.filter((one) => one.secret).map((one) => one.value);
    const commandEnv = commandVariables(variables, place.workspace, run, env);
    const zone = lazyZone(() => zoneOf(commandEnv.TZ, localZone));
    this.#output = createOutput({ sink: this.#writer, maxLineBytes: run.maxLineBytes, secrets, zone });
    this.#oomKills = place.oomKills();
    const command = await startCommand(this.#stage.spawner, {
      command: run.command,
      directory: place.workspace,
      variables: commandEnv,
      entry: place.entry,
      stdout: fifos.stdout.write,
      stderr: fifos.stderr.write,
    });
    this.#pipes.read(this.#output);
    return command;
  }

  #openEnv(): EnvVar[] {
    try {
      return openEnv(this.#hello.run.env, this.#stage.orders.runKey);
    } catch (error) {
      throw new NotStarted("The run's secrets could not be opened.", { cause: error });
    }
  }

  async #follow(command: Command): Promise<Outcome> {
    const { run, clock } = this.#hello;
    const { lost } = this.#writer;
    const ladder = this.#makeLadder(command);
    const { timeoutSeconds } = run;
    const stops = [
      timeoutSeconds === null ? () => undefined : after(timeoutSeconds * 1000, () => this.#cutOff('timeout')),
      every(TICK_MS, () => this.#pipes.tick(Date.now())),
      every(OOM_LOOK_MS, () => this.#lookForOom()),
    ];
    const onLost = (): void => this.kill();
    if (lost.aborted) onLost();
    else lost.addEventListener('abort', onLost, { once: true });
    this.#watch.start();
    try {
      const exit = await command.exited;
      this.#exited = true;
      // What was asked for later, until the exit is heard of and while the pipes are drained, changes nothing.
      const exitedAt = clock.at(exit.at);
      const before = this.#cut !== null && this.#cut.at <= exitedAt ? this.#cut : null;
      const { at, cut } = before ?? { at: exitedAt, cut: null };
      const cancelFirst = this.#cancelHeardAt !== null && this.#cancelHeardAt <= exitedAt;
      const outOfMemory = this.#lookForOom();
      this.#writer.widen(DRAIN_BYTES);
      await ladder.untilGone(exit, lost);
      await this.#pipes.drain(DRAIN_MS, lost);
      lost.throwIfAborted();
      this.abandon();
      await this.#pipes.drain(LAST_READ_MS, lost);
      this.#pipes.finish();
      this.#lookForOom();
      return { ...NOTHING, at, cut, exit, cancelFirst, outOfMemory };
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** Goes on with what was asked for while the command was started. */
  #makeLadder(command: Command): StopLadder {
    const { place } = this.#stage;
    const ladder = new StopLadder({
      stopSignal: place?.stopSignal ?? constants.signals.SIGTERM,
      graceMs: this.#hello.run.cancelGraceMs,
      signal: (signal) => command.signal(signal),
      others: () => place?.others(command.pid) ?? [],
      killAll: () => this.abandon(),
    });
    this.#ladder = ladder;
    if (this.#forced) ladder.kill();
    else if (this.#cut !== null || this.#cancelHeardAt !== null) ladder.terminate();
    return ladder;
  }

  #cancel(force: boolean): void {
    if (this.#cut === null && !this.#exited) this.#cancelHeardAt ??= this.#hello.clock.now();
    if (force) this.#forced = true;
    force ? this.#ladder?.kill() : this.#ladder?.terminate();
  }

  #cutOff(cut: Cut): void {
    this.#cut ??= { cut, at: this.#hello.clock.now() };
    this.#ladder?.terminate();
  }

  /** Tells of each kill that the kernel made here. True where there was one since the command's start. */
  #lookForOom(): boolean {
    const kills = (this.#stage.place?.oomKills() ?? 0) - this.#oomKills;
    if (kills > this.#toldOomKills) {
      this.#toldOomKills = kills;
      const detail = `The kernel has killed ${kills} process${kills === 1 ? '' : 'es'} of the command for memory.`;
      this.#writer.event({ kind: 'ContainerEvent', timestamp: Date.now(), containerEvent: 'OUT_OF_MEMORY', detail });
    }
    return this.#toldOomKills > 0;
  }
}
