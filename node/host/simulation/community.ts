/** A community for simulations: genesis, keys, and members that trade, observe and read their meters. */
import { createGenesisBlock, createGenesisState, genesisRoot } from '../../consensus/genesis.ts';
import type { Core } from '../../core/node.ts';
import { openSteps, readingWindow, stepAt } from '../../market/windows.ts';
import { createBody } from '../../protocol/codec.ts';
import type { GenesisDocument } from '../../protocol/genesis-file.ts';
import { findPreset } from '../../protocol/presets/presets.ts';
import { type Signer, transactionMessage } from '../../protocol/signing.ts';
import type { Params, Transaction, TransactionBody } from '../../protocol/types.ts';
import { bytesFromBigint } from '../../util/bytes.ts';
import { createRng, deriveSeed, type Rng } from '../../util/rng.ts';

export interface SimCommunity {
  document: GenesisDocument;
  members: { account: Signer; meter: Signer }[];
  oracles: Signer[];
  /** Transactions that a member's node submits when its tip changes: one order a step, readings, observations. */
  traffic(node: number, core: Core): Transaction[];
}

export function createSimCommunity(given: {
  seed: bigint;
  members: number;
  miners: number;
  params?: Partial<Params>;
  signerFromSeed: (seed: Uint8Array) => Signer;
}): SimCommunity {
  const { seed, signerFromSeed } = given;
  const preset = findPreset('demo')!;
  const keyOf = (label: string) => signerFromSeed(bytesFromBigint(deriveSeed(seed, label), 32));
  const members = Array.from({ length: given.members }, (_, i) => ({
    account: keyOf(`account ${i}`),
    meter: keyOf(`meter ${i}`),
  }));
  const oracles = [0, 1, 2].map((i) => keyOf(`oracle ${i}`));
  const genesis = {
    name: new TextEncoder().encode('simulation'),
    timeMs: 1_755_208_800_000,
    params: { ...preset.params, ...given.params },
    policy: preset.policy,
    members: members.map(({ account, meter }, i) => ({
      key: account.publicKey,
      meterKey: meter.publicKey,
      neighbourhood: i % 3,
      latitudeMicroDeg: 45_070_000,
      longitudeMicroDeg: 7_680_000,
      connectionW: 6000,
      pvWp: (i % 5) * 1000,
      batteryWh: 0,
      heating: 0,
      residents: 2,
      areaM2: 90,
      yearBuilt: 1980,
      status: 0,
      suspendedUntilStep: 0,
      creditLimitNanoEur: 100_000_000_000n,
    })),
    miners: members.slice(0, given.miners).map(({ account }, member) => ({ member, key: account.publicKey })),
    regulatorThreshold: 1,
    regulators: [keyOf('regulator').publicKey],
    oracles: oracles.map((oracle) => oracle.publicKey),
    grantNanoEur: preset.grantNanoEur,
  };
  const { signedHeader } = createGenesisBlock(genesis, createGenesisState(genesis));
  const document = { genesis, nonce: signedHeader.header.nonce };
  const root = genesisRoot(genesis);
  const sign = (signer: Signer, body: TransactionBody): Transaction => ({
    body,
    signatures: [signer.sign(transactionMessage(root, body))],
  });
  const agents = members.map((_, member) =>
    createSimMember(member, createRng(deriveSeed(seed, `member ${member}`))),
  );

  return {
    document,
    members,
    oracles,
    traffic(node, core) {
      const agent = agents[node];
      if (agent === undefined) return [];
      const { account, meter } = members[node]!;
      const out = agent.orders(core).map((body) => sign(account, body));
      out.push(...agent.readings(core).map((body) => sign(meter, body)));
      const oracle = oracles[node];
      if (oracle !== undefined) out.push(...agent.observations(core).map((body) => sign(oracle, body)));
      return out;
    },
  };
}

/** A member with random needs: enough variety to exercise every market rule, no strategy. */
function createSimMember(account: number, rng: Rng) {
  let orderedUntil = 0;
  let observedUntil = 0;
  let readUntil = 0;
  const registers = { importRegisterWh: 0, exportRegisterWh: 0 };
  const genesisOf = (core: Core) => core.chain.rules.genesis;

  return {
    orders(core: Core): TransactionBody[] {
      const { first, end } = openSteps(genesisOf(core), core.clockMs());
      const bodies: TransactionBody[] = [];
      for (let step = Math.max(first, orderedUntil); step < end; step++) {
        const payload = {
          side: rng.below(2),
          energyWh: 1 + rng.below(3000),
          limitMicroEurPerKwh: 80_000 + rng.below(60_000),
        };
        bodies.push(createBody({ kind: 'order', step, account, sequence: 0, payload }));
      }
      orderedUntil = Math.max(orderedUntil, end);
      return bodies;
    },
    observations(core: Core): TransactionBody[] {
      const { first, end } = openSteps(genesisOf(core), core.clockMs());
      const bodies: TransactionBody[] = [];
      for (let step = Math.max(first, observedUntil); step < end; step++) {
        const payload = {
          temperatureCentiC: 2000 + rng.below(500),
          wholesaleMicroEurPerKwh: 100_000 + rng.below(20_000),
        };
        bodies.push(createBody({ kind: 'observation', step, account, sequence: 0, payload }));
      }
      observedUntil = Math.max(observedUntil, end);
      return bodies;
    },
    readings(core: Core): TransactionBody[] {
      const clockMs = core.clockMs();
      const delivered = stepAt(genesisOf(core), clockMs);
      const bodies: TransactionBody[] = [];
      for (; readUntil < delivered; readUntil++) {
        registers.importRegisterWh += rng.below(2000);
        registers.exportRegisterWh += rng.below(2000);
        if (clockMs >= readingWindow(genesisOf(core), readUntil).untilMs) continue;
        const payload = { ...registers, telemetryRoot: new Uint8Array(32), attested: true };
        bodies.push(createBody({ kind: 'reading', step: readUntil, account, sequence: 0, payload }));
      }
      return bodies;
    },
  };
}
