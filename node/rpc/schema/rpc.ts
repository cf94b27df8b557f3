/** What the server answers by itself: the description of the interface, and subscriptions. */
import * as z from 'zod';
import { text, uint32 } from './common.ts';
import { stepState } from './market.ts';
import { method } from './method.ts';
import { blockSummary, reorganisation } from './shared.ts';

/** What can be subscribed to, and the data of one event. */
export const TOPIC_DATA = {
  /** Each block that joined the main chain, oldest first. */
  newBlock: blockSummary,
  /** A step that changed its phase. */
  newStep: stepState,
  /** Blocks left the main chain; their successors follow as newBlock. */
  reorg: reorganisation,
};
export const TOPICS = [
  'newBlock',
  'newStep',
  'reorg',
] as const satisfies readonly (keyof typeof TOPIC_DATA)[];
export type Topic = keyof typeof TOPIC_DATA;
export type TopicData<T extends Topic> = z.output<ReturnType<(typeof TOPIC_DATA)[T]>>;

function subscriptionId() {
  return z.string().regex(/^[0-9a-f]{16}$/);
}

export const rpcMethods = {
  'rpc.discover': method({
    summary: 'This document (OpenRPC 1.2.6)',
    access: 'read',
    params: () => z.strictObject({}),
    result: () => z.looseObject({ openrpc: z.literal('1.2.6') }),
    example: () => ({ params: {}, result: { openrpc: '1.2.6' as const } }),
  }),
  rpc_methods: method({
    summary: 'Names of all methods',
    access: 'read',
    params: () => z.strictObject({}),
    result: () => z.strictObject({ version: text(40), methods: z.array(text(60)) }),
    example: () => ({ params: {}, result: { version: '1.0.0', methods: ['rpc_methods'] } }),
  }),
  sub_subscribe: method({
    summary:
      'Subscribes to a topic; events come as notifications `sub_event {subscription, seq, dropped, data}`',
    access: 'read',
    webSocketOnly: true,
    params: () =>
      z
        .strictObject({
          topic: z.enum(TOPICS),
          fromHeight: uint32().optional().describe('newBlock only: sends the blocks from this height first'),
        })
        .refine((given) => given.fromHeight === undefined || given.topic === 'newBlock', {
          message: 'fromHeight applies to newBlock',
          path: ['fromHeight'],
        }),
    result: subscriptionId,
    example: () => ({ params: { topic: 'newBlock' as const, fromHeight: 40 }, result: '9f3c2a7be4d01865' }),
  }),
  sub_unsubscribe: method({
    summary: 'Ends a subscription; false when there was none',
    access: 'read',
    webSocketOnly: true,
    params: () => z.strictObject({ subscription: subscriptionId() }),
    result: () => z.boolean(),
    example: () => ({ params: { subscription: '9f3c2a7be4d01865' }, result: true }),
  }),
};

/** Parameters of the notification `sub_event`; a gap in `seq` is as wide as `dropped` grew. */
export interface SubscriptionEvent<T extends Topic = Topic> {
  subscription: string;
  /** From 0 in each subscription; counts dropped events too. */
  seq: number;
  /** Events that this subscription lost because the client read too slowly. */
  dropped: number;
  data: TopicData<T>;
}
