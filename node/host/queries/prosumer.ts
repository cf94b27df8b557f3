/** Handlers of `prosumer_*`. */
import { openSteps } from '../../market/windows.ts';
import { accountFromName, accountName, isSystemAccount } from '../../protocol/accounts.ts';
import type { StateStore } from '../../protocol/state-store.ts';
import { moneyToJson } from '../../rpc/codec.ts';
import { invalidParams, notFound } from '../../rpc/errors.ts';
import type { Result, RpcHandlers } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import type { NodeAccess } from '../access.ts';
import { accountOf, asOf, genesisOf, type Queries, tipState } from './queries.ts';

type ProsumerHandlers = Pick<RpcHandlers, 'prosumer_list' | 'prosumer_get'>;
type Prosumer = Result<'prosumer_list'>['items'][number];

interface Reading {
  state: StateStore;
  /** The first step that still takes orders. */
  openStep: number;
  miners: ReadonlySet<number>;
}

function read(access: NodeAccess): Reading {
  const state = tipState(access);
  return {
    state,
    openStep: openSteps(genesisOf(access), access.core.clockMs()).first,
    miners: new Set(state.miners().map((miner) => miner.member)),
  };
}

function statusOf(member: { status: number; suspendedUntilStep: number }, openStep: number) {
  if (member.status !== 0) return 'expelled';
  return member.suspendedUntilStep > openStep ? 'suspended' : 'active';
}

function prosumerOf({ state, openStep, miners }: Reading, index: number): Prosumer {
  const member = state.member(index);
  const account = state.account(index);
  return {
    id: accountName(index),
    neighbourhood: member.neighbourhood,
    connectionW: member.connectionW,
    pvWp: member.pvWp,
    batteryWh: member.batteryWh,
    miner: miners.has(index),
    status: statusOf(member, openStep),
    suspendedUntilStep: member.suspendedUntilStep,
    balanceNanoEur: moneyToJson(account.creditNanoEur - account.debitNanoEur),
    reservedNanoEur: moneyToJson(state.reservedNanoEur(index)),
    creditLimitNanoEur: moneyToJson(member.creditLimitNanoEur),
    p2pSteps: account.p2pSteps,
    gridSteps: account.gridSteps,
    bonusBps: account.bonusBps,
    penaltyBps: account.penaltyBps,
    importWh: account.importRegisterWh,
    exportWh: account.exportRegisterWh,
  };
}

function startOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const account = accountFromName(cursor);
  if (account === null || isSystemAccount(account)) throw invalidParams('cursor: not one of this method');
  return account;
}

export function prosumerHandlers({ access }: Queries): ProsumerHandlers {
  return {
    prosumer_list({ neighbourhood, limit, cursor }) {
      const reading = read(access);
      const items: Prosumer[] = [];
      let nextCursor: string | null = null;
      for (let index = startOf(cursor); index < reading.state.memberCount(); index++) {
        const isWanted =
          neighbourhood === undefined || reading.state.member(index).neighbourhood === neighbourhood;
        if (!isWanted) continue;
        if (items.length === limit) {
          nextCursor = accountName(index);
          break;
        }
        items.push(prosumerOf(reading, index));
      }
      return { items, nextCursor, asOf: asOf(access) };
    },
    prosumer_get({ id }) {
      const index = accountOf(access, id);
      if (isSystemAccount(index)) {
        throw notFound(
          'PROSUMER',
          `${id} is no member`,
          'community_getKpis has the balances of such accounts',
        );
      }
      const reading = read(access);
      const member = reading.state.member(index);
      const account = reading.state.account(index);
      return {
        ...prosumerOf(reading, index),
        key: toHex(member.key),
        meterKey: toHex(member.meterKey),
        latitudeMicroDeg: member.latitudeMicroDeg,
        longitudeMicroDeg: member.longitudeMicroDeg,
        heating: member.heating,
        residents: member.residents,
        areaM2: member.areaM2,
        yearBuilt: member.yearBuilt,
        creditNanoEur: moneyToJson(account.creditNanoEur),
        debitNanoEur: moneyToJson(account.debitNanoEur),
        substitutedWh: account.substitutedWh,
        nextMeteredStep: account.nextMeteredStep,
        asOf: asOf(access),
      };
    },
  };
}
