import { defineConfig } from 'vitest/config';

/**
 * Three groups. `parts`: one part at a time. `store`: what needs the S3 server. `programs`: the two programs as
 * they are shipped, with real peers around them.
 */
const group = (name: string, include: string[], globalSetup: string[]) => ({
  test: { name, include, globalSetup, pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 120_000 },
});

const STORE = ['test/contract/**/*.test.ts'];
const PROGRAMS = ['test/e2e/**/*.test.ts', 'test/doors/**/*.test.ts', 'test/page/**/*.test.ts'];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...STORE, ...PROGRAMS],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      group('store', STORE, ['test/support/s3-global.ts']),
      group('programs', PROGRAMS, ['test/support/build-global.ts']),
    ],
  },
});
