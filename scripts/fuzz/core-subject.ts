/** A core under test with its clock, and what every step of it promises. */
import type { CoreEvent, Effect } from '../../node/core/events.ts';
import { type Core, createCore } from '../../node/core/node.ts';
import { accountSigner } from '../../node/market/testing.ts';
import { decode } from '../../node/protocol/codec.ts';
import { Block } from '../../node/protocol/types.ts';
import { MAX_ANSWER_BYTES, MAX_HEADERS, PROTOCOLS, TransactionBatch } from '../../node/protocol/wire.ts';
import { toHex } from '../../node/util/bytes.ts';
import { createRng } from '../../node/util/rng.ts';
import { promise } from './interface.ts';
import type { World } from './world.ts';

const START_HEIGHT = 34;
/** Member 0 mines here. */
const MINER = 0;
/** Small, so that an input can pass them. */
const LIMITS = { mempoolCount: 12, laterBlocks: 1, sideHeaders: 64, bodyRequests: 2 };
const MAX_RESPONSE_BYTES = 1_114_112;

type Request = Extract<Effect, { type: 'request' }>;
type Answering = Extract<Effect, { type: 'respond' | 'respondBlocks' }>;

/** A core, its clock, and what it wants of the world. */
export interface Subject {
  core: Core;
  clock: { wallMs: number; monoMs: number };
  connected: Set<string>;
  requests: Request[];
  batches: number[];
  job: Extract<Effect, { type: 'mine' }> | null;
  /** Parents of own blocks that were published. */
  signedOn: Set<string>;
  outcomes: Set<string>;
}

export function createSubject(world: World): Subject {
  const { timestampMs } = world.trunk[START_HEIGHT - 1]!.node;
  const core = createCore({
    rules: world.rules,
    start: world.startAt(START_HEIGHT),
    replay: [],
    snapshotHeights: [],
    miner: { member: MINER, signer: accountSigner(MINER), ownBlocks: [] },
    mining: false,
    rng: createRng(1n),
    limits: LIMITS,
  });
  const clock = { wallMs: timestampMs, monoMs: 0 };
  const [requests, batches, job]: [Request[], number[], null] = [[], [], null];
  return {
    core,
    clock,
    connected: new Set(),
    requests,
    batches,
    job,
    signedOn: new Set(),
    outcomes: new Set(),
  };
}

/** Performs an event and checks what every step promises. */
export function step(subject: Subject, event: CoreEvent): Effect[] {
  const { core, clock } = subject;
  const before = core.chain.tip();
  const effects = core.step(event, { ...clock });
  const last = effects.at(-1);
  promise(last?.type === 'wake' && last.atMonoMs >= clock.monoMs, 'a step does not end with the next wake');
  const verdicts = effects.filter((effect) => effect.type === 'verdict');
  if (event.type === 'gossip' && !isMeaningful(event)) {
    promise(verdicts[0]?.verdict === 'reject', 'a message that says nothing is not rejected');
  }
  promise(
    verdicts.length === (event.type === 'gossip' ? 1 : 0),
    `${verdicts.length} verdicts on ${event.type}`,
  );
  const answers = effects.filter((effect) => effect.type === 'respond' || effect.type === 'respondBlocks');
  promise(
    answers.length === (event.type === 'request' ? 1 : 0),
    `${answers.length} answers to ${event.type}`,
  );
  for (const answer of answers) checkAnswer(subject, answer);
  for (const effect of effects) note(subject, effect);
  const { tip, final } = core.chain;
  promise(tip().height >= final().height, 'the final block is above the tip');
  if (tip() !== before) subject.outcomes.add(tip().parent === before ? 'grew' : 'moved');
  checkSizes(subject);
  return effects;
}

/** Whether a message decodes to a block, or to a batch that holds something. */
function isMeaningful({ topic, bytes }: Extract<CoreEvent, { type: 'gossip' }>): boolean {
  return topic === 'block'
    ? decode(Block, bytes) !== null
    : (decode(TransactionBatch, bytes) ?? []).length > 0;
}

function checkAnswer(subject: Subject, answer: Answering): void {
  if (answer.type === 'respondBlocks') {
    promise(answer.blocks.length <= 64, 'more blocks than one may ask for');
    subject.outcomes.add(answer.blocks.length > 0 ? 'blocks' : 'no-blocks');
  } else {
    const bytes = answer.bytes?.length ?? 0;
    promise(bytes <= MAX_RESPONSE_BYTES, `an answer of ${bytes} bytes`);
    subject.outcomes.add(answer.bytes === null ? 'request-refused' : 'request-answered');
  }
}

function checkSizes({ core, connected }: Subject): void {
  const sizes = core.sizes();
  promise(sizes.mempool! <= LIMITS.mempoolCount, `${sizes.mempool} transactions wait`);
  promise(sizes.later! <= LIMITS.laterBlocks, `${sizes.later} blocks wait for their time`);
  promise(sizes.pendingRequests! <= PROTOCOLS.length * connected.size, `${sizes.pendingRequests} requests`);
  // An answer is taken whole; what is too much goes with the next change of the chain.
  promise(sizes.sideHeaders! <= LIMITS.sideHeaders + MAX_HEADERS, `${sizes.sideHeaders} headers aside`);
}

function note(subject: Subject, effect: Effect): void {
  const { outcomes } = subject;
  switch (effect.type) {
    case 'request':
      promise(subject.connected.has(effect.peer), 'somebody is asked who is not connected');
      subject.requests.push(effect);
      return;
    case 'persist':
      subject.batches.push(effect.batch.batch);
      return;
    case 'mine':
      subject.job = effect;
      return;
    case 'stopMining':
      subject.job = null;
      return;
    case 'verdict':
      outcomes.add(effect.verdict);
      return;
    case 'penalise':
      promise(effect.points > 0 && effect.points <= 100, `${effect.points} points`);
      outcomes.add(effect.reason.split(':')[0]!.toLowerCase());
      return;
    case 'publish': {
      promise(effect.bytes.length <= MAX_ANSWER_BYTES, 'a message over the limit');
      if (effect.topic === 'tx')
        return void promise(decode(TransactionBatch, effect.bytes) !== null, 'no batch');
      const block = decode(Block, effect.bytes);
      promise(block !== null, 'what is published does not decode');
      const parent = toHex(block.signedHeader.header.body.parent);
      promise(!subject.signedOn.has(parent), 'two own blocks on one parent');
      subject.signedOn.add(parent);
      outcomes.add('published');
    }
  }
}
