import '../util/polyfill.ts';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';

const MAX_ADDRESS_CHARS = 256;

/** A dialable address: host, TCP port and, unless a seed left it out, the peer id. */
export interface DialAddress {
  text: string;
  peerId: string | null;
  loopback: boolean;
}

/** Reads `/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT[/p2p/ID]`; `null` for anything else, and for hosts nobody can dial. */
export function parseAddress(text: string): DialAddress | null {
  if (text.length > MAX_ADDRESS_CHARS) return null;
  try {
    const parsed = multiaddr(text);
    const [host, tcp, p2p, ...rest] = parsed.getComponents();
    if (host?.value === undefined || tcp?.name !== 'tcp' || rest.length > 0) return null;
    const port = Number(tcp.value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return null;
    if (!dialableHost(host.name, host.value)) return null;
    if (p2p !== undefined && (p2p.name !== 'p2p' || p2p.value === undefined)) return null;
    const peerId = p2p?.value === undefined ? null : peerIdFromString(p2p.value).toString();
    const loopback = host.name === 'ip6' ? host.value === '::1' : host.value.startsWith('127.');
    return { text: parsed.toString(), peerId, loopback: host.name.startsWith('ip') && loopback };
  } catch {
    return null;
  }
}

/**
 * An address told by a peer: numeric host and peer id required, so that a stranger cannot make us look up names;
 * loopback only from a peer that is itself on this machine.
 */
export function parseToldAddress(text: string, fromLoopback: boolean): DialAddress | null {
  const address = parseAddress(text);
  if (address === null || address.peerId === null || !/^\/ip[46]\//.test(address.text)) return null;
  return address.loopback && !fromLoopback ? null : address;
}

function dialableHost(kind: string, host: string): boolean {
  if (kind === 'dns' || kind === 'dns4' || kind === 'dns6') return host.length > 0;
  if (kind === 'ip6') return host !== '::' && !/^f[ef]/i.test(host);
  if (kind !== 'ip4') return false;
  const first = Number(host.split('.')[0]);
  return first !== 0 && first < 224;
}
