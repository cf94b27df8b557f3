import { createRng } from '../../util/rng.ts';
import { limitKey } from './curves.ts';
import type { Book, ZoneTariff } from './interface.ts';
import { clearKda } from './kda.ts';

const ORDERS = 100_000;
const ZONES = 8;
const ROUNDS = 15;
const WARM_UP_ROUNDS = 3;

/** A measured figure beside a yardstick of the same run; `ratio` = value / yardstick, higher is better. */
export interface ClearingBenchmark {
  name: 'clearing-100k';
  value: number;
  unit: string;
  yardstick: { name: string; value: number; unit: string };
  ratio: number;
}

/** Half bids, half asks: limits uniform in 80 000..300 000 microEUR/kWh, energies uniform in 50..2 000 Wh. */
function randomMarket(): { book: Book; tariff: ZoneTariff } {
  const rng = createRng(1n);
  const book: Book = {
    count: ORDERS,
    zone: new Uint8Array(ORDERS),
    side: new Uint8Array(ORDERS),
    energyWh: new Uint32Array(ORDERS),
    limitMicroEurPerKwh: new Int32Array(ORDERS),
    rank: new Uint32Array(ORDERS),
  };
  for (let i = 0; i < ORDERS; i++) {
    book.zone[i] = rng.below(ZONES);
    book.side[i] = i % 2;
    book.energyWh[i] = 50 + rng.below(1_951);
    book.limitMicroEurPerKwh[i] = 80_000 + rng.below(220_001);
    book.rank[i] = i;
  }
  return { book, tariff: { feeMicroEurPerKwh: Array.from({ length: ZONES }, (_, zone) => 500 * zone) } };
}

/** Orders per CPU second of the median round, rounded. */
function ordersPerCpuSecond(run: () => void, cpuTimeMs: () => number): number {
  const spentMs: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const before = cpuTimeMs();
    run();
    if (round >= WARM_UP_ROUNDS) spentMs.push(cpuTimeMs() - before);
  }
  spentMs.sort((a, b) => a - b);
  const medianMs = spentMs[Math.floor(ROUNDS / 2)]!;
  return Math.round((ORDERS * 1_000) / medianMs);
}

/** Clears a seeded book of 100 000 orders in 8 zones; the clock gives CPU milliseconds of this process. */
export function benchClearing(cpuTimeMs: () => number): ClearingBenchmark {
  const { book, tariff } = randomMarket();
  const keys = Float64Array.from({ length: ORDERS }, (_, i) => limitKey(book.limitMicroEurPerKwh[i]!, i));
  const unit = 'orders per CPU second';
  const value = ordersPerCpuSecond(() => clearKda(book, tariff), cpuTimeMs);
  const sorted = ordersPerCpuSecond(() => keys.slice().sort(), cpuTimeMs);
  return {
    name: 'clearing-100k',
    value,
    unit,
    yardstick: { name: 'typed-array sort of the same keys', value: sorted, unit },
    ratio: value / sorted,
  };
}
