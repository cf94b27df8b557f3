#!/usr/bin/env node
/**
 * The `wattmesh` command. In a checkout it first builds the bundles when a source is newer.
 *
 * Usage: node scripts/wattmesh.mjs COMMAND [OPTIONS]   (npx wattmesh --help)
 */
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const supported = major > 20 || (major === 20 && minor >= 19);

if (!supported) {
  process.stderr.write(
    `error: wattmesh needs Node.js 20.19 or newer, this is ${process.versions.node} (NODE_TOO_OLD)\n`,
  );
  process.exitCode = 1;
} else {
  await run();
}

async function run() {
  if (existsSync(new URL('../node/cli/main.ts', import.meta.url))) {
    try {
      const { ensureBuilt } = await import('./build.mjs');
      await ensureBuilt({ onBuild: () => process.stderr.write('building dist/ ...\n') });
    } catch (error) {
      const why = error.errors?.[0]?.text ?? error.message;
      process.stderr.write(`error: the build failed: ${why} (BUILD_FAILED)\nRun: npm run build\n`);
      process.exitCode = 1;
      return;
    }
  }
  const { main } = await import('../dist/wattmesh.mjs');
  await main(process.argv.slice(2));
}
