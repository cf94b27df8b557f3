import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMIT_BYTES, type CommitRecord, decodeCommit, encodeCommit } from './commit.ts';

const sample: CommitRecord = {
  sequence: 0x0102030405060708n,
  tipId: new Uint8Array(32).fill(0xab),
  tipHeight: 300,
  finalHeight: 20,
  snapshotHeight: 10,
};

const commits = fc
  .record({
    sequence: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    tipId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    heights: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ sequence, tipId, heights }): CommitRecord => {
    const [snapshotHeight, finalHeight, tipHeight] = heights.sort((a, b) => a - b) as [
      number,
      number,
      number,
    ];
    return { sequence, tipId, tipHeight, finalHeight, snapshotHeight };
  });

describe('commit record', () => {
  it('has the specified bytes', () => {
    expect(Buffer.from(encodeCommit(sample)).toString('hex')).toBe(
      `0807060504030201${'ab'.repeat(32)}2c010000140000000a000000`,
    );
  });

  it('round-trips, at its limits too', () => {
    fc.assert(
      fc.property(commits, (commit) => {
        expect(decodeCommit(encodeCommit(commit))).toEqual(commit);
      }),
    );
    const top = { ...sample, sequence: 2n ** 64n - 1n, tipHeight: 2 ** 32 - 1, finalHeight: 2 ** 32 - 1 };
    for (const commit of [top, { ...top, sequence: 0n, snapshotHeight: 2 ** 32 - 1 }]) {
      expect(decodeCommit(encodeCommit(commit))).toEqual(commit);
    }
  });

  it('decodes only what it would encode', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: COMMIT_BYTES, maxLength: COMMIT_BYTES }), (bytes) => {
        const commit = decodeCommit(bytes);
        if (commit !== null) expect(encodeCommit(commit)).toEqual(bytes);
      }),
    );
    for (const size of [0, COMMIT_BYTES - 1, COMMIT_BYTES + 1]) {
      expect(decodeCommit(new Uint8Array(size))).toBeNull();
    }
  });

  it('refuses heights in the wrong order, both ways', () => {
    for (const wrong of [
      { finalHeight: 301 },
      { snapshotHeight: 301 },
      { tipHeight: 19 },
    ] satisfies Partial<CommitRecord>[]) {
      expect(() => encodeCommit({ ...sample, ...wrong })).toThrow('snapshot height');
    }
    for (const at of [44, 48]) {
      const bytes = encodeCommit(sample);
      bytes[at + 3] = 1;
      expect(decodeCommit(bytes)).toBeNull();
    }
    expect(decodeCommit(encodeCommit({ ...sample, finalHeight: 300, snapshotHeight: 300 }))).not.toBeNull();
  });

  it('refuses numbers and ids out of range', () => {
    for (const sequence of [-1n, 2n ** 64n])
      expect(() => encodeCommit({ ...sample, sequence })).toThrow('u64');
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => encodeCommit({ ...sample, tipHeight: bad })).toThrow('u32');
      expect(() => encodeCommit({ ...sample, finalHeight: bad })).toThrow('u32');
      expect(() => encodeCommit({ ...sample, snapshotHeight: bad })).toThrow('u32');
    }
    for (const size of [31, 33]) {
      expect(() => encodeCommit({ ...sample, tipId: new Uint8Array(size) })).toThrow('32 bytes');
    }
  });
});
