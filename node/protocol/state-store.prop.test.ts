import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT_BASE } from './accounts.ts';
import { State, StepBook } from './state.ts';
import { createStateStore, deserializeState, type StateStore } from './state-store.ts';
import { STEP_RING } from './types.ts';

type Model = ReturnType<typeof State.defaultValue>;
const MEMBERS = 3;

const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint16 = fc.nat({ max: 2 ** 16 - 1 });
const uint53 = fc.maxSafeNat();
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const memberIndex = fc.nat({ max: MEMBERS - 1 });
// Three books that share a slot of the ring, and their neighbours.
const step = fc.constantFrom(0, 1, 2, STEP_RING, STEP_RING + 1, 2 * STEP_RING, 5);

const account = fc.record({
  creditNanoEur: uint64,
  debitNanoEur: uint64,
  p2pSteps: uint32,
  gridSteps: uint32,
  bonusBps: uint16,
  penaltyBps: uint16,
  importRegisterWh: uint53,
  exportRegisterWh: uint53,
  substitutedWh: uint53,
  nextMeteredStep: uint32,
});
const member = fc.record({
  key: bytes32,
  meterKey: bytes32,
  neighbourhood: fc.nat({ max: 31 }),
  latitudeMicroDeg: int32,
  longitudeMicroDeg: int32,
  connectionW: uint32,
  pvWp: uint32,
  batteryWh: uint32,
  heating: fc.nat({ max: 3 }),
  residents: fc.nat({ max: 9 }),
  areaM2: uint16,
  yearBuilt: uint16,
  status: fc.nat({ max: 1 }),
  suspendedUntilStep: uint32,
  creditLimitNanoEur: uint64,
});
const order = fc.record({
  account: uint32,
  sequence: uint16,
  side: fc.nat({ max: 1 }),
  energyWh: uint32,
  limitMicroEurPerKwh: int32,
});
const seen = fc.record({
  oracle: fc.nat({ max: 15 }),
  temperatureCentiC: int32,
  wholesaleMicroEurPerKwh: int32,
});
const meterReading = fc.record({ account: uint32, importRegisterWh: uint53, exportRegisterWh: uint53 });
const position = fc.record({ account: uint32, boughtWh: uint53, soldWh: uint53 });
const market = fc.record(
  {
    nextToClear: uint32,
    nextToSettle: uint32,
    wholesaleMicroEurPerKwh: int32,
    wholesaleStepPlus1: uint32,
    temperatureCentiC: int32,
    temperatureStepPlus1: uint32,
    adminSequence: uint16,
  },
  { requiredKeys: [] },
);

/** A write to the store and the same write to the model. Arguments are spoiled afterwards: nobody may hold on to them. */
type Operation = (store: StateStore, model: Model) => void;

function bookOf(model: Model, of: number): Model['steps'][number] {
  const slot = of % STEP_RING;
  if (model.steps[slot]!.step !== of) model.steps[slot] = { ...StepBook.defaultValue(), step: of };
  return model.steps[slot]!;
}

function spoiled<V extends object>(value: V, use: (value: V) => void): void {
  const given = { ...value };
  use(given);
  for (const key of Object.keys(given) as (keyof V)[]) {
    if (typeof given[key] === 'number') given[key] = ((given[key] as number) ^ 1) as V[keyof V];
  }
}

const write: fc.Arbitrary<Operation> = fc.oneof(
  market.map(
    (change): Operation =>
      (store, model) => {
        store.setMarket(change);
        Object.assign(model.market, change);
      },
  ),
  fc.tuple(memberIndex, account).map(
    ([index, value]): Operation =>
      (store, model) => {
        spoiled(value, (given) => store.setAccount(index, given));
        model.accounts[index] = value;
      },
  ),
  fc.tuple(memberIndex, uint64).map(
    ([index, amount]): Operation =>
      (store, model) => {
        store.setReservedNanoEur(index, amount);
        model.reservedNanoEur[index] = amount;
      },
  ),
  fc.tuple(memberIndex, member).map(
    ([index, value]): Operation =>
      (store, model) => {
        spoiled(value, (given) => store.setMember(index, given));
        model.members[index] = value;
      },
  ),
  fc.tuple(fc.nat({ max: 3 }), uint64, uint64).map(
    ([index, credit, debit]): Operation =>
      (store, model) => {
        const value = { creditNanoEur: credit, debitNanoEur: debit };
        store.setSystemBalance(SYSTEM_ACCOUNT_BASE + index, value);
        model.systemBalances[index] = value;
      },
  ),
  fc.tuple(step, fc.record({ trades: uint32, wholesaleMicroEurPerKwh: int32 }, { requiredKeys: [] })).map(
    ([of, change]): Operation =>
      (store, model) => {
        store.setStepScalars(of, change);
        Object.assign(bookOf(model, of), change);
      },
  ),
  fc.tuple(step, order).map(
    ([of, value]): Operation =>
      (store, model) => {
        spoiled(value, (given) => store.pushOrder(of, given));
        bookOf(model, of).orders.push(value);
      },
  ),
  fc.tuple(step, fc.nat(), order).map(
    ([of, at, value]): Operation =>
      (store, model) => {
        const { length } = store.orders(of);
        if (length === 0) return;
        spoiled(value, (given) => store.setOrder(of, at % length, given));
        bookOf(model, of).orders[at % length] = value;
      },
  ),
  fc.tuple(step, seen).map(
    ([of, value]): Operation =>
      (store, model) => {
        if (store.observations(of).length === 16) return;
        spoiled(value, (given) => store.pushObservation(of, given));
        bookOf(model, of).observations.push(value);
      },
  ),
  fc.tuple(step, meterReading).map(
    ([of, value]): Operation =>
      (store, model) => {
        spoiled(value, (given) => store.pushReading(of, given));
        bookOf(model, of).readings.push(value);
      },
  ),
  fc.tuple(step, fc.array(position, { maxLength: 3 })).map(
    ([of, values]): Operation =>
      (store, model) => {
        store.setPositions(of, values);
        bookOf(model, of).positions = [...values];
      },
  ),
  step.map(
    (of): Operation =>
      (store, model) => {
        store.clearStep(of);
        model.steps[of % STEP_RING] = { ...StepBook.defaultValue(), step: of };
      },
  ),
  fc.tuple(fc.nat({ max: MEMBERS * 96 - 1 }), uint32).map(
    ([index, wh]): Operation =>
      (store, model) => {
        store.setUsageWh(index, wh);
        while (model.usageWh.length <= index) model.usageWh.push(0);
        model.usageWh[index] = wh;
      },
  ),
  // Reads and hashes in between are where views go stale.
  fc.constant<Operation>((store) => void store.root()),
  fc.constant<Operation>((store) => void store.serialize()),
  fc.constant<Operation>((store) => void store.fork()),
  step.map(
    (of): Operation =>
      (store) =>
        void store.orders(of),
  ),
  fc.constant<Operation>((store) => void store.accounts()),
);

function expectSame(store: StateStore, model: Model): void {
  expect(store.market()).toEqual(model.market);
  expect(store.memberCount()).toBe(model.members.length);
  expect(store.accounts()).toEqual(model.accounts);
  for (let index = 0; index < MEMBERS; index++) {
    expect(store.member(index)).toEqual(model.members[index]);
    expect(store.account(index)).toEqual(model.accounts[index]);
    expect(store.reservedNanoEur(index)).toBe(model.reservedNanoEur[index]);
  }
  for (let index = 0; index < 4; index++) {
    expect(store.systemBalance(SYSTEM_ACCOUNT_BASE + index)).toEqual(model.systemBalances[index]);
  }
  for (const of of [0, 1, 2, 5, STEP_RING, STEP_RING + 1, 2 * STEP_RING]) {
    const book = model.steps[of % STEP_RING]!;
    const own = book.step === of ? book : StepBook.defaultValue();
    expect(store.stepScalars(of)).toEqual({
      trades: own.trades,
      wholesaleMicroEurPerKwh: own.wholesaleMicroEurPerKwh,
    });
    expect(store.orders(of)).toEqual(own.orders);
    expect(store.observations(of)).toEqual(own.observations);
    expect(store.readings(of)).toEqual(own.readings);
    expect(store.positions(of)).toEqual(own.positions);
  }
  for (const [index, wh] of model.usageWh.entries()) expect(store.usageWh(index)).toBe(wh);
  expect(store.usageWh(model.usageWh.length)).toBe(0);
  expect(store.miners()).toEqual(model.miners);
  expect(store.policy()).toEqual(model.policy);

  const root = store.root();
  const bytes = store.serialize();
  expect(bytes).toEqual(State.serialize(model));
  expect(root).toEqual(State.hashTreeRoot(model));
  expect(deserializeState(bytes)!.root()).toEqual(root);
}

function initial(): Model {
  return {
    ...State.defaultValue(),
    genesisRoot: new Uint8Array(32).fill(9),
    members: Array.from({ length: MEMBERS }, () => State.fields.members.elementType.defaultValue()),
    accounts: Array.from({ length: MEMBERS }, () => State.fields.accounts.elementType.defaultValue()),
    reservedNanoEur: Array.from({ length: MEMBERS }, () => 0n),
    miners: [{ member: 1, key: new Uint8Array(32).fill(3) }],
  };
}

describe('the state store', () => {
  it('reads back what a plain model holds, with the root of a state made anew from the bytes; forks never meet', () => {
    const branches = fc.array(
      fc.tuple(fc.nat(), fc.boolean(), fc.array(write, { minLength: 1, maxLength: 8 })),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(branches, (bursts) => {
        const pairs = [{ store: createStateStore(initial()), model: initial() }];
        for (const [pick, forkFirst, operations] of bursts) {
          let pair = pairs[pick % pairs.length]!;
          if (forkFirst) {
            pair = { store: pair.store.fork(), model: structuredClone(pair.model) };
            pairs.push(pair);
          }
          for (const operation of operations) operation(pair.store, pair.model);
          expectSame(pair.store, pair.model);
        }
        for (const { store, model } of pairs) expectSame(store, model);
      }),
      { numRuns: 60 },
    );
  });
});
