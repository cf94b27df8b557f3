import { ByteListType, ListCompositeType } from '@chainsafe/ssz';
import { equalBytes } from '../util/bytes.ts';

/** Most addresses in one answer of the `peers` protocol. */
export const MAX_TOLD_ADDRESSES = 32;

const AddressList = new ListCompositeType(new ByteListType(256), MAX_TOLD_ADDRESSES);

/** The answer of the `peers` protocol: SSZ `List[ByteList[256], 32]` of multiaddrs as text. */
export function encodeAddresses(addresses: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  return AddressList.serialize(addresses.slice(0, MAX_TOLD_ADDRESSES).map((text) => encoder.encode(text)));
}

/** `null` for anything but the canonical encoding of valid UTF-8 texts. */
export function decodeAddresses(bytes: Uint8Array): string[] | null {
  try {
    const list = AddressList.deserialize(bytes);
    if (!equalBytes(AddressList.serialize(list), bytes)) return null;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    return list.map((text) => decoder.decode(text));
  } catch {
    return null;
  }
}
