/** Bytes of the protocols below ours, made by hand because the libraries would not make the wrong ones. */
import { concatBytes } from '../../node/util/bytes.ts';

const utf8 = new TextEncoder();

/** Unsigned LEB128, up to 2^64 - 1. */
export function varint(value: bigint | number): Uint8Array {
  const out: number[] = [];
  let rest = BigInt(value);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

/** A payload behind its length as a varint: one frame of gossip, or one line of multistream. */
export function prefixed(payload: Uint8Array): Uint8Array {
  return concatBytes(varint(payload.length), payload);
}

/** A payload behind its length in 4 bytes, big-endian, which may be another one: a frame of our requests. */
export function requestFrame(payload: Uint8Array, length = payload.length): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, length);
  return concatBytes(head, payload);
}

/** One line of multistream-select, its newline included. */
export function multistreamLine(text: string): Uint8Array {
  return prefixed(utf8.encode(`${text}\n`));
}

function bytesField(field: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  return concatBytes(varint((field << 3) | 2), prefixed(bytes));
}

function numberField(field: number, value: bigint | number): Uint8Array {
  return concatBytes(varint(field << 3), varint(value));
}

/** A gossip message; the fields beside topic and data are those that StrictNoSign forbids. */
export interface RawMessage {
  topic: string;
  data: Uint8Array;
  from?: Uint8Array;
  seqno?: Uint8Array;
  signature?: Uint8Array;
  key?: Uint8Array;
}

/** What one frame of gossip carries (protobuf `RPC` of the pubsub specification, gossipsub 1.2). */
export interface RawRpc {
  subscriptions?: readonly { subscribe: boolean; topic: string }[];
  messages?: readonly RawMessage[];
  ihave?: readonly { topic: string; ids: readonly Uint8Array[] }[];
  iwant?: readonly (readonly Uint8Array[])[];
  graft?: readonly string[];
  prune?: readonly { topic: string; backoffSeconds: bigint }[];
  idontwant?: readonly (readonly Uint8Array[])[];
}

const MESSAGE_FIELDS = ['from', 'data', 'seqno', 'topic', 'signature', 'key'] as const;

function messageBytes(message: RawMessage): Uint8Array {
  const parts = MESSAGE_FIELDS.flatMap((name, i) => {
    const value = message[name];
    return value === undefined ? [] : [bytesField(i + 1, value)];
  });
  return concatBytes(...parts);
}

const ids = (field: number, list: readonly Uint8Array[]) => list.map((id) => bytesField(field, id));

function controlBytes(rpc: RawRpc): Uint8Array {
  const { ihave = [], iwant = [], graft = [], prune = [], idontwant = [] } = rpc;
  return concatBytes(
    ...ihave.map((entry) => bytesField(1, concatBytes(bytesField(1, entry.topic), ...ids(2, entry.ids)))),
    ...iwant.map((entry) => bytesField(2, concatBytes(...ids(1, entry)))),
    ...graft.map((topic) => bytesField(3, bytesField(1, topic))),
    ...prune.map(({ topic, backoffSeconds }) =>
      bytesField(4, concatBytes(bytesField(1, topic), numberField(3, backoffSeconds))),
    ),
    ...idontwant.map((entry) => bytesField(5, concatBytes(...ids(1, entry)))),
  );
}

/** The protobuf of a gossip frame, without its length. */
export function rpcBytes(rpc: RawRpc): Uint8Array {
  const { subscriptions = [], messages = [] } = rpc;
  const control = controlBytes(rpc);
  return concatBytes(
    ...subscriptions.map(({ subscribe, topic }) =>
      bytesField(1, concatBytes(numberField(1, subscribe ? 1 : 0), bytesField(2, topic))),
    ),
    ...messages.map((message) => bytesField(2, messageBytes(message))),
    ...(control.length === 0 ? [] : [bytesField(3, control)]),
  );
}

/** A whole gossip frame. */
export function gossipFrame(rpc: RawRpc): Uint8Array {
  return prefixed(rpcBytes(rpc));
}
