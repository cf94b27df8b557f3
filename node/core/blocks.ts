/** Blocks from peers: by gossip, by sync, and those that came before their time. */
import { violation } from '../market/violation.ts';
import { blockId, decode, transactionsRoot } from '../protocol/codec.ts';
import { Block, type SignedHeader } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { advance, emit, type Machine, penalise } from './machine.ts';

export function onBlockGossip(
  machine: Machine,
  message: { messageId: string; from: string; bytes: Uint8Array },
): void {
  const { messageId, from } = message;
  const block = decode(Block, message.bytes);
  const verdict = block === null ? 'reject' : addBlock(machine, block, from);
  emit(machine, { type: 'verdict', messageId, from, verdict });
  if (block !== null) advance(machine);
}

/** Header and body of a block. The verdict needs no execution, so that relay does not wait for it. */
function addBlock(machine: Machine, block: Block, from: string): 'accept' | 'ignore' | 'reject' {
  const { chain, sync, later } = machine;
  const { parent: parentId, author } = block.signedHeader.header.body;
  const parent = chain.node(toHex(parentId));
  const hasSibling = parent !== undefined && chain.hasChildBy(parent, author);
  const result = chain.addHeader(block.signedHeader, machine.now.wallMs);
  switch (result.outcome) {
    case 'orphan':
      sync.askHeaders(from);
      return 'ignore';
    case 'later':
      later.push({ block, from, dueWallMs: result.dueMs });
      if (later.length > machine.limits.laterBlocks) later.shift();
      return 'ignore';
    case 'stale':
      return 'ignore';
    case 'invalid':
      // Blocks are relayed before they are executed: the sender need not know yet what is wrong with the parent.
      if (result.violation.code === 'BLOCK_PARENT_INVALID') return 'ignore';
      penalise(machine, from, 100, result.violation);
      return 'reject';
    default: {
      if (chain.block(result.node.idHex) !== undefined) return 'ignore';
      const refused = chain.addBody(result.node, block);
      if (refused) {
        penalise(machine, from, 50, refused);
        return 'reject';
      }
      // An author has one block to give on a parent: others are kept, for somebody may build on them, but not spread.
      return result.outcome === 'added' && !hasSibling ? 'accept' : 'ignore';
    }
  }
}

export function onBlocksAnswer(
  machine: Machine,
  answer: { peer: string; blocks: Block[]; asked: string[] },
): void {
  const { peer, blocks, asked } = answer;
  if (blocks.some((block, i) => toHex(blockId(block.signedHeader.header)) !== asked[i])) {
    machine.sync.unhelpful(peer);
    return penalise(
      machine,
      peer,
      50,
      violation('PEER_BLOCKS', 'it answers with blocks that nobody asked for'),
    );
  }
  if (blocks.length === 0) machine.sync.unhelpful(peer);
  for (const block of blocks) if (!repair(machine, block)) addBlock(machine, block, peer);
  advance(machine);
}

/** A block that is still in memory is written anew; any other must come from a peer. */
export function onDamaged(machine: Machine, height: number): void {
  const { chain, repairs } = machine;
  const node = chain.mainChainAt(height);
  if (node === null || node.parent === null) return;
  const block = chain.block(node.idHex);
  if (block !== undefined) emit(machine, { type: 'repaired', node, block });
  else repairs.set(node.idHex, node);
}

/** Hands a block that is damaged on disk to the host; its header, and so its body's root, was checked long ago. */
function repair(machine: Machine, block: Block): boolean {
  const node = machine.repairs.get(toHex(blockId(block.signedHeader.header)));
  if (node === undefined) return false;
  if (!equalBytes(transactionsRoot(block.transactions), node.signed.header.body.transactionsRoot))
    return false;
  machine.repairs.delete(node.idHex);
  emit(machine, { type: 'repaired', node, block });
  return true;
}

export function onHeadersAnswer(
  machine: Machine,
  answer: { peer: string; headers: SignedHeader[]; asked: string[] },
): void {
  const { peer, headers, asked } = answer;
  let added = 0;
  for (const signed of headers) {
    const result = machine.chain.addHeader(signed, machine.now.wallMs);
    if (result.outcome === 'added') added++;
    // A peer answers with its main chain, which it has executed.
    if (result.outcome === 'invalid') penalise(machine, peer, 100, result.violation);
    if (result.outcome === 'known' && machine.chain.isInvalid(result.node.idHex)) {
      penalise(machine, peer, 100, violation('BLOCK_PARENT_INVALID', 'a block of its chain breaks a rule'));
      break;
    }
    // What the locator named may have been let go of since.
    if (result.outcome === 'orphan' && !asked.includes(toHex(signed.header.body.parent))) {
      penalise(machine, peer, 20, violation('PEER_HEADERS', 'the headers do not follow the locator'));
    }
    if (result.outcome !== 'added' && result.outcome !== 'known') break;
  }
  if (added === 0) machine.sync.unhelpful(peer);
  advance(machine);
}

/** Tries again the blocks whose time has come. */
export function retryLater(machine: Machine): void {
  const { wallMs } = machine.now;
  const due = machine.later.filter((entry) => entry.dueWallMs <= wallMs);
  if (due.length === 0) return;
  machine.later = machine.later.filter((entry) => entry.dueWallMs > wallMs);
  for (const { block, from } of due) addBlock(machine, block, from);
  advance(machine);
}
