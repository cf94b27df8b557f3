/** Files that people and other programs may have changed: each is read or refused by a named error. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NodeConfig, NodeKeys } from '../../../node/config/node-config.ts';
import { checkGenesis, createGenesisState } from '../../../node/consensus/genesis.ts';
import { loadWholesalePrices } from '../../../node/feeds/prices.ts';
import { readJsonFile } from '../../../node/host/files.ts';
import { createHouseholdFile } from '../../../node/host/household-file.ts';
import { createBlockContext } from '../../../node/market/context.ts';
import { totalBalanceNanoEur } from '../../../node/market/ledger.ts';
import { runDuePhases } from '../../../node/market/pipeline.ts';
import { createHousehold } from '../../../node/metering/household.ts';
import { encode } from '../../../node/protocol/codec.ts';
import { genesisFromJson, genesisToJson } from '../../../node/protocol/genesis-file.ts';
import { Genesis } from '../../../node/protocol/types.ts';
import { equalBytes } from '../../../node/util/bytes.ts';
import { WattmeshError } from '../../../node/util/errors.ts';
import { createLineReader, formatLogLine, parseLogLine } from '../../../testnet/log-lines.ts';
import { createManifest, parseManifest } from '../../../testnet/manifest.ts';
import { readRunningFile } from '../../../testnet/running-file.ts';
import { bytesOfTexts, type OpenTarget, promise, type Target, textOf } from '../interface.ts';
import { theWorld } from '../world.ts';

const JSON_WORDS = [
  'null',
  'true',
  '{}',
  '[]',
  '-1',
  '1e999',
  '0.5',
  '""',
  ',',
  '"__proto__":',
  '"constructor":{}',
];

/** A folder of its own for one file. */
function fileIn(name: string): { path: string; folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'wattmesh-fuzz-'));
  return { path: join(folder, name), folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The code of a named refusal; anything else that is thrown breaks a promise. */
function refusal(error: unknown, codes: RegExp): string {
  if (!(error instanceof WattmeshError)) throw error;
  promise(codes.test(error.code), `the code ${error.code} is not one of ${codes.source}`);
  promise(error.remedy !== '' && error.message !== '', `${error.code} has no remedy`);
  return error.code.toLowerCase();
}

const CONFIG = {
  name: 'n01',
  roles: ['miner', 'prosumer'],
  member: 0,
  oracle: null,
  p2p: { host: '127.0.0.1', port: 0, seeds: ['/ip4/127.0.0.1/tcp/4001'], targetPeers: 8 },
  rpc: { host: '127.0.0.1', port: 0 },
  mining: { enabled: true, hashPower: 0.5 },
  feeds: { prices: null, pricesFromMs: null, seed: '1' },
  household: { seed: '7', pricing: 'zero-intelligence' },
  log: { level: 'info' },
  dev: true,
};
const SECRET = 'ab'.repeat(32);
const KEYS = { peer: SECRET, account: SECRET, meter: null, oracle: null, regulator: null };

function openJsonFile(schema: typeof NodeConfig | typeof NodeKeys, samples: readonly object[]): OpenTarget {
  const { path, remove } = fileIn('file.json');
  return {
    seeds: bytesOfTexts(samples.map((sample) => JSON.stringify(sample))),
    words: bytesOfTexts(JSON_WORDS),
    run(input) {
      writeFileSync(path, input);
      try {
        const value = readJsonFile(path, schema as typeof NodeConfig);
        const again = schema.parse(JSON.parse(JSON.stringify(value)));
        promise(
          JSON.stringify(again) === JSON.stringify(value),
          'what was read is read otherwise when written again',
        );
        return 'read';
      } catch (error) {
        return refusal(error, /^CONFIG_INVALID$/);
      }
    },
    close: remove,
  };
}

function openManifest(): OpenTarget {
  const manifest = createManifest({
    preset: 'demo',
    seed: '42',
    timeMs: 1_755_250_000_000,
    portBase: 20_000,
  });
  const small = { ...manifest, nodes: manifest.nodes.slice(0, 2) };
  return {
    seeds: bytesOfTexts([JSON.stringify(small), JSON.stringify(small, null, 2)]),
    words: bytesOfTexts(JSON_WORDS),
    run(input) {
      try {
        const value = parseManifest(textOf(input), '/testnet/manifest.json');
        promise(value.nodes.length > 0 && BigInt(value.seed) >= 0n, 'a manifest without nodes');
        return 'read';
      } catch (error) {
        return refusal(error, /^MANIFEST_DAMAGED$/);
      }
    },
  };
}

const STEPS_RUN = 3;

/** A genesis that passes the rules starts a market, whatever its numbers are. */
function runGenesis(genesis: Genesis): void {
  let state = createGenesisState(genesis);
  const { firstStepDelayMs, stepMs } = genesis.params;
  for (let step = 0; step < STEPS_RUN; step++) {
    const clockMs = genesis.timeMs + firstStepDelayMs + step * stepMs;
    const genesisRoot = state.genesisRoot;
    const context = createBlockContext({ genesis, genesisRoot, state: state.fork(), clockMs, author: 0 });
    runDuePhases(context);
    context.ledger.flush();
    state = context.state;
    promise(totalBalanceNanoEur(state) === 0n, 'the balances do not sum to zero');
  }
  state.root();
}

async function openGenesis(): Promise<OpenTarget> {
  const { genesis } = (await theWorld()).rules;
  const small = { ...genesis, members: genesis.members.slice(0, 2), miners: genesis.miners.slice(0, 1) };
  const textFor = (value: Genesis) => genesisToJson({ genesis: value, nonce: new Uint8Array(32) });
  const text = textFor(small);
  // Every parameter at nothing: what divides by it, or waits for it, shows.
  const without = Object.entries(small.params)
    .filter(([, value]) => typeof value === 'number')
    .map(([name]) => textFor({ ...small, params: { ...small.params, [name]: 0 } }));
  return {
    seeds: bytesOfTexts([
      text,
      JSON.stringify(JSON.parse(text)),
      text.replace(/(00)"\s*}\s*$/, '"}'),
      ...without,
    ]),
    words: bytesOfTexts([...JSON_WORDS, '"0x00"', '"18446744073709551615"', '4294967295', '-2147483648']),
    run(input) {
      try {
        const document = genesisFromJson(textOf(input));
        promise(document.nonce.length === 32, 'a nonce that is not 32 bytes');
        const again = genesisFromJson(genesisToJson(document));
        promise(
          equalBytes(encode(Genesis, again.genesis), encode(Genesis, document.genesis)) &&
            equalBytes(again.nonce, document.nonce),
          'a genesis that is written and read again is another one',
        );
        const refused = checkGenesis(document.genesis, { development: true });
        if (refused !== null) return refused.code.toLowerCase();
        runGenesis(document.genesis);
        return 'valid';
      } catch (error) {
        return refusal(error, /^GENESIS_FILE$/);
      }
    },
  };
}

const PRICES = [
  'utc,pun_eur_mwh,nord_eur_mwh',
  '2024-08-15T00:00Z,101.5,100',
  '2024-08-15T01:00Z,-5,0.123',
  '2024-08-15T01:15Z,90,91',
  '2024-10-27T00:00:00.000Z,1,2',
].join('\n');

function openPrices(): OpenTarget {
  const { path, remove } = fileIn('prices.csv');
  const huge = PRICES.replace('101.5', '9'.repeat(40));
  const texts = [
    PRICES,
    huge,
    huge.replace(',100', ',-20001'),
    `${PRICES}\n`,
    PRICES.replaceAll('\n', '\r\n'),
    `\uFEFF${PRICES}`,
  ];
  const days = ['2024-08-15', '2024-10-27', '2024-03-31'];
  return {
    seeds: [...bytesOfTexts(texts), new Uint8Array(gzipSync(PRICES))],
    words: bytesOfTexts([
      '\n',
      ',',
      '\r\n',
      '-',
      '20000',
      '2024-08-15T02:00Z',
      '9999-12-31T23:45Z',
      '0000-01-01T00:00Z',
    ]),
    run(input) {
      writeFileSync(path, input);
      try {
        const series = loadWholesalePrices(path, { price: input.length % 2 === 0 ? 'pun' : 'nord' });
        const named = [...textOf(input).matchAll(/\d{4}-\d\d-\d\dT\d\d:\d\d/g)].slice(0, 20);
        const times = named.map(([text]) => Date.parse(`${text}Z`));
        for (const utcMs of [...times, 0, 8.64e15, -1, Number.NaN]) {
          const price = series.at(utcMs);
          promise(price === null || Number.isSafeInteger(price), `the price ${price} is no integer`);
        }
        return days.some((day) => series.coversLocalDate(day)) ? 'covers' : 'read';
      } catch (error) {
        return refusal(error, /^PRICE_FILE_FORMAT$/);
      }
    },
    close: remove,
  };
}

function openHousehold(): OpenTarget {
  const { path, remove } = fileIn('household.json');
  const file = createHouseholdFile(path);
  const home = { attributes: {}, location: { latitudeMicroDeg: 45_000_000, longitudeMicroDeg: 7_000_000 } };
  const house = () =>
    createHousehold(
      { ...home, pvWp: 3000, batteryWh: 5000, batteryPowerW: 2500, seed: 7n } as never,
      {
        expectedLoadW: () => 300,
        clearnessAt: () => 0.5,
        clearSkyPvW: () => 0,
        battery: (need: { netLoadWh: number; storedWh: number }) => ({
          storedWh: need.storedWh,
          gridImportWh: Math.max(0, need.netLoadWh),
          gridExportWh: Math.max(0, -need.netLoadWh),
          lossWh: 0,
        }),
      } as never,
    );
  const snapshot = house().snapshot();
  const lived = { ...snapshot, nextStartMs: 3_600_000, loadWattMs: 5_000_000, importRegisterWh: 77 };
  return {
    seeds: bytesOfTexts(
      [
        { step: 3, snapshot: lived },
        { step: 0, snapshot },
      ].map((saved) => JSON.stringify(saved)),
    ),
    words: bytesOfTexts([...JSON_WORDS, '"7"', '9007199254740991']),
    run(input) {
      writeFileSync(path, input);
      try {
        const saved = file.load();
        promise(saved !== null, 'a file that is there is not read');
        promise(Number.isSafeInteger(saved.step) && saved.step >= 0, `the step ${saved.step} is no step`);
        const restored = house();
        restored.restore(saved.snapshot);
        file.save({ step: saved.step, snapshot: restored.snapshot() });
        promise(file.load()!.step === saved.step, 'what was saved is read otherwise');
        return 'restored';
      } catch (error) {
        return refusal(error, /^HOUSEHOLD_(FILE|SNAPSHOT_INVALID)$/);
      }
    },
    close: remove,
  };
}

function openLogLines(): OpenTarget {
  const { path, remove } = fileIn('node.log');
  const lines = [
    '{"level":30,"time":1755250000000,"node":"n01","msg":"block","height":4,"hash":"00ab"}',
    '{"level":"error","time":"2025-08-15T10:00:00Z","msg":"x","error":{"message":"m","code":"C"}}',
    'Segmentation fault',
  ];
  return {
    seeds: bytesOfTexts([...lines, `${lines.join('\n')}\n`]),
    words: bytesOfTexts([...JSON_WORDS, '\n', '"level":', '"time":', '"msg":']),
    run(input) {
      writeFileSync(path, input);
      const read = createLineReader(path).read();
      for (const text of [...read, textOf(input)]) {
        const line = parseLogLine('n01', text);
        promise(Number.isFinite(line.timeMs), 'a time that is no number');
        const shown = formatLogLine(line);
        promise(shown.includes(' n01 '), 'the line does not name its node');
        promise(shown.length <= 6 * text.length + 200, 'the line grows beyond its source');
      }
      return `lines-${Math.min(3, read.length)}`;
    },
    close: remove,
  };
}

function openRunning(): OpenTarget {
  const { path, folder, remove } = fileIn('running.json');
  const running = {
    url: 'http://127.0.0.1:20000',
    p2p: ['/ip4/127.0.0.1/tcp/1'],
    pid: 7,
    startedMs: 5,
    peerId: 'x',
  };
  return {
    seeds: bytesOfTexts([JSON.stringify(running)]),
    words: bytesOfTexts(JSON_WORDS),
    run(input) {
      writeFileSync(path, input);
      const value = readRunningFile(folder);
      if (value === null) return 'refused';
      promise(Number.isSafeInteger(value.pid) && typeof value.url === 'string', 'no address of a process');
      return 'read';
    },
    close: remove,
  };
}

const target = (
  name: string,
  about: string,
  more: Pick<Target, 'mustReach' | 'open'> & Partial<Target>,
): Target => {
  return { name, about, maxBytes: 8192, briefRuns: 500, ...more };
};

export const fileTargets: readonly Target[] = [
  target('file-config', 'node.json: read or CONFIG_INVALID', {
    mustReach: ['read', 'config_invalid'],
    open: () => openJsonFile(NodeConfig, [CONFIG, { ...CONFIG, household: null, p2p: { port: 1 } }]),
  }),
  target('file-keys', 'keys.json: read or CONFIG_INVALID', {
    mustReach: ['read', 'config_invalid'],
    open: () => openJsonFile(NodeKeys, [KEYS]),
  }),
  target('file-manifest', 'the manifest of a testnet: read or MANIFEST_DAMAGED', {
    mustReach: ['read', 'manifest_damaged'],
    open: openManifest,
  }),
  target('file-genesis', 'genesis.json: read or GENESIS_FILE; one that passes the rules starts a market', {
    mustReach: ['valid', 'genesis_file', 'genesis_miners'],
    maxBytes: 16_384,
    briefRuns: 300,
    open: openGenesis,
  }),
  target('file-prices', 'prices as CSV or CSV.gz: read or PRICE_FILE_FORMAT', {
    mustReach: ['read', 'price_file_format'],
    open: openPrices,
  }),
  target('file-household', 'household.json: restored, HOUSEHOLD_FILE or HOUSEHOLD_SNAPSHOT_INVALID', {
    mustReach: ['restored', 'household_file'],
    open: openHousehold,
  }),
  target('file-log-lines', 'the logs of nodes: every line becomes a readable line', {
    mustReach: ['lines-0', 'lines-3'],
    open: openLogLines,
  }),
  target('file-running', 'running.json: read, or as if there were none', {
    mustReach: ['read', 'refused'],
    open: openRunning,
  }),
];
