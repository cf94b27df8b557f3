import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { WattmeshError } from '../util/errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import { errorLines, moneyText, tableLines } from './output.ts';
import { proofRoot } from './proof.ts';

const failure = (code: string, details: Record<string, unknown> = {}) =>
  new WattmeshError({ code, message: 'cause', remedy: 'remedy', details });

describe('exit codes', () => {
  it.each([
    ['CHECK_FAILED', 7],
    ['NODE_UNREACHABLE', 3],
    ['NODE_NONE', 3],
    ['TRADE_NOT_FOUND', 4],
    ['NODE_UNKNOWN', 4],
    ['TESTNET_MISSING', 4],
    ['TESTNET_EXISTS', 5],
    ['RPC_TIMEOUT', 6],
    ['TESTNET_NOT_READY', 6],
    ['USAGE', 2],
    ['PRESET_UNKNOWN', 2],
    ['INTERRUPTED', 130],
    ['PORT_BUSY', 1],
  ])('%s gives %i', (code, exitCode) => {
    expect(exitCodeOf(failure(code))).toBe(exitCode);
  });

  it('follow the number of a refusal where the code is unknown', () => {
    expect(exitCodeOf(failure('TX_ODD', { rpcCode: -32003 }))).toBe(5);
    expect(exitCodeOf(failure('TX_ODD', { rpcCode: -32000 }))).toBe(1);
    expect(exitCodeOf(new Error('x'))).toBe(1);
    expect(exitCodeOf(new DOMException('x', 'AbortError'))).toBe(130);
  });
});

describe('errors', () => {
  it('show cause, code and remedy, after the log lines of a node', () => {
    expect(errorLines(failure('X', { logLines: ['one', 'two'] }))).toEqual([
      '  one',
      '  two',
      'error: cause (X)',
      'remedy',
    ]);
  });

  it('of ours show no stack', () => {
    const lines = errorLines(new Error('first\n    at second'));
    expect(lines[0]).toBe('error: first (INTERNAL)');
    expect(lines.join()).not.toContain('second');
  });
});

describe('text', () => {
  it('shows money to a hundredth of a cent, cut', () => {
    const texts = ['0', '-1', '1234567899', '-1234567899', '99999'].map(moneyText);
    expect(texts).toEqual(['0.0000', '-0.0000', '1.2345', '-1.2345', '0.0000']);
  });

  it('aligns tables, numbers to the right', () => {
    expect(
      tableLines(
        ['A', '>N'],
        [
          ['xx', '1'],
          ['y', '20'],
        ],
      ).slice(1),
    ).toEqual(['xx   1', 'y   20']);
  });
});

describe('the root of a Merkle branch', () => {
  const hex = (byte: number) => byte.toString(16).padStart(2, '0').repeat(32);
  const pair = (left: string, right: string) =>
    createHash('sha256')
      .update(Buffer.from(left + right, 'hex'))
      .digest('hex');

  it('follows the bits of the generalised index', () => {
    const [a, b, c] = [hex(1), hex(2), hex(3)];
    // Leaf 5 is the right child of node 2, the left child of the root.
    expect(proofRoot({ leaf: a, gindex: '5', branch: [b, c] })).toBe(pair(pair(b, a), c));
    expect(proofRoot({ leaf: a, gindex: '6', branch: [b, c] })).toBe(pair(c, pair(a, b)));
    expect(proofRoot({ leaf: a, gindex: '1', branch: [] })).toBe(a);
  });

  it('does not exist where the branch is too short or too long', () => {
    const [a, b] = [hex(1), hex(2)];
    expect(proofRoot({ leaf: a, gindex: '5', branch: [b] })).toBeNull();
    expect(proofRoot({ leaf: a, gindex: '5', branch: [b, b, b] })).toBeNull();
  });
});
