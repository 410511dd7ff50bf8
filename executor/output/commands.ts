/** Carries out workflow commands (CONTRACT.md, "A command's side"). */
import type { EpochMs, LogLevel } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { parseCommand, type WorkflowCommand } from './command.ts';
import { cutText } from './cut.ts';
import { cleanJson, parseJson, setMember } from './json.ts';
import type { Masks } from './masks.ts';
import type { OutputSink, PipeStream } from './sink.ts';

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
/** C0, DEL and C1: a name is one line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * One per attempt: groups, masks and stop-commands hold for both pipes, as with GitHub, whose runner
 * reads both as one. Groups that are open at the end stay so.
 */
export class Commands {
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #maxLineBytes: number;
  readonly #groups: string[] = [];
  /** While commands are stopped: the line that lets them go on, in lower case. */
  #resume: string | null = null;

  constructor(sink: OutputSink, masks: Masks, maxLineBytes: number) {
    this.#sink = sink;
    this.#masks = masks;
    this.#maxLineBytes = maxLineBytes;
  }

  /** Carries out the command that the line is. False where it is none, or makes no sense: then it is a plain line. */
  run(stream: PipeStream, line: string, now: EpochMs): boolean {
    if (this.#resume !== null) {
      if (!line.trimStart().toLowerCase().startsWith(this.#resume)) return false;
      this.#resume = null;
      return true;
    }
    const command = parseCommand(line);
    if (command === null) return false;
    switch (command.name) {
      case 'group':
        return this.#group(command.text, now);
      case 'endgroup':
        return this.#endGroup(now);
      case 'add-mask':
        return this.addMask(stream, command.text, now);
      case 'stop-commands':
        return this.#stop(command.text);
      case 'progress':
        return this.#progress(command, now);
      case 'output':
        return this.#output(command, now);
      case 'event':
        return this.#custom(command, now);
      default: {
        const level = Object.hasOwn(LEVELS, command.name) ? LEVELS[command.name] : undefined;
        return level !== undefined && this.#line(stream, level, command, now);
      }
    }
  }

  /** False where the value is blank. */
  addMask(stream: PipeStream, value: string, timestamp: EpochMs): boolean {
    if (value.trim() === '') return false;
    if (!this.#masks.add(value)) {
      const message = '::add-mask::*** was refused: too many values are masked already';
      this.#sink.event({ kind: 'LogLine', timestamp, level: 'WARNING', stream, message });
    }
    return true;
  }

  /** Whether an overlong line is an add-mask, whose value must not be shown. */
  isAddMask(line: string): boolean {
    return this.#resume === null && parseCommand(line)?.name === 'add-mask';
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

  #progress({ properties, text }: WorkflowCommand, timestamp: EpochMs): boolean {
    const current = numberOf(properties.get('current'));
    const total = numberOf(properties.get('total'));
    if (current === undefined || Number.isNaN(current) || Number.isNaN(total)) return false;
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

  /** JSON that was printed without escapes, and has a `%0A` of its own, is taken as it stands. */
  #output({ text, rawText }: WorkflowCommand, timestamp: EpochMs): boolean {
    for (const json of [text, rawText]) {
      const value = parseJson(json);
      if (value === undefined) continue;
      this.#sink.event({ kind: 'OutputProduced', timestamp, value: cleanJson(value, json, this.#masks) });
      return true;
    }
    return false;
  }

  /** `::event name=checkpoint::JSON` */
  #custom({ properties, text, rawText }: WorkflowCommand, timestamp: EpochMs): boolean {
    const name = properties.get('name')?.trim() ?? '';
    if (name === '' || CONTROL.test(name) || Buffer.byteLength(name) > LIMITS.eventNameBytes) return false;
    for (const json of [text, rawText]) {
      if (Buffer.byteLength(json) > LIMITS.eventDataBytes) continue;
      const value = parseJson(json);
      if (value === undefined) continue;
      const data = cleanJson(value, json, this.#masks);
      this.#sink.event({ kind: 'CustomEvent', timestamp, name: this.#text(name), data });
      return true;
    }
    return false;
  }

  #line(stream: PipeStream, level: LogLevel, { properties, text }: WorkflowCommand, timestamp: EpochMs): boolean {
    const masked = this.#masks.text(text);
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
      ...(message.length < masked.length ? { truncated: true } : {}),
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
