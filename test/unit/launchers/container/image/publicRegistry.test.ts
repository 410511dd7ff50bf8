import { expect, test } from 'vitest';
import { assertPublicRegistry } from '../../../../../src/launchers/container/image/publicRegistry.ts';

const resolvesTo =
  (...addresses: string[]) =>
  (): Promise<string[]> =>
    Promise.resolve(addresses);
const PRIVATE = { reason: 'IMAGE_UNAVAILABLE', message: expect.stringContaining('private address') };

test.each([['127.0.0.1'], ['1.1.1.1', '10.0.0.1'], ['2606:4700::1111', '::1'], ['169.254.169.254'], ['fd00::1']])(
  'a registry whose name resolves to %s is refused, unless ALLOWED_IMAGES names it',
  async (...addresses) => {
    const check = (allowed: string[] | null) =>
      assertPublicRegistry('evil.example:5000/x', allowed, resolvesTo(...addresses));
    await expect(check(null)).rejects.toMatchObject(PRIVATE);
    await expect(check(['*'])).rejects.toMatchObject(PRIVATE);
    await expect(check(['evil.example:5000/*'])).resolves.toBeUndefined();
  },
);

test('public registries, Docker Hub and names that this machine cannot resolve pass', async () => {
  await assertPublicRegistry('ghcr.io/a/b', null, resolvesTo('1.1.1.1', '2606:4700::1111'));
  await assertPublicRegistry('unknown.example/a', null, resolvesTo());
  await assertPublicRegistry('alpine', null, () => Promise.reject(new Error('Docker Hub is not resolved')));
});

test('a private name or address is refused without being resolved', async () => {
  const never = (): Promise<never> => Promise.reject(new Error('it was resolved'));
  for (const image of ['localhost/x', '127.0.0.1:5000/x', 'registry.internal/x']) {
    await expect(assertPublicRegistry(image, null, never)).rejects.toMatchObject(PRIVATE);
  }
});
