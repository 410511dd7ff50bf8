import { expect, test } from 'vitest';
import { isAllowedImage } from '../../../../src/domain/policy/allowedImages.ts';

test.each<[image: string, patterns: string[], allowed: boolean]>([
  ['alpine', ['alpine'], true],
  ['alpine:3.20', ['alpine'], true],
  ['docker.io/library/alpine:3.20', ['alpine'], true],
  ['library/alpine', ['alpine'], true],
  ['alpine', ['docker.io/library/*'], true],
  ['alpine2', ['alpine'], false],
  ['evil/alpine', ['alpine'], false],
  ['evil.example/library/alpine', ['alpine'], false],
  ['evil.example/docker.io/library/alpine', ['alpine', 'docker.io/library/*'], false],
  ['localhost/alpine', ['alpine'], false],
  ['alpine:3.20', ['alpine:3.*'], true],
  ['alpine:edge', ['alpine:3.*'], false],
  ['alpine', ['alpine:latest'], true],
  ['alpine', ['alpine:3.*'], false],
  [`alpine@sha256:${'a'.repeat(64)}`, ['alpine'], true],
  [`alpine@sha256:${'a'.repeat(64)}`, ['alpine:3.*'], false],
  [`alpine@sha256:${'a'.repeat(64)}`, [`alpine@sha256:${'a'.repeat(64)}`], true],
  ['alpine', [`alpine@sha256:${'a'.repeat(64)}`], false],
  ['registry.example:5000/team/app:1', ['registry.example:5000/team/*'], true],
  ['registry.example:5000/team/deep/app', ['registry.example:5000/team/*'], true],
  ['registry.example:5000/teams/app', ['registry.example:5000/team/*'], false],
  ['registryxexample:5000/team/app', ['registry.example:5000/team/*'], false],
  ['team/app', ['team/*'], true],
  ['other.example/team/app', ['team/*'], false],
  ['anything/at:all', ['*'], true],
  ['sha256:abcdef', ['alpine', 'docker.io/library/a*'], false],
  ['ALPINE', ['alpine'], true],
  ['busybox', ['alpine', 'busybox'], true],
  ['busybox', [], false],
])('image %s with patterns %j: %s', (image, patterns, allowed) => {
  expect(isAllowedImage(image, patterns)).toBe(allowed);
});
