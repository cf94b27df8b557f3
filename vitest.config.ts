import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['node/**/*.test.ts', 'testnet/**/*.test.ts', 'scripts/**/*.test.ts'],
    setupFiles: ['node/util/polyfill.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
