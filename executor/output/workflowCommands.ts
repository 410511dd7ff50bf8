/** Carries out workflow commands (docs/reference/commands-output.md). */
import type { EpochMs, LogLevel } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { setMember } from './json/printedJson.ts';
import type { Masks } from './masking/masks.ts';
import { Reports } from './reports.ts';
import type { OutputSink, PipeStream } from './sink.ts';
import { cutText } from './text/cut.ts';
import { withoutAnsi } from './text/special.ts';
import { type CommandLine, parseCommand, type WorkflowCommand } from './workflowCommand.ts';

/** Groups that are open at once. Policy: beyond it the outermost is forgotten, and its end is a plain line. */
const MAX_OPEN_GROUPS = 100;

const LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: 'DEBUG',
  notice: 'INFO',
  warning: 'WARNING',
  error: 'ERROR',
};
const NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(LEVELS),
  'group',
  'endgroup',
  'add-mask',
  'stop-commands',
  'progress',
  'output',
  'event',
]);
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The longest value that is masked as a whole, bytes: as much as all variables of a run together may have. */
const MAX_MASK_BYTES = LIMITS.envBytes;

interface LevelLine extends Pick<WorkflowCommand, 'properties' | 'text'>, Pick<CommandLine, 'isWhole'> {
  readonly level: LogLevel;
}

/**
 * One per attempt: groups, masks and stop-commands hold for both pipes, as with GitHub, whose runner
 * reads both as one. Groups that are open at the end stay so.
 */
export class Commands {
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #maxLineBytes: number;
  readonly #reports: Reports;
  readonly #groups: string[] = [];
  /** While commands are stopped: the line that lets them go on, in lower case. */
  #resume: string | null = null;

  constructor(sink: OutputSink, masks: Masks, maxLineBytes: number) {
    this.#sink = sink;
    this.#masks = masks;
    this.#maxLineBytes = maxLineBytes;
    this.#reports = new Reports(sink, masks);
  }

  /** Carries out the command that the line is. False where it is none, or makes no sense: then it is a plain line. */
  run(stream: PipeStream, line: CommandLine, now: EpochMs): boolean {
    const { text } = line;
    if (this.#resume !== null) {
      if (!text.toLowerCase().startsWith(this.#resume)) return false;
      this.#resume = null;
      return true;
    }
    const command = parseCommand(text);
    if (command === null) return false;
    switch (command.name) {
      case 'group':
        return this.#group(command.text, now);
      case 'endgroup':
        return this.#endGroup(now);
      case 'add-mask':
        return this.#addMask(stream, command, line, now);
      case 'stop-commands':
        return this.#stop(command.text);
      case 'progress':
        return this.#progress(stream, command, line, now);
      case 'output':
        return this.#reports.output(command, line, now);
      case 'event':
        return this.#reports.event(command, line, now);
      default: {
        const level = Object.hasOwn(LEVELS, command.name) ? LEVELS[command.name] : undefined;
        return level !== undefined && this.#line(stream, { level, ...command, isWhole: line.isWhole }, now);
      }
    }
  }

  /** False where the value is blank. What is masked is also the value as it was printed, before its escapes were read. */
  #addMask(stream: PipeStream, { text, rawText }: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    if (text.trim() === '') return false;
    const values = new Set([text, rawText, withoutAnsi(text)].map((value) => cutText(value, MAX_MASK_BYTES)));
    const draft = { kind: 'LogLine', timestamp, stream } as const;
    if (![...values].every((value) => this.#masks.add(value))) {
      const message = '::add-mask::*** was refused: too many values are masked already';
      this.#sink.event({ ...draft, level: 'WARNING', message });
    }
    // of a value that is not known whole, what follows in later lines cannot be hidden: the reader is told
    if (line.isLong) this.#sink.event({ ...draft, level: 'INFO', message: '::add-mask::***', truncated: true });
    return true;
  }

  #group(name: string, timestamp: EpochMs): boolean {
    if (this.#groups.length === MAX_OPEN_GROUPS) this.#groups.shift();
    this.#groups.push(name);
    this.#sink.event({ kind: 'GroupStarted', timestamp, name: this.#text(name) });
    return true;
  }

  /** The name is masked again: a secret of it may have become known since. */
  #endGroup(timestamp: EpochMs): boolean {
    const name = this.#groups.pop();
    if (name === undefined) return false;
    this.#sink.event({ kind: 'GroupEnded', timestamp, name: this.#text(name) });
    return true;
  }

  /** A command's name as token would resume at that command, so GitHub refuses it too. */
  #stop(token: string): boolean {
    const name = token.trim().toLowerCase();
    if (name === '' || NAMES.has(name)) return false;
    this.#resume = `::${name}::`;
    return true;
  }

  #progress(stream: PipeStream, command: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    const { properties, text } = command;
    const current = numberOf(properties.get('current'));
    const total = numberOf(properties.get('total'));
    if (current === undefined || Number.isNaN(current) || Number.isNaN(total)) return false;
    if (this.#hidesProgress(stream, command, line, timestamp)) return true;
    const unit = properties.get('unit');
    this.#sink.event({
      kind: 'ProgressUpdated',
      timestamp,
      label: text === '' ? null : this.#text(text),
      current,
      total: total ?? null,
      unit: unit === undefined ? null : this.#text(unit),
    });
    return true;
  }

  /** A number cannot show "***", so progress that would show a secret is a plain line, which can. */
  #hidesProgress(stream: PipeStream, { properties }: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    const numbers = [properties.get('current') ?? '', properties.get('total') ?? ''];
    const secret = numbers.filter((printed) => printed !== '' && this.#masks.hidesNumber(printed, Number(printed)));
    if (secret.length === 0) return false;
    const text = secret.reduce((shown, printed) => shown.replaceAll(printed.trim(), '***'), line.text);
    const message = this.#text(text);
    const truncated = line.isLong ? { truncated: true } : {};
    this.#sink.event({ kind: 'LogLine', timestamp, level: 'INFO', stream, message, ...truncated });
    return true;
  }

  #line(stream: PipeStream, line: LevelLine, timestamp: EpochMs): boolean {
    const { level, properties, isWhole } = line;
    const masked = this.#masks.text(line.text);
    const message = cutText(masked, this.#maxLineBytes);
    const fields = {};
    for (const [name, value] of properties) setMember(fields, this.#text(name), this.#text(value));
    this.#sink.event({
      kind: 'LogLine',
      timestamp,
      level,
      stream,
      message,
      ...(properties.size > 0 ? { fields } : {}),
      ...(!isWhole || message.length < masked.length ? { truncated: true } : {}),
    });
    return true;
  }

  #text(text: string): string {
    return cutText(this.#masks.text(text), this.#maxLineBytes);
  }
}

/** Undefined where there is none, NaN where it is no finite number. */
const numberOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const number = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
};
