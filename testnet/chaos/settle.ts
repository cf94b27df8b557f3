/** After the faults: waits until every promise can be judged, and judges them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ManifestNode } from '../manifest.ts';
import { callOf } from '../rpc.ts';
import type { Accounts, Ledger, TransactionOutside, Violation } from './ledger.ts';
import type { Observer } from './observer.ts';
import { type Outcome, outcomeOf, ownerOf } from './outcomes.ts';
import type { ChaosContext, Scenario } from './scenario.ts';

const ONE_TIP_LIMIT_MS = 60_000;
const FINALITY_LIMIT_MS = 120_000;
const OUTCOME_LIMIT_MS = 120_000;
const POLL_MS = 500;
const ANSWER_LIMIT_MS = 4000;

export interface Settled {
  accounts: Accounts;
  expired: number;
  pending: number;
  silent: number;
}

async function finalHeights(context: ChaosContext): Promise<{ name: string; height: number | null }[]> {
  return Promise.all(
    context.addresses().map(async ({ name, url }) => {
      const info = await callOf({ url, timeoutMs: ANSWER_LIMIT_MS })('chain_getInfo', {}).catch(() => null);
      return { name, height: info?.finalHeight ?? null };
    }),
  );
}

/** Until every node calls a block final that none did when the faults ended. */
async function waitFinality(context: ChaosContext): Promise<void> {
  const before = Math.max(0, ...(await finalHeights(context)).map(({ height }) => height ?? 0));
  const endMs = performance.now() + FINALITY_LIMIT_MS;
  for (;;) {
    context.signal.throwIfAborted();
    const behind = (await finalHeights(context)).filter(({ height }) => height === null || height <= before);
    if (behind.length === 0) return;
    if (performance.now() > endMs) {
      return context.violate({
        invariant: 'finality returns',
        nodes: behind.map(({ name }) => name),
        heights: behind.map(({ height }) => height ?? 0),
        detail: `no block above ${before} became final within ${FINALITY_LIMIT_MS / 1000} s`,
      });
    }
    await delay(POLL_MS);
  }
}

interface Question {
  transaction: TransactionOutside;
  outcome: Outcome;
}

/** Asks for every transaction outside the chain until none that was in a block waits any more. */
async function askOutcomes(
  context: ChaosContext,
  parts: { scenario: Scenario; ledger: Ledger; observer: Observer; reference: () => string },
): Promise<{ accounts: Accounts; questions: Question[] }> {
  const { scenario, ledger, observer } = parts;
  const { nodes } = context.testnet.manifest;
  const expired = new Set<string>();
  const endMs = performance.now() + OUTCOME_LIMIT_MS;
  for (;;) {
    context.signal.throwIfAborted();
    await observer.look();
    const accounts = ledger.account(parts.reference());
    const questions: Question[] = [];
    for (const transaction of accounts.outside) {
      const outcome = expired.has(transaction.id)
        ? 'expired'
        : await outcomeOf(transaction, {
            addresses: context.addresses(),
            nodes,
            anybody: !scenario.accounting,
          });
      if (outcome === 'expired') expired.add(transaction.id);
      questions.push({ transaction, outcome });
    }
    const open = questions.filter(
      ({ transaction, outcome }) => transaction.wasIncluded && outcome !== 'expired',
    );
    if (open.length === 0 || performance.now() > endMs) return { accounts, questions };
    await delay(POLL_MS);
  }
}

/** Which broken promises the accounts show. */
export function accountViolations(
  scenario: Pick<Scenario, 'partitions' | 'accounting'>,
  accounts: Accounts,
  questions: readonly { transaction: TransactionOutside; outcome: Outcome }[],
  nodes: readonly ManifestNode[],
): Violation[] {
  const found: Violation[] = [];
  const lost = (invariant: string, ids: readonly string[]): void => {
    if (ids.length === 0) return;
    found.push({
      invariant,
      nodes: [],
      heights: [],
      detail: `${ids.length} lost: ${ids.slice(0, 5).join(' ')}`,
    });
  };
  lost('no final transaction is lost', accounts.finalLost);
  if (!scenario.partitions) lost('no confirmed transaction is lost', accounts.confirmedLost);
  if (!scenario.accounting) return found;
  const silent = questions.filter(
    ({ transaction, outcome }) => outcome === 'silent' || (transaction.wasIncluded && outcome === 'pending'),
  );
  if (silent.length > 0) {
    const owners = silent.flatMap(({ transaction }) => ownerOf(transaction.account, nodes) ?? []);
    const shown = silent
      .slice(0, 5)
      .map(({ transaction: { kind, id }, outcome }) => `${kind} ${id} ${outcome}`);
    found.push({
      invariant: 'every transaction is in the chain or its owner hears that it expired',
      nodes: [...new Set(owners)],
      heights: [],
      detail: `${silent.length} unaccounted: ${shown.join(', ')}`,
    });
  }
  return found;
}

/** Waits for one tip, finality and outcomes; broken promises go to the context. */
export async function settle(
  context: ChaosContext,
  parts: { scenario: Scenario; ledger: Ledger; observer: Observer; reference: () => string },
): Promise<Settled> {
  const together = await context.waitOneTip({ limitMs: ONE_TIP_LIMIT_MS });
  // Where a node is missing the verdict is clear already: no need to wait for what cannot come.
  if (together.size === context.addresses().length) await waitFinality(context);
  const { accounts, questions } = await askOutcomes(context, parts);
  const violations = accountViolations(parts.scenario, accounts, questions, context.testnet.manifest.nodes);
  for (const violation of violations) context.violate(violation);
  const how = (outcome: Outcome) => questions.filter((question) => question.outcome === outcome).length;
  return { accounts, expired: how('expired'), pending: how('pending'), silent: how('silent') };
}
