import { defineConfig } from 'vitest/config';

const shared = {
  // Tests and packages that Node loads must share one graphql. Otherwise it throws "another module or realm".
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  ssr: { resolve: { conditions: ['node', 'import', 'module-sync', 'default'] } },
};

const CONTAINER_TESTS = [
  'test/container/**/*.test.ts',
  'test/contract/launcher.test.ts',
  'test/security/container/**/*.test.ts',
];

/**
 * The container tests on one engine: `container` with a private Podman, `docker` with a private Docker. They share one
 * executor image. One file runs at a time, since parallel files would disturb each other's measurements.
 */
const containers = (name: 'container' | 'docker', groupOrder: number) => ({
  ...shared,
  test: {
    name,
    include: CONTAINER_TESTS,
    globalSetup: ['test/setup/containers.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 180_000,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { ...shared, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['test/{integration,contract,e2e,faults,security}/**/*.test.ts'],
          exclude: CONTAINER_TESTS,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      containers('container', 2),
      containers('docker', 3),
    ],
  },
});
