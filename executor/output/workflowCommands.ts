import type { EpochMs, LogLevel } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { annotationOf } from './annotation.ts';
import { setMember } from './json/printedJson.ts';
import type { Masks } from './masking/masks.ts';
import { Reports } from './reports.ts';
import type { OutputSink, PipeStream } from './sink.ts';
import { cutText } from './text/cut.ts';
import { withoutAnsi } from './text/linePrefix.ts';
import { type CommandLine, parseCommand, type WorkflowCommand } from './workflowCommand.ts';

/** Groups that are open at once. Policy: beyond it the outermost is closed. */
const MAX_OPEN_GROUPS = 100;

/** Commands that become a line of their level. */
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

/** The longest value that is masked as a whole: as many bytes as all variables of a run together. */
const MAX_MASK_BYTES = LIMITS.envBytes;

interface LevelLine extends Pick<WorkflowCommand, 'name' | 'properties' | 'text'>, Pick<CommandLine, 'isWhole'> {
  readonly level: LogLevel;
}

/**
 * Executes the workflow commands of one attempt. Groups, masks and stop-commands hold for both pipes, as in GitHub
 * Actions, whose runner reads both as one. Groups that are open at the end are closed by the log's writer.
 */
export class WorkflowCommands {
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #maxLineBytes: number;
  readonly #reports: Reports;
  readonly #groups: string[] = [];
  /** While commands are stopped: the command that resumes them, in lower case. */
  #resume: string | null = null;

  constructor(sink: OutputSink, masks: Masks, maxLineBytes: number) {
    this.#sink = sink;
    this.#masks = masks;
    this.#maxLineBytes = maxLineBytes;
    this.#reports = new Reports(sink, masks);
  }

  /** Executes the line's command. False if it is not a valid command: then it is a plain line. */
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

  /** Masks the value, decoded and as printed. False if it is blank. */
  #addMask(stream: PipeStream, { text, rawText }: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    if (text.trim() === '') return false;
    const values = new Set([text, rawText, withoutAnsi(text)].map((value) => cutText(value, MAX_MASK_BYTES)));
    const draft = { kind: 'LogLine', timestamp, stream } as const;
    if (![...values].every((value) => this.#masks.add(value))) {
      const message = '::add-mask::*** was refused: the masks of the run reach their limit of 16 MiB';
      this.#sink.event({ ...draft, level: 'WARNING', message });
    }
    // The value is not known whole, so the rest of it can't be hidden in later lines. This line tells the reader.
    if (line.isLong) this.#sink.event({ ...draft, level: 'INFO', message: '::add-mask::***', truncated: true });
    return true;
  }

  #group(name: string, timestamp: EpochMs): boolean {
    const outermost = this.#groups.length === MAX_OPEN_GROUPS ? this.#groups.shift() : undefined;
    if (outermost !== undefined) {
      this.#sink.event({ kind: 'GroupEnded', timestamp, name: this.#text(outermost), implicit: true });
    }
    this.#groups.push(name);
    this.#sink.event({ kind: 'GroupStarted', timestamp, name: this.#text(name) });
    return true;
  }

  /** Masks the name again: a secret in it can have been added since the start of the group. */
  #endGroup(timestamp: EpochMs): boolean {
    const name = this.#groups.pop();
    if (name === undefined) return false;
    this.#sink.event({ kind: 'GroupEnded', timestamp, name: this.#text(name) });
    return true;
  }

  /** With a command's name as token that command would resume, so it is refused, as by GitHub. */
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

  /** A number can't be "***". Progress that would show a secret becomes a plain line, in which it can be masked. */
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
    const annotation = annotationOf(line, this.#masks, (printed) => this.#text(printed));
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
      ...(annotation === null ? {} : { annotation }),
      ...(!isWhole || message.length < masked.length ? { truncated: true } : {}),
    });
    return true;
  }

  #text(text: string): string {
    return cutText(this.#masks.text(text), this.#maxLineBytes);
  }
}

/** Undefined if there is none, NaN if it is not a finite number. */
const numberOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const number = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
};
