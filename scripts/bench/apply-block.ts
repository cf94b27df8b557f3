/** Execution of a block of 500 orders over 1 000 accounts, with signatures known and unknown. */
import { executeBody, isViolation } from '../../node/consensus/apply-block.ts';
import { createGenesisState, genesisRoot } from '../../node/consensus/genesis.ts';
import { loadVerifier, signerFromSeed } from '../../node/host/crypto.ts';
import { createSimCommunity } from '../../node/host/simulation/community.ts';
import { createBody, transactionId } from '../../node/protocol/codec.ts';
import { transactionMessage } from '../../node/protocol/signing.ts';
import { type Transaction, Transactions } from '../../node/protocol/types.ts';
import { assert } from '../../node/util/errors.ts';
import { type Benchmark, collectGarbage, cpuTimeMs, median, round } from './interface.ts';

const ACCOUNTS = 1000;
const TRANSACTIONS = 500;
const ROUNDS = 31;

function prepare() {
  const community = createSimCommunity({ seed: 1n, members: ACCOUNTS, miners: 10, signerFromSeed });
  const { genesis } = community.document;
  const { name, verifier } = loadVerifier();
  const rules = { genesis, genesisRoot: genesisRoot(genesis), verifier };
  const transactions = Array.from({ length: TRANSACTIONS }, (_, i): Transaction => {
    const account = 2 * i;
    const payload = { side: i % 2, energyWh: 500 + i, limitMicroEurPerKwh: 100_000 + i };
    const body = createBody({ kind: 'order', step: 0, account, sequence: 0, payload });
    const signature = community.members[account]!.account.sign(transactionMessage(rules.genesisRoot, body));
    return { body, signatures: [signature] };
  });
  const parentState = createGenesisState(genesis);
  parentState.root();
  const bytes = Transactions.serialize(transactions);
  return { rules, parentState, bytes, clockMs: genesis.timeMs, verifierName: name, verifier, transactions };
}

type Prepared = ReturnType<typeof prepare>;

/** CPU ms of one execution; blocks are decoded afresh, as from a peer, so that no cached root helps. */
function runOnce(prepared: Prepared, isKnown: boolean): number {
  const transactions = Transactions.deserialize(prepared.bytes.slice());
  const { parentState, clockMs, rules } = prepared;
  collectGarbage();
  const from = cpuTimeMs();
  const result = executeBody(
    rules,
    { parentState, clockMs, author: 0 },
    { transactions, isKnown: () => isKnown },
  );
  const spent = cpuTimeMs() - from;
  assert(!isViolation(result), 'the benchmark block is valid');
  return spent;
}

/** CPU ms of hashing every transaction id and the state's changed leaves is the floor; the yardstick is the ids alone. */
function hashOnce(prepared: Prepared): number {
  const transactions = Transactions.deserialize(prepared.bytes.slice());
  const from = cpuTimeMs();
  for (const transaction of transactions) transactionId(transaction);
  return cpuTimeMs() - from;
}

function verifyOnce({ transactions, rules, verifier }: Prepared): number {
  const messages = transactions.map((transaction) => transactionMessage(rules.genesisRoot, transaction.body));
  const { members } = rules.genesis;
  collectGarbage();
  const from = cpuTimeMs();
  for (const [i, { body, signatures }] of transactions.entries()) {
    verifier.verify(members[body.account]!.key, messages[i]!, signatures[0]!);
  }
  return cpuTimeMs() - from;
}

export function benchApplyBlock(): Benchmark[] {
  const prepared = prepare();
  const known: number[] = [];
  const unknown: number[] = [];
  const hashes: number[] = [];
  const verifications: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    // Both executions follow the same work, so that neither finds warmer caches than the other.
    verifications.push(verifyOnce(prepared));
    known.push(runOnce(prepared, true));
    verifyOnce(prepared);
    unknown.push(runOnce(prepared, false));
    hashes.push(hashOnce(prepared));
  }
  const extra = unknown.map((ms, i) => ms - known[i]!);
  // Round by round: the machine's speed drifts, neighbouring measurements drift together.
  const extraRatio = median(extra.map((ms, i) => ms / verifications[i]!));
  return [
    {
      name: 'apply-block-known',
      value: round(median(known)),
      unit: `CPU ms per block of ${TRANSACTIONS}, ${ACCOUNTS} accounts`,
      yardstick: {
        name: 'hashing the ids of its transactions',
        value: round(median(hashes)),
        unit: 'CPU ms',
      },
      ratio: round(median(known) / median(hashes)),
    },
    {
      name: 'apply-block-unknown',
      value: round(median(extra)),
      unit: 'CPU ms more with signatures to verify',
      yardstick: {
        name: `${TRANSACTIONS} verifications by ${prepared.verifierName}`,
        value: round(median(verifications)),
        unit: 'CPU ms',
      },
      ratio: round(extraRatio),
    },
  ];
}
