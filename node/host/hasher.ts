/** Chooses the hash function under every Merkle root; the library's own default is seven times slower. */
import { setHasher } from '@chainsafe/persistent-merkle-tree';

export type HasherName = 'hashtree' | 'as-sha256';

/** Native where it is installed, WebAssembly otherwise; both give the same roots. */
export async function installHasher(only?: HasherName): Promise<HasherName> {
  if (only !== 'as-sha256') {
    try {
      const { hasher } = await import('@chainsafe/persistent-merkle-tree/hasher/hashtree');
      setHasher(hasher);
      return 'hashtree';
    } catch (cause) {
      if (only === 'hashtree') throw cause;
    }
  }
  const { hasher } = await import('@chainsafe/persistent-merkle-tree/hasher/as-sha256');
  setHasher(hasher);
  return 'as-sha256';
}
