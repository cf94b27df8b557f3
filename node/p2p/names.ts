import { WattmeshError } from '../util/errors.ts';

/** Short names of topics and protocols, and their ids on the wire `/wattmesh/<chain>/<name>/1`. */
export interface Names {
  id(name: string): string;
  /** The short name of an id of this chain, else `null`. */
  name(id: string): string | null;
}

/** Errors: `P2P_BAD_OPTIONS` when the chain's name could be read as another id. */
export function createNames(chain: string): Names {
  if (!/^[A-Za-z0-9._-]{1,63}$/.test(chain)) {
    throw new WattmeshError({
      code: 'P2P_BAD_OPTIONS',
      message: `"${chain}" cannot be the name of a chain on the network.`,
      remedy: 'Use 1 to 63 letters, digits, dots, underscores and hyphens.',
      details: { chain },
    });
  }
  const prefix = `/wattmesh/${chain}/`;
  return {
    id: (name) => `${prefix}${name}/1`,
    name: (id) =>
      id.startsWith(prefix) && id.endsWith('/1') && id.length > prefix.length + 2
        ? id.slice(prefix.length, -2)
        : null,
  };
}
