/** Starts runs: startRun, and retryRun, which starts a new run with the input of another one. */
import { abortable } from '../../async/abortable.ts';
import { seesRun } from '../../domain/caller.ts';
import { BadUserInput, Conflict, inputProblem, NotFound, Unavailable } from '../../domain/errors.ts';
import { newRunId, type RunId } from '../../domain/ids.ts';
import { allowsImage, overMaximum } from '../../domain/policy/allotment.ts';
import { namesRegistry, registryOf } from '../../domain/policy/allowedImages.ts';
import { isPrivateRegistry } from '../../domain/policy/privateRegistry.ts';
import type { EnvVar, RunRecord, RunSpec, RunSummary } from '../../domain/run.ts';
import { RUN_STATES } from '../../domain/runStates.ts';
import { createRecord, type NewRun, readImageAsked, requirePlace } from '../records/creation.ts';
import type { StartRequest } from '../records/runs.ts';
import { unsealEnv } from '../records/secrets.ts';
import { readRun, readSummary } from '../records/store.ts';
import { reserve, reserved } from './idempotency.ts';
import type { CallContext } from './runCommands.ts';

/** As Runs.start. Safe to repeat with an idempotency key. */
export const startRun = async (
  context: CallContext,
  { spec, idempotencyKey }: StartRequest,
  signal: AbortSignal,
): Promise<RunSummary> => {
  const problems = overMaximum(spec, context.defaults.allotment);
  if (problems.length > 0) throw new BadUserInput(problems);
  if (await isPrivatePull(context, spec.image)) throw new BadUserInput([inputProblem('input.image', PRIVATE_REGISTRY)]);
  const { subject: createdBy, tenant } = context.caller;
  const run = { tenant, createdBy, spec, retryOf: null };
  if (idempotencyKey === null) {
    await admitNew(context);
    return await create(context, { ...run, id: newRunId(), idempotency: null }, signal);
  }
  const earlier = await reserved(context, idempotencyKey, spec);
  const started = earlier && (await readSummary(context.redis, earlier.id));
  if (started) return started;
  // Without a record, the first call with this key failed half-way: this one completes it, with the same id.
  await admitNew(context);
  const { id, name } = earlier ?? (await reserve(context, idempotencyKey, spec));
  const known = await readSummary(context.redis, id);
  return known ?? (await create(context, { ...run, id, idempotency: name }, signal));
};

/** As Runs.retry. Each call makes a new run. */
export const retryRun = async (context: CallContext, id: RunId, signal: AbortSignal): Promise<RunSummary> => {
  const { redis, masterKey, caller } = context;
  const [run, image] = await Promise.all([readRun(redis, id), readImageAsked(redis, id)]);
  if (run === null || !seesRun(caller, run)) throw new NotFound();
  const transition = RUN_STATES[run.status].retryAsked;
  if (transition.kind === 'invalid') throw new Conflict(transition.why);
  if (!allowsImage(context.defaults.allotment, image)) {
    const message = 'The image of this run is no longer allowed (ALLOWED_IMAGES). Start a new run with another image.';
    throw new Conflict(message);
  }
  if (await isPrivatePull(context, image)) throw new Conflict(PRIVATE_REGISTRY);
  const spec: RunSpec = {
    name: run.name,
    image,
    command: run.command,
    input: run.input,
    env: openedEnv(masterKey, run),
    labels: run.labels,
    timeoutSeconds: run.timeoutSeconds,
    resources: run.resources,
    maxAttempts: run.maxAttempts,
    backoffSeconds: run.backoffSeconds,
  };
  const { tenant } = run;
  await admitNew(context);
  const retried = { id: newRunId(), tenant, createdBy: caller.subject, spec, retryOf: id, idempotency: null };
  return await create(context, retried, signal);
};

const PRIVATE_REGISTRY =
  'The registry of the image has a private address. Use a public registry, or ask the operator to name this one in ' +
  'ALLOWED_IMAGES.';

/**
 * Whether the run would make the engine connect to a private address. Names that resolve to one are refused before the
 * pull, and so are names of local images of Podman (localhost/…): a run of one that is missing fails, as any other.
 */
const isPrivatePull = async ({ launcher, defaults }: CallContext, image: string | null): Promise<boolean> => {
  if (image === null || !isPrivateRegistry(image) || registryOf(image) === 'localhost') return false;
  return !namesRegistry(image, defaults.allotment.allowedImages ?? []) && (await launcher.needsPull(image));
};

/** @throws ShareUsedUp if the caller, or its tenant's queue, has no room for a new run */
const admitNew = async ({ redis, caller, defaults, admit }: CallContext): Promise<void> => {
  await admit?.();
  await requirePlace(redis, caller.tenant, defaults.queuedRuns);
};

const create = async (context: CallContext, run: NewRun, signal: AbortSignal): Promise<RunSummary> => {
  const { redis, queue, log } = context;
  await createRecord(context, run, signal);
  try {
    await abortable(queue.add(run.id, 1, 0), signal);
  } catch (error) {
    // The run is accepted: the reconciler makes the missing job.
    log.warn({ err: error, runId: run.id }, 'could not queue a new run; the reconciler will queue it');
  }
  const record = await readSummary(redis, run.id);
  if (record === null) throw new Unavailable('The run was removed while it was being started. Start it again.');
  return record;
};

/** @throws Conflict where the master key has changed: no retry helps */
const openedEnv = (masterKey: Buffer, { id, env }: Pick<RunRecord, 'id' | 'env'>): readonly EnvVar[] => {
  try {
    return unsealEnv(masterKey, id, env);
  } catch (error) {
    const message =
      'The secrets of this run are encrypted with another SECRETS_KEY. Start a new run with startRun, or ask the ' +
      'operator to set the earlier key again.';
    throw new Conflict(message, { cause: error });
  }
};
