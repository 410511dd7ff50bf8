/** The engine's errors as LaunchErrors: sentences for a run's owner, with the engine's error as the cause. */
import { LaunchError } from '../launcher.ts';
import { engineMessage, inTime, statusOf } from './engine/engine.ts';

/** LAUNCH_FAILED for a container that was not created or not started. */
export const launchFailed = (what: 'created' | 'started', error: unknown): LaunchError => {
  const answered = statusOf(error) !== null;
  const why = answered ? 'the container engine refused it' : 'the container engine does not answer';
  return new LaunchError('LAUNCH_FAILED', `The container could not be ${what}: ${why}.`, error);
};

/** The call's answer. @throws LaunchError LAUNCH_FAILED where the engine fails or does not answer */
export const orLaunchFailed = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await inTime(answer);
  } catch (error) {
    throw launchFailed('created', error);
  }
};

/** Whether the container's name is in use. Docker answers 409; Podman 4 answers 500 with a text. */
export const isNameTaken = (error: unknown): boolean =>
  statusOf(error) === 409 || /name .* is already in use|already in use by/i.test(engineMessage(error));
