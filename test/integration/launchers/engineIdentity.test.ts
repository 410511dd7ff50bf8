import { expect, test } from 'vitest';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import { engineIdentity } from '../../../src/launchers/container/engine/identity.ts';
import { podmanMissing, startPodman } from '../../support/engines/podman.ts';

const missing = await podmanMissing();

test.skipIf(missing !== null)(
  'H1: each engine has an identity of its own, the same for all that ask and after its restart',
  async () => {
    const [one, other] = await Promise.all([startPodman(), startPodman()]);
    try {
      const identityOf = async ({ socketPath }: typeof one): Promise<string> =>
        await engineIdentity(await connectEngine(socketPath));
      const [first, second, third] = await Promise.all([identityOf(one), identityOf(one), identityOf(other)]);
      expect(first).toMatch(/^[0-9a-f-]{36}$/);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
      await one.restart();
      expect(await identityOf(one)).toBe(first);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  },
);
