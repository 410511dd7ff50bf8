/** Keeps the engine from connecting to private addresses because of an image's name. */
import { lookup } from 'node:dns/promises';
import { withDeadline } from '../../../async/deadline.ts';
import { namesRegistry } from '../../../domain/policy/allowedImages.ts';
import { isPrivateAddress, isPrivateHost, registryHost } from '../../../domain/policy/privateRegistry.ts';
import { LaunchError } from '../../launcher.ts';

const LOOKUP_MS = 5000;

const addressesOf = async (host: string): Promise<readonly string[]> => {
  const name = host.replace(/^\[|\]$/g, '');
  const found = await withDeadline(() => lookup(name, { all: true }), { ms: LOOKUP_MS }).catch(() => []);
  return found.map(({ address }) => address);
};

/**
 * Resolves if the image's registry has public addresses alone, or if a pattern of ALLOWED_IMAGES names it. A name that this
 * machine cannot resolve passes: the engine can have another resolver, or a proxy.
 * `resolve`: for tests. @throws LaunchError IMAGE_UNAVAILABLE
 */
export const assertPublicRegistry = async (
  image: string,
  allowedImages: readonly string[] | null,
  resolve: (host: string) => Promise<readonly string[]> = addressesOf,
): Promise<void> => {
  const host = registryHost(image);
  if (host === null || namesRegistry(image, allowedImages ?? [])) return;
  if (!isPrivateHost(host) && !(await resolve(host)).some(isPrivateAddress)) return;
  const sentence = `The image ${image} is not on this machine, and its registry has a private address.`;
  throw new LaunchError('IMAGE_UNAVAILABLE', `${sentence} Ask the operator to name it in ALLOWED_IMAGES.`);
};
