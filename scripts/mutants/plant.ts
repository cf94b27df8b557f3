/** Plants a bug: bundles the runner with one file's text replaced. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import type { Mutant } from './interface.ts';

/** How often the text to replace occurs in the mutant's file. */
export function occurrences(root: string, { file, find }: Mutant): number {
  return readFileSync(join(root, file), 'utf8').split(find).length - 1;
}

/** The file with the bug in it. Throws unless the text occurs exactly once. */
export function mutate(root: string, mutant: Mutant): string {
  const count = occurrences(root, mutant);
  if (count !== 1)
    throw new Error(`${mutant.name}: its text occurs ${count} times in ${mutant.file}, not once`);
  return readFileSync(join(root, mutant.file), 'utf8').replace(mutant.find, () => mutant.replace);
}

/** Bundles the runner; null plants nothing. Throws when the replaced file was not part of the bundle. */
export async function bundleRunner(
  given: { root: string; outfile: string; bundleOptions: BuildOptions },
  mutant: Mutant | null,
): Promise<void> {
  const { root, outfile, bundleOptions } = given;
  let planted = 0;
  const plugin: Plugin = {
    name: 'plant',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (mutant === null || path !== join(root, mutant.file)) return undefined;
        planted++;
        return { contents: mutate(root, mutant), loader: 'ts' };
      });
    },
  };
  await build({
    ...bundleOptions,
    minify: false,
    sourcemap: false,
    entryPoints: [join(root, 'scripts/mutants/runner.ts')],
    outfile,
    plugins: [plugin],
  });
  if (mutant !== null && planted !== 1) throw new Error(`${mutant.file} is no part of the simulation`);
}
