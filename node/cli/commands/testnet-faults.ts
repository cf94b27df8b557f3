/** The fault verbs of `wattmesh testnet`: declarations; the work is in testnet-fault-actions. */
import type { Argv } from 'yargs';
import { type TestnetOptions, withTestnetOptions } from '../options.ts';

const load = () => import('../testnet-fault-actions.ts');

function withJson<T>(y: Argv<T>): Argv<T & TestnetOptions & { json: boolean }> {
  return withTestnetOptions(y).option('json', {
    type: 'boolean',
    default: false,
    describe: 'JSON on stdout',
  }) as unknown as Argv<T & TestnetOptions & { json: boolean }>;
}

function onNode<T>(y: Argv<T>): Argv<T & TestnetOptions & { json: boolean; name: string }> {
  return withJson(y).positional('name', {
    type: 'string',
    demandOption: true,
    describe: 'node, such as n03',
  }) as unknown as Argv<T & TestnetOptions & { json: boolean; name: string }>;
}

function pauseCommands(y: Argv): Argv {
  return y
    .command(
      'pause <name>',
      'lets a node stand still with its connections open (SIGSTOP)',
      (options) => onNode(options).example('$0 testnet pause n03', 'then: $0 testnet resume n03'),
      async (args) => (await load()).pause(args),
    )
    .command(
      'resume <name>',
      'lets a paused node go on (SIGCONT)',
      (options) => onNode(options).example('$0 testnet resume n03', 'after: $0 testnet pause n03'),
      async (args) => (await load()).resume(args),
    );
}

function partitionCommands(y: Argv): Argv {
  return y
    .command(
      'partition [sets..]',
      'cuts sets of nodes off from each other; all others are one more set',
      (options) =>
        withJson(options)
          .positional('sets', { type: 'string', array: true, describe: 'such as n01,n02 n03,n04' })
          .option('halves', {
            type: 'boolean',
            default: false,
            describe: 'two sides with as many miners each',
          })
          .option('one-way', {
            type: 'boolean',
            default: false,
            describe: 'only what the first set sends vanishes; it still hears the others',
          })
          .example('$0 testnet partition n01,n02 n03', 'three sides: these two, n03, and the rest')
          .example('$0 testnet partition --halves', 'then: $0 testnet heal'),
      async (args) => (await load()).cut({ ...args, sets: (args.sets ?? []).map(String) }),
    )
    .command(
      'heal',
      'ends every partition and makes slow links fast again',
      (options) => withJson(options).example('$0 testnet heal', 'after: $0 testnet partition --halves'),
      async (args) => (await load()).heal(args),
    );
}

function slowCommand(y: Argv): Argv {
  return y.command(
    'slow <name>',
    'lets everything that a node sends leave later',
    (options) =>
      onNode(options)
        .option('delay', { type: 'number', demandOption: true, describe: 'ms' })
        .option('jitter', { type: 'number', default: 0, describe: 'ms at most on top, at random' })
        .option('kbit', { type: 'number', describe: 'kilobits per second to each peer (default: no limit)' })
        .example('$0 testnet slow n03 --delay 300 --jitter 50', 'then: $0 testnet heal'),
    async (args) => (await load()).slow(args),
  );
}

function skewCommand(y: Argv): Argv {
  return y.command(
    'skew <name> [offset]',
    'lets a node believe in another time',
    (options) =>
      onNode(options)
        .positional('offset', { type: 'string', describe: 'ahead: +14s, 300ms, 2m; right again: 0' })
        .option('behind', { type: 'string', describe: 'behind instead: 14s', conflicts: 'offset' })
        .example('$0 testnet skew n03 +14s', '14 seconds ahead')
        .example('$0 testnet skew n03 --behind 14s', '14 seconds behind'),
    async (args) => (await load()).skew(args),
  );
}

function corruptCommand(y: Argv): Argv {
  return y.command(
    'corrupt <name>',
    'flips bits in the database of a node; a running one is stopped and started again',
    (options) =>
      onNode(options)
        .option('seed', { type: 'string', default: '1', describe: 'which bits follows from it' })
        .option('bytes', { type: 'number', default: 3, describe: 'how many bytes are touched' })
        .example('$0 testnet corrupt n03 --seed 7', 'then: $0 chain verify --node n03'),
    async (args) => (await load()).corrupt(args),
  );
}

function membershipCommands(y: Argv): Argv {
  return y
    .command(
      'add',
      'one more full node with a fresh identity, which belongs to no member',
      (options) => withJson(options).example('$0 testnet add', 'then: $0 status --node x01'),
      async (args) => (await load()).add(args),
    )
    .command(
      'rm <name>',
      'ends a node for good and deletes its data',
      (options) => onNode(options).example('$0 testnet rm x01', 'after: $0 testnet add'),
      async (args) => (await load()).rm(args),
    );
}

function chaosCommand(y: Argv): Argv {
  return y.command(
    'chaos <scenario>',
    'a scenario of faults on real processes, judged by what the nodes say; exit code 7: a promise was broken',
    (options) =>
      withJson(options)
        .positional('scenario', {
          type: 'string',
          demandOption: true,
          describe: 'see docs/guides/chaos.md; kill-minority, split-5-5, storm and others',
        })
        .option('seed', { type: 'string', default: '42', describe: 'which nodes and when follows from it' })
        .option('minutes', { type: 'number', default: 5, describe: 'length of a storm' })
        .option('kills', { type: 'number', default: 12, describe: 'kills of kill-minority' })
        .option('quick', { type: 'boolean', default: false, describe: 'shorter faults of the same shape' })
        .example('$0 testnet chaos split-5-5', 'on a new testnet, which is taken down again')
        .example('$0 testnet chaos kill-minority --kills 100', 'a hundred SIGKILLs')
        .example('$0 testnet chaos storm --minutes 10 --dir ./net', 'on the running testnet of ./net'),
    async (args) => (await load()).chaos(args),
  );
}

/** Registers the fault verbs in the group `testnet`. */
export function faultCommands(y: Argv): Argv {
  const groups = [
    pauseCommands,
    partitionCommands,
    slowCommand,
    skewCommand,
    corruptCommand,
    membershipCommands,
    chaosCommand,
  ];
  for (const register of groups) register(y);
  return y;
}
