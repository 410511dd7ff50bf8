/** Checks the inputs of startRun and cancelRun before anything is stored (schema/schema.graphql). */
import { z } from 'zod';
import { BadUserInput, type InputProblem, inputProblem } from './errors.ts';
import type { JsonValue } from './events.ts';
import { LIMITS } from './limits.ts';
import type { RunSpec } from './run.ts';
import { isRawNumber } from './text/exactJson.ts';

/** As GraphQL passes it: names and types are correct, values are not checked. */
export interface StartInput {
  readonly name?: string | null | undefined;
  readonly image?: string | null | undefined;
  readonly command: readonly string[];
  readonly input?: unknown;
  readonly env?:
    | readonly { readonly name: string; readonly value: string; readonly secret?: boolean | null | undefined }[]
    | null
    | undefined;
  readonly labels?: readonly { readonly name: string; readonly value: string }[] | null | undefined;
  readonly timeoutSeconds?: number | null | undefined;
  readonly resources?:
    | { readonly cpus?: number | null | undefined; readonly memoryMb?: number | null | undefined }
    | null
    | undefined;
  readonly retry?:
    | { readonly maxAttempts: number; readonly backoffSeconds?: number | null | undefined }
    | null
    | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** Variables that the service sets itself; env cannot replace them. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['RUN_ID', 'RUN_ATTEMPT', 'RUN_INPUT']);
/** IEEE Std 1003.1, 3.216 "Name". */
const POSIX_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const SPACE_OR_CONTROL = /[\s\u0000-\u001f\u007f]/;
/** Far more than real input needs. JSON.stringify overflows the stack at some thousand levels. */
const MAX_INPUT_DEPTH = 100;

const bytes = (text: string): number => Buffer.byteLength(text);
const tooLong = (limit: number): string => `Too long: at most ${limit} bytes.`;

const LONE_SURROGATE = 'Must be valid Unicode: it contains a lone surrogate.';

/** A string that can be an argument or a variable of a process. Linux ends both at the first NUL. */
const text = (limit: number) =>
  z
    .string()
    .refine((value) => !value.includes('\0'), 'Must not contain a NUL character.')
    .refine((value) => value.isWellFormed(), LONE_SURROGATE)
    .refine((value) => bytes(value) <= limit, tooLong(limit));

const unique = (entries: readonly { readonly name: string }[], context: z.RefinementCtx): void => {
  const seen = new Set<string>();
  entries.forEach(({ name }, index) => {
    if (seen.has(name))
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: 'This name is used twice. Use each name once.',
      });
    seen.add(name);
  });
};

const whole = (low: number, high: number) =>
  z
    .number()
    .int('Must be a whole number.')
    .refine((value) => value >= low && value <= high, `Must be between ${low} and ${high}.`);

const command = z
  .array(text(LIMITS.commandBytes))
  .min(1, 'Must not be empty: give the program to run.')
  .refine((argv) => argv[0] !== '', { path: [0], message: 'The name of the program must not be empty.' })
  .refine((argv) => argv.reduce((sum, part) => sum + bytes(part), 0) <= LIMITS.commandBytes, {
    message: `Program and arguments are too long: at most ${LIMITS.commandBytes} bytes together.`,
  });

const envName = text(LIMITS.envNameBytes)
  .refine((name) => POSIX_NAME.test(name), 'Use only letters, digits and _, and do not begin with a digit.')
  .refine((name) => !RESERVED_NAMES.has(name), 'The service sets this variable itself. Use another name.');

const env = z
  .array(
    z.object({
      name: envName,
      value: text(LIMITS.envValueBytes),
      secret: z
        .boolean()
        .nullish()
        .transform((secret) => secret ?? false),
    }),
  )
  .max(LIMITS.envCount, `Too many variables: at most ${LIMITS.envCount}.`)
  .superRefine(unique)
  .refine(
    (entries) => entries.reduce((sum, { name, value }) => sum + bytes(name) + bytes(value), 0) <= LIMITS.envBytes,
    {
      message: `The variables are too long: at most ${LIMITS.envBytes} bytes together.`,
    },
  );

const labels = z
  .array(
    z.object({
      name: text(LIMITS.labelNameBytes).refine((name) => name !== '', 'The name of a label must not be empty.'),
      value: text(LIMITS.labelValueBytes),
    }),
  )
  .max(LIMITS.labelCount, `Too many labels: at most ${LIMITS.labelCount}.`)
  .superRefine(unique);

const resources = z.object({
  cpus: z
    .number()
    .refine(
      (cpus) => cpus >= LIMITS.cpusMin && cpus <= LIMITS.cpusMax,
      `Must be between ${LIMITS.cpusMin} and ${LIMITS.cpusMax}.`,
    )
    .nullish(),
  memoryMb: whole(LIMITS.memoryMbMin, LIMITS.memoryMbMax).nullish(),
});

const startInput = z.object({
  name: text(LIMITS.nameBytes).nullish(),
  image: text(LIMITS.imageBytes)
    .refine(
      (image) => image !== '' && !SPACE_OR_CONTROL.test(image),
      'Must be the name of an image: not empty, without spaces and control characters.',
    )
    .nullish(),
  command,
  input: z
    .unknown()
    .superRefine((value, context) => {
      const message = value === undefined ? null : jsonProblem(value);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  env: env.nullish(),
  labels: labels.nullish(),
  timeoutSeconds: whole(1, LIMITS.timeoutSeconds).nullish(),
  resources: resources.nullish(),
  retry: z
    .object({
      maxAttempts: whole(1, LIMITS.maxAttempts),
      backoffSeconds: whole(0, LIMITS.backoffSeconds).nullish(),
    })
    .nullish(),
  idempotencyKey: text(LIMITS.idempotencyKeyBytes)
    .refine((key) => key !== '', 'Must not be empty. Leave it out or give a key.')
    .nullish(),
});

/** Why the value cannot be RUN_INPUT, or null. Not recursive, because it guards against depth. */
const jsonProblem = (value: unknown): string | null => {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === 'string' && !next.value.isWellFormed()) return LONE_SURROGATE;
    if (typeof next.value !== 'object' || next.value === null || isRawNumber(next.value)) continue;
    if (next.depth > MAX_INPUT_DEPTH) return `Nested too deeply: at most ${MAX_INPUT_DEPTH} levels.`;
    for (const [name, member] of Object.entries(next.value)) {
      if (!name.isWellFormed()) return LONE_SURROGATE;
      open.push({ value: member, depth: next.depth + 1 });
    }
  }
  return bytes(JSON.stringify(value)) > LIMITS.inputBytes
    ? `Too long as JSON: at most ${LIMITS.inputBytes} bytes.`
    : null;
};

/** The first problem of each argument, at most LIMITS.inputProblems. Messages never repeat a value: it can be a secret. */
const problemsOf = (error: z.ZodError, root: string): readonly InputProblem[] => {
  const problems = new Map<string, InputProblem>();
  for (const { path, message } of error.issues) {
    const argument = [root, ...path].map(String).join('.');
    if (!problems.has(argument)) problems.set(argument, inputProblem(argument, message));
  }
  return [...problems.values()].slice(0, LIMITS.inputProblems);
};

/** What is wrong with the values of an input, even if some members have a wrong type or are missing. */
export const startInputProblems = (given: unknown, root = 'input'): readonly InputProblem[] => {
  const result = startInput.safeParse(given);
  return result.success ? [] : problemsOf(result.error, root);
};

/**
 * The requested run, with defaults filled in.
 * @throws BadUserInput with each argument's path, such as "input.env.0.name"
 */
export const checkStartInput = (
  given: StartInput,
): { readonly spec: RunSpec; readonly idempotencyKey: string | null } => {
  const result = startInput.safeParse(given);
  if (!result.success) throw new BadUserInput(problemsOf(result.error, 'input'));
  const checked = result.data;
  return {
    spec: {
      name: checked.name || null,
      image: checked.image ?? null,
      command: checked.command,
      input: given.input as JsonValue | undefined,
      env: checked.env ?? [],
      labels: checked.labels ?? [],
      timeoutSeconds: checked.timeoutSeconds ?? null,
      resources: { cpus: checked.resources?.cpus ?? null, memoryMb: checked.resources?.memoryMb ?? null },
      maxAttempts: checked.retry?.maxAttempts ?? 1,
      backoffSeconds: checked.retry?.backoffSeconds ?? 1,
    },
    idempotencyKey: checked.idempotencyKey ?? null,
  };
};

const cancelReason = text(LIMITS.cancelReasonBytes).nullish();

/** The reason of a cancel; null if it is missing or empty. @throws BadUserInput "input.reason" */
export const checkCancelReason = (given: string | null | undefined): string | null => {
  const result = cancelReason.safeParse(given);
  if (!result.success) throw new BadUserInput(problemsOf(result.error, 'input.reason'));
  return result.data || null;
};
