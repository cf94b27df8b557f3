import { assert } from '../util/errors.ts';

const MAX_U32 = 0xffff_ffff;
const MAX_U64 = 0xffff_ffff_ffff_ffffn;
const ID_BYTES = 32;
const ID_AT = 8;
const TIP_HEIGHT_AT = 40;
const FINAL_HEIGHT_AT = 44;
const SNAPSHOT_HEIGHT_AT = 48;

/** Size of an encoded commit record. */
export const COMMIT_BYTES = 52;

/** What the store says of itself: neither the final block nor the restart's snapshot is above the tip. */
export type CommitRecord = {
  /** Counts the batches that carried a commit record; u64, larger is newer. */
  sequence: bigint;
  /** 32 bytes. */
  tipId: Uint8Array;
  /** u32. */
  tipHeight: number;
  /** u32. */
  finalHeight: number;
  /** u32: the height of the state that a restart begins from; 0: genesis. */
  snapshotHeight: number;
};

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_U32;
}

function heightsAgree(commit: Omit<CommitRecord, 'sequence' | 'tipId'>): boolean {
  return commit.snapshotHeight <= commit.tipHeight && commit.finalHeight <= commit.tipHeight;
}

/** 52 bytes: sequence u64, tipId, tipHeight u32, finalHeight u32, snapshotHeight u32, little-endian. */
export function encodeCommit(commit: CommitRecord): Uint8Array {
  assert(commit.sequence >= 0n && commit.sequence <= MAX_U64, 'a commit sequence is a u64');
  assert(commit.tipId.length === ID_BYTES, 'a tip id has 32 bytes');
  const heights = [commit.tipHeight, commit.finalHeight, commit.snapshotHeight];
  assert(heights.every(isU32), 'the heights of a commit record are u32');
  assert(heightsAgree(commit), 'final and snapshot heights are at most the tip height');
  const bytes = new Uint8Array(COMMIT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, commit.sequence, true);
  bytes.set(commit.tipId, ID_AT);
  view.setUint32(TIP_HEIGHT_AT, commit.tipHeight, true);
  view.setUint32(FINAL_HEIGHT_AT, commit.finalHeight, true);
  view.setUint32(SNAPSHOT_HEIGHT_AT, commit.snapshotHeight, true);
  return bytes;
}

/** The record of these bytes; `null` unless `encodeCommit` could have made them. */
export function decodeCommit(bytes: Uint8Array): CommitRecord | null {
  if (bytes.length !== COMMIT_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const commit: CommitRecord = {
    sequence: view.getBigUint64(0, true),
    tipId: Uint8Array.prototype.slice.call(bytes, ID_AT, ID_AT + ID_BYTES),
    tipHeight: view.getUint32(TIP_HEIGHT_AT, true),
    finalHeight: view.getUint32(FINAL_HEIGHT_AT, true),
    snapshotHeight: view.getUint32(SNAPSHOT_HEIGHT_AT, true),
  };
  return heightsAgree(commit) ? commit : null;
}
