/** The block validator: valid blocks with changes, mined and signed so that they reach the rule in question. */
import { buildBody } from '../../../node/consensus/apply-block.ts';
import { type ChainRules, earliestTimestampMs, targetAfter } from '../../../node/consensus/header.ts';
import { type HeaderNode, marketClockMs } from '../../../node/consensus/header-chain.ts';
import { signHeader } from '../../../node/consensus/testing.ts';
import { type Chain, createChain } from '../../../node/core/chain.ts';
import { decode, encode, transactionsRoot } from '../../../node/protocol/codec.ts';
import { Block, type HeaderBody, type Transaction } from '../../../node/protocol/types.ts';
import { equalBytes } from '../../../node/util/bytes.ts';
import { transactionFrom } from '../bodies.ts';
import { type OpenTarget, promise, type Target } from '../interface.ts';
import { createReader, type Reader, randomInputs } from '../reader.ts';
import { theWorld, type World } from '../world.ts';
import { checkState } from './transactions.ts';

const START_HEIGHT = 20;
const MAX_BLOCKS = 5;
const MINERS = 10;

/** Changes one field of a header before the work is done; false: it was left alone. */
function changeHeader(reader: Reader, body: HeaderBody, parent: HeaderNode): boolean {
  const root = () => reader.bytes(32);
  switch (reader.below(16)) {
    case 1:
      body.version = reader.edge32([1]);
      break;
    case 2:
      body.height = reader.edge32([parent.height, parent.height + 1, parent.height + 2]);
      break;
    case 3:
      body.parent = root();
      break;
    case 4:
      body.timestampMs =
        parent.timestampMs + reader.edge32([0, 199, 200, 2000, 12_000, 24_000]) - reader.below(2);
      break;
    case 5:
      // Never below the rule's: the work has to be done.
      body.target += BigInt(reader.below(2));
      break;
    case 6:
      body.author = reader.edge32([0, 9, 10, 11, 12]);
      break;
    case 7:
      body.transactionsRoot = root();
      break;
    case 8:
      body.receiptsRoot = root();
      break;
    case 9:
      body.stateRoot = root();
      break;
    case 10:
      body.minersRoot = root();
      break;
    default:
      return false;
  }
  return true;
}

interface Made {
  block: Block;
  /** Nothing was changed: it must be taken. */
  honest: boolean;
}

/** Transactions that do not belong: unordered, doubled, against a rule, or left out. */
function changeBody(
  reader: Reader,
  rules: ChainRules,
  transactions: Transaction[],
  clockMs: number,
): Transaction[] {
  switch (reader.below(5)) {
    case 0:
      return [...transactions].reverse();
    case 1:
      return [...transactions, ...transactions.slice(0, 1)];
    case 2:
      return [...transactions, transactionFrom(reader, rules, clockMs)];
    case 3:
      return transactions.slice(1);
    default:
      return [transactionFrom(reader, rules, clockMs), ...transactions];
  }
}

function blockFrom(reader: Reader, world: World, on: { parent: HeaderNode; chain: Chain }): Made {
  const { parent, chain } = on;
  const { rules } = world;
  const author = reader.below(MINERS);
  const clockMs = marketClockMs(parent);
  const offered = world.transactions.filter(() => reader.oneIn(4)).slice(0, 8);
  const built = buildBody(rules, { parentState: chain.execution(parent).state, clockMs, author }, offered);
  const { receiptsRoot, stateRoot, minersRoot } = built.execution;
  const { transactions } = built;
  const { spacingMs } = rules.genesis.params;
  const timestampMs = Math.max(earliestTimestampMs(parent, spacingMs), parent.timestampMs + spacingMs);
  const body: HeaderBody = {
    ...parent.signed.header.body,
    height: parent.height + 1,
    parent: parent.id,
    timestampMs,
    target: targetAfter(parent, spacingMs),
    author,
    transactionsRoot: transactionsRoot(transactions),
    receiptsRoot,
    stateRoot,
    minersRoot,
  };
  let honest = true;
  let sent = transactions;
  if (reader.oneIn(3)) {
    sent = changeBody(reader, rules, transactions, clockMs);
    // The header may stand for the changed body, so that execution has to find the fault.
    if (reader.bool()) body.transactionsRoot = transactionsRoot(sent);
    honest = false;
  }
  if (changeHeader(reader, body, parent)) honest = false;
  const works = !reader.oneIn(12);
  const header = { body, nonce: works ? world.search(body) : reader.bytes(32) };
  const signer = reader.oneIn(12) ? (author + 1) % MINERS : body.author;
  const signed = signHeader(rules, header, signer);
  if (signer !== body.author || !works) honest = false;
  return { block: { signedHeader: signed, transactions: sent }, honest };
}

/** What holds of a chain after every block, whatever it was. */
function checkChain(chain: Chain): void {
  const tip = chain.tip();
  const execution = chain.execution(tip);
  promise(
    equalBytes(execution.stateRoot, tip.signed.header.body.stateRoot),
    'the state is not that of the tip',
  );
  promise(equalBytes(execution.state.root(), execution.stateRoot), 'the kept state was changed');
  promise(
    chain.mainChainAt(tip.height) === tip && !chain.isInvalid(tip.idHex),
    'the tip is not on the main chain',
  );
  checkState(execution.state);
}

/** Gives a block to the chain as the core does; the outcome in a word. */
function feed(chain: Chain, made: Made, nowMs: number): string {
  const before = chain.tip();
  const received = decode(Block, encode(Block, made.block));
  promise(received !== null, 'an encoded block does not decode');
  const result = chain.addHeader(received.signedHeader, nowMs);
  if (result.outcome !== 'added' && result.outcome !== 'known') {
    promise(!made.honest || result.outcome === 'later', `an honest header is ${result.outcome}`);
    promise(chain.tip() === before, 'a refused header moved the tip');
    return result.outcome === 'invalid' ? result.violation.code.toLowerCase() : result.outcome;
  }
  const refused = chain.addBody(result.node, received);
  promise(!made.honest || refused === null, 'an honest body is refused');
  if (refused !== null) return 'block_body';
  const { invalid } = chain.advance(() => false);
  const tip = chain.tip();
  const justified = (node: HeaderNode) => chain.justifiedHeight(node);
  promise(tip.work >= before.work || justified(tip) > justified(before), 'the tip lost work');
  const [first] = invalid;
  promise(!made.honest || first === undefined, `an honest block is invalid: ${first?.violation.code}`);
  if (first === undefined) return tip === result.node ? 'tip' : 'side';
  promise(tip !== first.node && chain.isInvalid(first.node.idHex), 'an invalid block is the tip');
  return first.violation.code.toLowerCase();
}

async function openBlocks(): Promise<OpenTarget> {
  const world = await theWorld();
  const start = world.startAt(START_HEIGHT);
  const nowMs = world.trunk[START_HEIGHT - 1]!.node.timestampMs + 4 * world.rules.genesis.params.spacingMs;
  return {
    seeds: randomInputs(2, 24, 300),
    run(input) {
      const reader = createReader(input);
      const chain = createChain(world.rules, start);
      const outcomes = new Set<string>();
      for (let count = 0; count < MAX_BLOCKS && (reader.more() || count === 0); count++) {
        const parent = reader.oneIn(4) ? (chain.tip().parent ?? chain.tip()) : chain.tip();
        // States below the start are not kept: there is nothing to build on.
        const base = parent.height < START_HEIGHT ? chain.tip() : parent;
        outcomes.add(feed(chain, blockFrom(reader, world, { parent: base, chain }), nowMs));
        checkChain(chain);
      }
      promise(chain.sizes().sideHeaders <= MAX_BLOCKS, 'more headers aside than were sent');
      return [...outcomes].join(' ');
    },
  };
}

export const blockTargets: readonly Target[] = [
  {
    name: 'block-validator',
    about:
      'addHeader, addBody and advance on changed blocks with true work: honest ones are taken, no other moves the tip',
    maxBytes: 1024,
    briefRuns: 120,
    mustReach: ['tip', 'block_body', 'block_work', 'block_signature', 'block_author', 'block_state_root'],
    open: openBlocks,
  },
];
