import { beforeAll, describe, expect, it } from 'vitest';
import { checkExecution, executeBody, isViolation } from '../../node/consensus/apply-block.ts';
import { createGenesisBlock, createGenesisState } from '../../node/consensus/genesis.ts';
import { checkHeader } from '../../node/consensus/header.ts';
import { linkHeader, marketClockMs } from '../../node/consensus/header-chain.ts';
import { createTestGenesis, testVerifier } from '../../node/market/testing.ts';
import { createRng } from '../../node/util/rng.ts';
import { deriveKeySeed, publicKeyOf } from '../keys.ts';
import { createForge, type Forge, signerOf } from './forge.ts';

const MINER = 3;
const seed = deriveKeySeed('1', 'forge test');
const genesis = createTestGenesis();
let forge: Forge;

beforeAll(() => {
  const key = publicKeyOf(seed);
  genesis.members[MINER] = { ...genesis.members[MINER]!, key };
  genesis.miners[MINER] = { member: MINER, key };
  const block = createGenesisBlock(genesis, createGenesisState(genesis));
  const document = { genesis, nonce: block.signedHeader.header.nonce };
  const now = () => genesis.timeMs + 60_000;
  forge = createForge({ document, minerSeed: seed, rng: createRng(1n), now });
});

const check = (signed: Parameters<typeof checkHeader>[3]) =>
  checkHeader({ ...forge.rules, verifier: testVerifier }, forge.tip().node, genesis.miners, signed)?.code ??
  null;

describe('the forge', () => {
  it('knows whose key it holds, and makes blocks that break no rule', async () => {
    expect(forge.miner?.member).toBe(MINER);
    const block = await forge.blockOn(forge.tip());
    expect(check(block.signedHeader)).toBeNull();
    const node = linkHeader(forge.tip().node, block.signedHeader);
    const input = {
      parentState: forge.tip().state,
      clockMs: marketClockMs(node.parent!),
      author: node.author,
    };
    const result = executeBody(forge.rules, input, { transactions: [], isKnown: () => false });
    expect(isViolation(result) ? result : checkExecution(block, result)).toBeNull();
  });

  it('breaks one rule of headers at a time', async () => {
    const right = forge.rightBody(forge.tip());
    const cases = {
      BLOCK_HEIGHT: { height: right.height + 1 },
      BLOCK_TARGET: { target: 2n * right.target + 1n },
      BLOCK_TIME_TOO_OLD: { timestampMs: forge.tip().node.timestampMs - 1 },
    };
    for (const [code, change] of Object.entries(cases)) {
      expect(check(await forge.seal({ ...right, ...change }, { within: right.target }))).toBe(code);
    }
    expect(check(forge.unsealed(right))).toBe('BLOCK_WORK');
    expect(check(await forge.seal({ ...right, author: 77 }))).toBe('BLOCK_AUTHOR');
    expect(check(await forge.seal(right, { signer: signerOf(new Uint8Array(32).fill(9)) }))).toBe(
      'BLOCK_SIGNATURE',
    );
  });

  it('refuses a key that is no miner’s', () => {
    const document = { genesis, nonce: forge.genesisTip.block.signedHeader.header.nonce };
    const minerSeed = new Uint8Array(32).fill(8);
    expect(() => createForge({ document, minerSeed, rng: createRng(1n), now: Date.now })).toThrow(/miner/);
  });
});
