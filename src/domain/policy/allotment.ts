/** The operator's limits: what a run gets by default, and the most that it can ask for. Pure. */
import { type InputProblem, inputProblem } from '../errors.ts';
import type { Resources, RunSpec } from '../run.ts';
import { isAllowedImage } from './allowedImages.ts';

/** Null: the operator set no maximum. */
export interface Allotment {
  /** Patterns of images that runs are allowed to use; null: any image. The default image is always allowed. */
  readonly allowedImages: readonly string[] | null;
  readonly defaultMemoryMb: number;
  readonly defaultCpus: number;
  readonly maxMemoryMb: number | null;
  readonly maxCpus: number | null;
  readonly maxTimeoutSeconds: number | null;
}

/** If the operator set nothing (config.ts). */
export const DEFAULT_ALLOTMENT: Allotment = {
  allowedImages: null,
  defaultMemoryMb: 1024,
  defaultCpus: 1,
  maxMemoryMb: null,
  maxCpus: null,
  maxTimeoutSeconds: null,
};

type Asked = Pick<RunSpec, 'resources' | 'timeoutSeconds'>;
type AskedWithImage = Asked & Pick<RunSpec, 'image'>;

const isOver = (asked: number | null, most: number | null): most is number =>
  asked !== null && most !== null && asked > most;

/** Whether a run is allowed to use the image; null: the default image. */
export const allowsImage = ({ allowedImages }: Allotment, image: string | null): boolean =>
  image === null || allowedImages === null || isAllowedImage(image, allowedImages);

/** What exceeds the operator's maximums. */
export const overMaximum = (
  { image, resources, timeoutSeconds }: AskedWithImage,
  allotment: Allotment,
): readonly InputProblem[] => {
  const { allowedImages, maxMemoryMb, maxCpus, maxTimeoutSeconds } = allotment;
  const problems: InputProblem[] = [];
  const add = (argument: string, text: string): void => {
    problems.push(inputProblem(`input.${argument}`, text));
  };
  if (!allowsImage(allotment, image)) {
    add('image', `The image is not allowed here. Use one of ${allowedImages?.join(', ')} (ALLOWED_IMAGES).`);
  }
  if (isOver(resources.memoryMb, maxMemoryMb))
    add('resources.memoryMb', `Too much: this service allows at most ${maxMemoryMb} (MAX_MEMORY_MB).`);
  if (isOver(resources.cpus, maxCpus))
    add('resources.cpus', `Too much: this service allows at most ${maxCpus} (MAX_CPUS).`);
  if (isOver(timeoutSeconds, maxTimeoutSeconds)) {
    add('timeoutSeconds', `Too long: this service allows at most ${maxTimeoutSeconds} (MAX_TIMEOUT_SECONDS).`);
  }
  return problems;
};

const clip = (value: number, most: number | null): number => (most === null ? value : Math.min(value, most));

/** The time limit of an attempt, within the operator's maximum; null: none. */
export const allowedTimeout = (timeoutSeconds: number | null, { maxTimeoutSeconds }: Allotment): number | null =>
  timeoutSeconds === null ? maxTimeoutSeconds : clip(timeoutSeconds, maxTimeoutSeconds);

/** What the run gets. A limit that the launcher cannot enforce is null: the API must not claim it. */
export const allot = (
  { resources, timeoutSeconds }: Asked,
  allotment: Allotment,
  enforces: { readonly memory: boolean; readonly cpus: boolean },
): { readonly resources: Resources; readonly timeoutSeconds: number | null } => {
  const { maxMemoryMb, maxCpus } = allotment;
  return {
    resources: {
      memoryMb: enforces.memory ? clip(resources.memoryMb ?? allotment.defaultMemoryMb, maxMemoryMb) : null,
      cpus: enforces.cpus ? clip(resources.cpus ?? allotment.defaultCpus, maxCpus) : null,
    },
    timeoutSeconds: allowedTimeout(timeoutSeconds, allotment),
  };
};
