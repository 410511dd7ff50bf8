/** What the reader types into the form, and the input of startRun that it stands for. */
import type { RunDetailsQuery, StartRunInput } from '../../../schema/generated/graphql.ts';

export interface StartFields {
  readonly name: string;
  /** A shell's command line, or one argument per line. */
  readonly command: string;
  readonly shell: boolean;
  readonly image: string;
  readonly env: string;
  readonly secrets: string;
  readonly labels: string;
  readonly input: string;
  readonly timeoutSeconds: string;
  readonly memoryMb: string;
  readonly cpus: string;
  readonly maxAttempts: string;
}
export const EMPTY: StartFields = {
  name: '',
  command: 'for i in $(seq 20); do echo "line $i"; echo "::progress current=$i,total=20::Counting"; sleep 0.5; done',
  shell: true,
  image: '',
  env: '',
  secrets: '',
  labels: '',
  input: '',
  timeoutSeconds: '',
  memoryMb: '',
  cpus: '',
  maxAttempts: '',
};
/** Fields of the form by the argument of the API that each becomes. */
export const FIELD_OF: readonly (readonly [prefix: string, field: keyof StartFields])[] = [
  ['input.name', 'name'],
  ['input.command', 'command'],
  ['input.image', 'image'],
  ['input.env', 'env'],
  ['input.labels', 'labels'],
  ['input.input', 'input'],
  ['input.timeoutSeconds', 'timeoutSeconds'],
  ['input.resources.memoryMb', 'memoryMb'],
  ['input.resources.cpus', 'cpus'],
  ['input.retry', 'maxAttempts'],
];

export class FieldError extends Error {
  readonly field: keyof StartFields;
  constructor(field: keyof StartFields, message: string) {
    super(message);
    this.field = field;
  }
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');

/** `NAME=value`, one per line. @throws FieldError */
const pairs = (text: string, field: keyof StartFields): readonly { readonly name: string; readonly value: string }[] =>
  linesOf(text).map((line) => {
    const at = line.indexOf('=');
    if (at < 1) throw new FieldError(field, `"${line}" has no name. Write NAME=value, one per line.`);
    return { name: line.slice(0, at).trim(), value: line.slice(at + 1) };
  });
const numberIn = (text: string, field: keyof StartFields): number | null => {
  if (text.trim() === '') return null;
  const value = Number(text);
  if (Number.isNaN(value)) throw new FieldError(field, `"${text}" is not a number.`);
  return value;
};
const jsonIn = (text: string): unknown => {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FieldError('input', `This is not JSON: ${error instanceof Error ? error.message : error}`);
  }
};

/** @throws FieldError */
export const inputOf = (fields: StartFields): StartRunInput => {
  const command = fields.shell ? ['sh', '-c', fields.command] : linesOf(fields.command);
  const env = [
    ...pairs(fields.env, 'env').map((pair) => ({ ...pair, secret: false })),
    ...pairs(fields.secrets, 'secrets').map((pair) => ({ ...pair, secret: true })),
  ];
  const memoryMb = numberIn(fields.memoryMb, 'memoryMb');
  const cpus = numberIn(fields.cpus, 'cpus');
  const maxAttempts = numberIn(fields.maxAttempts, 'maxAttempts');
  const timeoutSeconds = numberIn(fields.timeoutSeconds, 'timeoutSeconds');
  const input = jsonIn(fields.input);
  return {
    command,
    ...(fields.name === '' ? {} : { name: fields.name }),
    ...(fields.image === '' ? {} : { image: fields.image }),
    ...(env.length === 0 ? {} : { env }),
    ...(fields.labels.trim() === '' ? {} : { labels: pairs(fields.labels, 'labels') }),
    ...(input === undefined ? {} : { input }),
    ...(timeoutSeconds === null ? {} : { timeoutSeconds }),
    ...(memoryMb === null && cpus === null ? {} : { resources: { memoryMb, cpus } }),
    ...(maxAttempts === null ? {} : { retry: { maxAttempts } }),
  };
};

/** The form for another run like this one. The API never returns env, so those fields are empty. */
export const fieldsOf = (run: NonNullable<RunDetailsQuery['run']>): StartFields => {
  const [program, flag, line, ...rest] = run.command;
  const shell = program === 'sh' && flag === '-c' && rest.length === 0 && line !== undefined;
  const text = (value: number | null): string => (value === null ? '' : String(value));
  return {
    ...EMPTY,
    name: run.name ?? '',
    shell,
    command: shell ? line : run.command.join('\n'),
    image: run.image,
    labels: run.labels.map(({ name, value }) => `${name}=${value}`).join('\n'),
    input: run.input === null ? '' : JSON.stringify(run.input, null, 2),
    timeoutSeconds: text(run.timeoutSeconds),
    memoryMb: text(run.resources.memoryMb),
    cpus: text(run.resources.cpus),
    maxAttempts: run.maxAttempts > 1 ? String(run.maxAttempts) : '',
  };
};
