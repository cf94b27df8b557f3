/** `wattmesh chain info|block|verify|proof`. */
import type { Argv } from 'yargs';
import { WattmeshError } from '../../util/errors.ts';
import { withNodeOptions } from '../options.ts';
import { fieldLines, kwhText, priceText, printResult, tableLines, timeText } from '../output.ts';

function infoCommand(y: Argv): Argv {
  return y.command(
    'info',
    'tip, finality, work and market clock',
    (options) => withNodeOptions(options).example('$0 chain info --json', 'as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const info = await (await findNode(args)).client.call('chain_getInfo');
      printResult(args.json, info, () =>
        fieldLines([
          ['height', info.height],
          ['hash', info.hash],
          ['author', info.author],
          ['time', timeText(info.timestampMs)],
          ['state root', info.stateRoot],
          ['final', `${info.finalHeight} ${info.finalHash}`],
          ['finality', info.finality.reached ? 'reached' : `no quorum of ${info.finality.quorum} authors`],
          ['mean spacing', info.meanBlockMs === null ? null : `${info.meanBlockMs} ms`],
          ['leading zeros', info.leadingZeros],
          ['step', `${info.step} ${info.phase}`],
          [
            'reorganisations',
            `${info.reorgs} (deepest ${info.maxReorgDepth}), stale blocks ${info.staleBlocks}`,
          ],
          ['safe mode', info.safeMode ?? 'no'],
        ]),
      );
    },
  );
}

function blockCommand(y: Argv): Argv {
  return y.command(
    'block <id>',
    'one block, by height or hash',
    (options) =>
      withNodeOptions(options)
        .positional('id', { type: 'string', demandOption: true, describe: 'height or hash' })
        .option('full', { type: 'boolean', default: false, describe: 'whole transactions, not their ids' })
        .example('$0 chain block 12', 'by height')
        .example('$0 chain block 12 --full --json', 'with everything in it'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const id =
        args.id.length < 12 && /^\d+$/.test(args.id) ? { height: Number(args.id) } : { hash: args.id };
      const block = await client.call('chain_getBlock', { ...id, transactions: args.full ? 'full' : 'ids' });
      const trades = block.receipts?.trades ?? [];
      printResult(args.json, block, () => [
        ...fieldLines([
          ['height', block.height],
          ['hash', block.hash],
          ['parent', block.parent],
          ['author', block.author],
          ['time', timeText(block.timestampMs)],
          ['target', block.targetHex],
          ['state root', block.stateRoot],
          ['transactions', block.transactions.length],
          ['confirmations', `${block.confirmations}${block.final ? ', final' : ''}`],
          ['main chain', block.mainChain ? 'yes' : 'no'],
        ]),
        ...(trades.length === 0
          ? []
          : tableLines(
              ['TRADE', 'KIND', 'SELLER', 'BUYER', '>kWh', '>EUR/kWh'],
              trades.map((trade) => [
                trade.id.slice(0, 16),
                trade.kind,
                trade.seller,
                trade.buyer,
                kwhText(trade.energyWh),
                priceText(trade.priceMicroEurPerKwh),
              ]),
            )),
      ]);
    },
  );
}

function verifyCommand(y: Argv): Argv {
  return y.command(
    'verify',
    'reads every block of a node back and executes it again',
    (options) =>
      withNodeOptions(options)
        .option('from', { type: 'number', describe: 'first height' })
        .option('to', { type: 'number', describe: 'last height (default: the tip)' })
        .example('$0 chain verify --node n03', 'exit code 7 when a block is damaged'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode({ ...args, timeout: Math.max(args.timeout, 300) });
      const range = {
        ...(args.from === undefined ? {} : { from: args.from }),
        ...(args.to === undefined ? {} : { to: args.to }),
      };
      const result = await client.call('chain_verify', range);
      const failure = result.firstFailure;
      printResult(args.json, result, () => [
        `${result.checked} blocks from ${result.from} to ${result.to} in ${result.durationMs} ms: ${result.ok ? 'sound' : 'DAMAGED'}`,
        ...(result.stateRoot === null ? [] : [`state root ${result.stateRoot}`]),
        ...result.damage.map(
          ({ what, height, hash, reason, repaired }) =>
            `${[what, height, hash].filter((part) => part !== null).join(' ')}: ${reason}; ${repaired ? 'repaired' : 'not repaired yet'}`,
        ),
      ]);
      if (result.ok) return;
      throw new WattmeshError({
        code: 'CHECK_FAILED',
        message:
          failure === null
            ? 'the chain does not verify'
            : `block ${failure.height} is damaged: ${failure.message} (${failure.rule})`,
        remedy:
          'the node fetches damaged blocks from its peers; verify again in a moment, or restart the node',
      });
    },
  );
}

function proofCommand(y: Argv): Argv {
  return y.command(
    'proof [trade]',
    'a proof of a trade or transaction, checked here against its block hash',
    (options) =>
      withNodeOptions(options)
        .positional('trade', { type: 'string', describe: 'id of a trade' })
        .option('tx', { type: 'string', describe: 'id of a transaction instead' })
        .conflicts('tx', 'trade')
        .check((args) => {
          if (args.trade === undefined && args.tx === undefined)
            throw new Error('name a trade, or a transaction by --tx');
          return true;
        })
        .example('$0 chain proof 7b02ce41…', 'a trade by its id (market trades lists them)'),
    async (args) => {
      const [{ findNode }, { proofRoot }] = await Promise.all([
        import('../target.ts'),
        import('../proof.ts'),
      ]);
      const { client } = await findNode(args);
      const subject = args.trade === undefined ? { transactionId: args.tx! } : { tradeId: args.trade };
      const proof = await client.call('chain_getProof', subject);
      const verified = proofRoot(proof) === proof.blockHash;
      printResult(args.json, { ...proof, verified }, () =>
        fieldLines([
          ['subject', `${proof.subject} ${proof.leaf}`],
          ['block', `${proof.blockHeight} ${proof.blockHash}`],
          ['confirmations', `${proof.confirmations}${proof.final ? ', final' : ''}`],
          ['branch', `${proof.branch.length} hashes, generalised index ${proof.gindex}`],
          ['verified', verified ? 'yes: the branch leads to the block hash' : 'NO'],
        ]),
      );
      if (verified) return;
      throw new WattmeshError({
        code: 'PROOF_INVALID',
        message: 'the branch does not lead to the block hash',
        remedy: 'do not trust this node; ask another one',
      });
    },
  );
}

export function chainCommand(y: Argv): Argv {
  return y.command('chain', 'blocks, verification and proofs', (group) => {
    for (const register of [infoCommand, blockCommand, verifyCommand, proofCommand]) register(group);
    return group.demandCommand(1, 'name one of: info, block, verify, proof');
  });
}
