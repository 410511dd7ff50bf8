/**
 * The identity of an engine: a random text, kept in a volume of the engine itself. So it stays the same when the engine or
 * the machine restarts, and all services that use the engine read the same one. What engines tell of themselves does not
 * do: Podman's ID in /info is a new one in each answer (4.3.1), and names of hosts repeat.
 */
import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { inTime, orNull } from './engine.ts';

const VOLUME = 'runloom-engine';
const LABEL = 'runloom.engine';

/** Made by the first call. Safe to repeat and to run concurrently. @throws the engine's error */
export const engineIdentity = async (docker: Docker): Promise<string> => {
  const known = await read(docker);
  if (known !== null) return known;
  // The engine makes a name once: a second call gets the volume of the first one.
  await inTime(docker.createVolume({ Name: VOLUME, Labels: { [LABEL]: randomUUID() } }));
  const made = await read(docker);
  if (made !== null) return made;
  throw new Error(`The volume ${VOLUME} has no label ${LABEL}. Remove that volume; the next start makes it again.`);
};

const read = async (docker: Docker): Promise<string | null> => {
  const volume = await inTime(orNull(docker.getVolume(VOLUME).inspect()));
  return volume?.Labels?.[LABEL] ?? null;
};
