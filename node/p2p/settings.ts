import { WattmeshError } from '../util/errors.ts';
import type { NetworkOptions } from './interface.ts';

/** The options with every default filled in. */
export type Settings = Required<NetworkOptions>;

/** The built-in address exchange. */
export const PEERS_PROTOCOL = { name: 'peers', maxRequestBytes: 16, maxResponseBytes: 16_384 } as const;

/** Errors: `P2P_BAD_OPTIONS`. */
export function settingsOf(options: NetworkOptions): Settings {
  const settings: Settings = {
    announce: [],
    publishTopics: [],
    targetPeers: 8,
    maxConnections: 64,
    agent: 'wattmesh',
    banMs: 600_000,
    redialMs: 1_000,
    handlerTimeoutMs: 30_000,
    linkPolicy: { denies: () => false },
    linkFaults: false,
    ...options,
  };
  if (settings.protocols.some((protocol) => protocol.name === PEERS_PROTOCOL.name)) {
    throw badOptions('the protocol `peers` is built in', 'Name the protocol differently.');
  }
  if (settings.targetPeers < 1 || settings.targetPeers > settings.maxConnections) {
    throw badOptions(
      `targetPeers ${settings.targetPeers} is not in 1..maxConnections (${settings.maxConnections})`,
      'Set targetPeers to at least 1 and at most maxConnections.',
    );
  }
  return settings;
}

function badOptions(why: string, remedy: string): WattmeshError {
  return new WattmeshError({
    code: 'P2P_BAD_OPTIONS',
    message: `The network cannot be set up: ${why}.`,
    remedy,
  });
}
