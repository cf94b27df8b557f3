/** The live view of a testnet: pure text from what was observed, and the terminal that shows it in place. */
import type pc from 'picocolors';
import type { CommunityView, NodeView, TestnetView } from './observe.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export interface ViewFrame {
  title: string;
  view: TestnetView;
  steps: number;
  /** 0 to 1. */
  progress: number;
  /** Wall time still expected. */
  remainingMs: number;
  roles: ReadonlyMap<string, readonly string[]>;
}

const BAR_CELLS = 32;
const eurPerKwh = (micro: number): string => (micro / 1_000_000).toFixed(3);
const kwh = (wh: number): string => (wh / 1000).toFixed(1);

/** m:ss */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function hashRateText(hashesPerSecond: number | null): string {
  return hashesPerSecond === null ? '-' : `${(hashesPerSecond / 1000).toFixed(1)} kH/s`;
}

function nodeLine(node: NodeView, roles: readonly string[], colors: Colors): string {
  const marks = ['miner', 'oracle', 'regulator']
    .filter((role) => roles.includes(role))
    .map((role) => role[0]);
  const name = `${node.name.padEnd(5)} ${marks.join('').padEnd(4)}`;
  if (node.up === null) return `${name} ${colors.red('DOWN')}`;
  const { height, hash, finalHeight, peers, blocksMined, hashesPerSecond } = node.up;
  const cells = [
    String(height).padStart(7),
    `${hash.slice(0, 10)}…`.padStart(13),
    String(finalHeight).padStart(7),
    String(peers).padStart(6),
    (hashesPerSecond === null ? '-' : String(blocksMined)).padStart(6),
    hashRateText(hashesPerSecond).padStart(11),
  ];
  return `${name}${cells.join('')}`;
}

function pricesText(community: CommunityView): string {
  if (community.prices === null) return 'no price yet';
  const prices = community.prices.microEurPerKwh;
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const range = low === high ? eurPerKwh(low) : `${eurPerKwh(low)}-${eurPerKwh(high)}`;
  return `step ${community.prices.step} at ${range} EUR/kWh`;
}

/** Reorganisations that any node saw. */
function forksOf(view: TestnetView): number {
  return Math.max(0, ...view.nodes.map((node) => node.up?.reorgs ?? 0));
}

function stepText(community: CommunityView, steps: number): string {
  if (community.step < 0) return `before step 0 of ${steps}`;
  return community.step < steps ? `step ${community.step} of 0-${steps - 1}` : `all ${steps} steps delivered`;
}

function communityLines(frame: ViewFrame, colors: Colors): string[] {
  const { community } = frame.view;
  if (community === null) return [colors.red('no node answers')];
  const final = community.finality ? String(community.finalHeight) : `${community.finalHeight} (no quorum)`;
  const market = `market ${kwh(community.auctionWh)} kWh, contracts ${kwh(community.p2pWh)} kWh`;
  const grid = `aggregator ${kwh(community.gridBuyWh)} kWh bought, ${kwh(community.gridSellWh)} kWh sold`;
  return [
    `${colors.bold(stepText(community, frame.steps))}, ${community.phase}   ${pricesText(community)}`,
    `trades ${community.trades}: ${market}, ${grid}`,
    `height ${community.height}   final ${final}   forks ${forksOf(frame.view)}`,
  ];
}

/** `[#####-----] 42 %  3:10 left` */
export function progressBar(progress: number, remainingMs: number): string {
  const share = Math.min(1, Math.max(0, progress));
  const done = Math.round(share * BAR_CELLS);
  const percent = `${Math.floor(100 * share)} %`.padStart(5);
  return `[${'#'.repeat(done)}${'-'.repeat(BAR_CELLS - done)}] ${percent}  ${durationText(remainingMs)} left`;
}

/** The whole picture, one string per line. */
export function renderFrame(frame: ViewFrame, colors: Colors): string[] {
  return [
    colors.bold(frame.title),
    ...communityLines(frame, colors),
    '',
    colors.dim('node  role  height          tip  final  peers mined   hash rate'),
    ...frame.view.nodes.map((node) => nodeLine(node, frame.roles.get(node.name) ?? [], colors)),
    '',
    colors.cyan(progressBar(frame.progress, frame.remainingMs)),
  ];
}

/** One line for a log or a pipe. */
export function plainLine(frame: ViewFrame): string {
  const { community, nodes } = frame.view;
  const up = nodes.filter((node) => node.up !== null).length;
  if (community === null) return `no node answers (${nodes.length} nodes)`;
  return [
    stepText(community, frame.steps),
    community.phase,
    `height ${community.height}`,
    `final ${community.finalHeight}`,
    `trades ${community.trades}`,
    pricesText(community),
    `forks ${forksOf(frame.view)}`,
    `nodes ${up}/${nodes.length}`,
    `${Math.floor(100 * Math.min(1, Math.max(0, frame.progress)))} %`,
  ].join('  ');
}

/** Cuts a line to a width without counting colour sequences. */
export function fitLine(line: string, width: number): string {
  let shown = 0;
  let out = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b[')) out += part;
    else {
      const kept = [...part].slice(0, Math.max(0, width - shown)).join('');
      shown += kept.length;
      out += kept;
    }
  }
  return out;
}

export interface Screen {
  draw(lines: readonly string[]): void;
  /** Leaves the last picture where it is. */
  end(): void;
}

/** Redraws in place: moves up over the last picture, then clears each line that it writes. */
export function createScreen(out: { write(text: string): unknown; columns?: number; rows?: number }): Screen {
  let drawn = 0;
  return {
    draw(lines) {
      const rows = Math.max(1, (out.rows ?? 50) - 1);
      const visible = lines.slice(0, rows).map((line) => fitLine(line, (out.columns ?? 100) - 1));
      const up = drawn > 0 ? `\x1b[${drawn}A` : '';
      out.write(`${up}${visible.map((line) => `\r\x1b[2K${line}\n`).join('')}\x1b[0J`);
      drawn = visible.length;
    },
    end() {
      drawn = 0;
    },
  };
}
