/**
 * Range-checked SSZ integers. The library's own types encode a number outside their range as another number
 * (-5, 1.5 and NaN included) and read 8-byte numbers above 2^53 inexactly; both would split consensus silently.
 */

import type { LeafNode, Node } from '@chainsafe/persistent-merkle-tree';
import type { ByteViews } from '@chainsafe/ssz';
import { UintBigintType, UintNumberType } from '@chainsafe/ssz';

function checkInteger(value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${value} is not an integer in ${min}..${max}`);
  }
}

/** An unsigned integer of 1, 2, 4 or 8 bytes; 8-byte ones end at 2^53 - 1. Throws RangeError both ways. */
class CheckedUintType extends UintNumberType {
  private readonly max: number;

  constructor(byteLength: 1 | 2 | 4 | 8) {
    super(byteLength);
    this.max = byteLength === 8 ? Number.MAX_SAFE_INTEGER : 2 ** (8 * byteLength) - 1;
  }

  override value_serializeToBytes(output: ByteViews, offset: number, value: number): number {
    checkInteger(value, 0, this.max);
    return super.value_serializeToBytes(output, offset, value);
  }

  override value_deserializeFromBytes(data: ByteViews, start: number, end: number): number {
    const value = super.value_deserializeFromBytes(data, start, end);
    checkInteger(value, 0, this.max);
    return value;
  }

  override value_toTree(value: number): Node {
    checkInteger(value, 0, this.max);
    return super.value_toTree(value);
  }

  override tree_setToNode(leafNode: LeafNode, value: number): void {
    checkInteger(value, 0, this.max);
    super.tree_setToNode(leafNode, value);
  }

  override tree_setToPackedNode(leafNode: LeafNode, index: number, value: number): void {
    checkInteger(value, 0, this.max);
    super.tree_setToPackedNode(leafNode, index, value);
  }
}

const INT32_OFFSET = 2 ** 31;

/** A signed integer in -2^31..2^31-1, stored as the unsigned 32-bit number `value + 2^31`. */
class OffsetInt32Type extends UintNumberType {
  constructor() {
    super(4);
  }

  override defaultValue(): number {
    return -INT32_OFFSET;
  }

  override value_serializeToBytes(output: ByteViews, offset: number, value: number): number {
    checkInteger(value, -INT32_OFFSET, INT32_OFFSET - 1);
    return super.value_serializeToBytes(output, offset, value + INT32_OFFSET);
  }

  override value_deserializeFromBytes(data: ByteViews, start: number, end: number): number {
    return super.value_deserializeFromBytes(data, start, end) - INT32_OFFSET;
  }

  override value_toTree(value: number): Node {
    checkInteger(value, -INT32_OFFSET, INT32_OFFSET - 1);
    return super.value_toTree(value + INT32_OFFSET);
  }

  override tree_serializeToBytes(output: ByteViews, offset: number, node: Node): number {
    return this.value_serializeToBytes(output, offset, this.tree_getFromNode(node as LeafNode));
  }

  override tree_deserializeFromBytes(data: ByteViews, start: number, end: number): Node {
    return this.value_toTree(this.value_deserializeFromBytes(data, start, end));
  }

  override tree_getFromNode(leafNode: LeafNode): number {
    return super.tree_getFromNode(leafNode) - INT32_OFFSET;
  }

  override tree_getFromPackedNode(leafNode: LeafNode, index: number): number {
    return super.tree_getFromPackedNode(leafNode, index) - INT32_OFFSET;
  }

  override tree_setToPackedNode(leafNode: LeafNode, index: number, value: number): void {
    checkInteger(value, -INT32_OFFSET, INT32_OFFSET - 1);
    super.tree_setToPackedNode(leafNode, index, value + INT32_OFFSET);
  }
}

/** An unsigned bigint of 8 or 32 bytes. */
class CheckedBigintType extends UintBigintType {
  private readonly max: bigint;

  constructor(byteLength: 8 | 32) {
    super(byteLength);
    this.max = 2n ** BigInt(8 * byteLength) - 1n;
  }

  private check(value: bigint): void {
    if (value < 0n || value > this.max) throw new RangeError(`${value} is not in 0..${this.max}`);
  }

  override value_serializeToBytes(output: ByteViews, offset: number, value: bigint): number {
    this.check(value);
    return super.value_serializeToBytes(output, offset, value);
  }

  override tree_setToNode(leafNode: LeafNode, value: bigint): void {
    this.check(value);
    super.tree_setToNode(leafNode, value);
  }

  override tree_setToPackedNode(leafNode: LeafNode, index: number, value: bigint): void {
    this.check(value);
    super.tree_setToPackedNode(leafNode, index, value);
  }
}

export const Uint8 = new CheckedUintType(1);
export const Uint16 = new CheckedUintType(2);
export const Uint32 = new CheckedUintType(4);
/** Eight bytes on the wire, values up to 2^53 - 1. */
export const Uint53 = new CheckedUintType(8);
export const Int32 = new OffsetInt32Type();
export const Uint64 = new CheckedBigintType(8);
export const Uint256 = new CheckedBigintType(32);
