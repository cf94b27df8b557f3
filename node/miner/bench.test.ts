import { describe, expect, it } from 'vitest';
import { benchHashRate, parseOpensslSpeed } from './bench.ts';

describe('hash rate benchmark', () => {
  it('reports value, yardstick and their ratio', async () => {
    const result = await benchHashRate(5);
    expect(result.name).toBe('miner-hash-rate');
    expect(result.yardstick.value).toBeGreaterThan(0);
    expect(result.ratio).toBeCloseTo(result.value / result.yardstick.value, 9);
  });

  it('reads the table of openssl speed', () => {
    const stdout = `version: 3.0.19\ntype             64 bytes\nsha256          406631.74k\n`;
    expect(parseOpensslSpeed(stdout)).toBeCloseTo(6_353_620.9, 0);
    expect(parseOpensslSpeed('sha512  1.0k')).toBeNull();
  });
});
