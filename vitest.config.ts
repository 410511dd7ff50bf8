import { defineConfig } from 'vitest/config';
import AlternateEngines from './test/setup/alternateEngines.ts';

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
 * The container tests on one engine: `container` with a private Podman, `docker` with a private Docker. They run beside
 * each other. One file at a time uses an engine, since parallel files would disturb each other's measurements.
 */
const containers = (name: 'container' | 'docker') => ({
  ...shared,
  test: {
    name,
    include: CONTAINER_TESTS,
    globalSetup: ['test/setup/containers.ts'],
    setupFiles: ['test/setup/oneFilePerEngine.ts'],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 180_000,
    sequence: { groupOrder: 2 },
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: AlternateEngines },
    projects: [
      { ...shared, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['test/{integration,contract,e2e,faults,security}/**/*.test.ts'],
          exclude: CONTAINER_TESTS,
          // These tests mostly wait: two of them at a time use half of two cores.
          maxWorkers: 3,
          // Long: they only end what would hang. A busy machine is not a failure.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      containers('container'),
      containers('docker'),
    ],
  },
});
