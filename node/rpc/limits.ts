/** What one client may ask of the server. */
export interface RpcLimits {
  maxBodyBytes: number;
  /** Nested arrays and objects. */
  maxDepth: number;
  maxBatch: number;
  /** Text of one answer; a batch stops there. */
  maxResponseBytes: number;
  maxConnections: number;
  /** HTTP requests in work at the same time. */
  maxInFlight: number;
  maxWebSocketClients: number;
  maxSubscriptionsPerClient: number;
  /** Unhandled messages of a WebSocket client after which nothing more is read from it. */
  maxQueuedMessages: number;
  /** Unread events of a WebSocket client after which further ones are dropped and counted. */
  maxBufferedBytes: number;
  /** Events that wait while a subscription is sent its past. */
  maxWaitingEvents: number;
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  keepAliveTimeoutMs: number;
  /** Pause between two signs of life of a WebSocket client; a second without an answer ends it. */
  heartbeatMs: number;
}

export const DEFAULT_LIMITS: RpcLimits = {
  maxBodyBytes: 1024 * 1024,
  maxDepth: 32,
  maxBatch: 100,
  maxResponseBytes: 8 * 1024 * 1024,
  maxConnections: 256,
  maxInFlight: 128,
  maxWebSocketClients: 64,
  maxSubscriptionsPerClient: 16,
  maxQueuedMessages: 16,
  maxBufferedBytes: 1024 * 1024,
  maxWaitingEvents: 1024,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 5000,
  heartbeatMs: 30_000,
};
