/** The genesis as a JSON document that people can read and every node of a chain holds. */
import { fromHex, toHex } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';
import { Genesis, type Genesis as GenesisValue } from './types.ts';

export interface GenesisDocument {
  genesis: GenesisValue;
  /** Nonce of the genesis block. */
  nonce: Uint8Array;
}

export function genesisToJson(document: GenesisDocument): string {
  return `${JSON.stringify({ genesis: Genesis.toJson(document.genesis), nonce: toHex(document.nonce) }, null, 2)}\n`;
}

/** Throws WattmeshError GENESIS_FILE for anything that is not a genesis document. */
export function genesisFromJson(text: string): GenesisDocument {
  try {
    const parsed = JSON.parse(text) as { genesis: unknown; nonce: unknown };
    const nonce = typeof parsed.nonce === 'string' ? fromHex(parsed.nonce) : null;
    if (nonce === null || nonce.length !== 32) throw new TypeError('the nonce is not 32 bytes of hex');
    const genesis = Genesis.fromJson(parsed.genesis);
    Genesis.serialize(genesis);
    return { genesis, nonce };
  } catch (cause) {
    throw new WattmeshError({
      code: 'GENESIS_FILE',
      message: `the genesis file is damaged: ${(cause as Error).message}`,
      remedy: 'copy genesis.json from another node of the same chain',
      cause,
    });
  }
}
