/** A contiguous range of TCP ports, held by real listeners until the nodes take them over. */
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { WattmeshError } from '../node/util/errors.ts';

const HOST = '127.0.0.1';
/** Below the range from which systems take the ports of outgoing connections. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_999;
const ATTEMPTS = 64;

export interface PortRange {
  base: number;
  /** Gives some ports back to the system, just before a node binds them. */
  release(ports: readonly number[]): Promise<void>;
  releaseAll(): Promise<void>;
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', () => resolve(null));
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Whether nobody listens on a port of this machine's loopback address. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === null) return false;
  await close(server);
  return true;
}

/** Holds all ports, or says which one is busy and holds none. */
async function hold(ports: readonly number[]): Promise<Map<number, Server> | number> {
  const held = new Map<number, Server>();
  for (const port of ports) {
    const server = await listen(port);
    if (server === null) {
      await Promise.all([...held.values()].map(close));
      return port;
    }
    held.set(port, server);
  }
  return held;
}

function rangeOf(base: number, held: Map<number, Server>): PortRange {
  const release = async (ports: readonly number[]): Promise<void> => {
    const servers = ports.flatMap((port) => held.get(port) ?? []);
    for (const port of ports) held.delete(port);
    await Promise.all(servers.map(close));
  };
  return { base, release, releaseAll: () => release([...held.keys()]) };
}

function busy(port: number, remedy: string): WattmeshError {
  return new WattmeshError({
    code: 'PORT_BUSY',
    message: `port ${port} on ${HOST} is in use by another program`,
    remedy,
    details: { port },
  });
}

/** Holds exactly these ports, the first given being the base; throws PORT_BUSY with the one that is taken. */
export async function holdPorts(ports: readonly number[]): Promise<PortRange> {
  const held = await hold(ports);
  if (typeof held === 'number') {
    throw busy(held, 'stop that program, or make a new testnet in another --dir');
  }
  return rangeOf(ports[0]!, held);
}

/** Reserves `count` contiguous ports, from `base` where it is given; throws PORT_BUSY, PORT_RANGE. */
export async function reservePorts(count: number, base?: number): Promise<PortRange> {
  const range = (first: number) => Array.from({ length: count }, (_, i) => first + i);
  if (base !== undefined) {
    if (!Number.isInteger(base) || base < 1 || base + count - 1 > 65_535) {
      throw new WattmeshError({
        code: 'PORT_RANGE',
        message: `${count} ports from ${base} do not lie between 1 and 65535`,
        remedy: `give a --port-base between 1024 and ${65_536 - count}`,
        details: { base, count },
      });
    }
    const held = await hold(range(base));
    if (typeof held !== 'number') return rangeOf(base, held);
    throw busy(held, 'choose another --port-base, or leave it out to have a free range found');
  }
  let taken = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = randomInt(FIRST_PORT, LAST_PORT - count + 2);
    const held = await hold(range(first));
    if (typeof held !== 'number') return rangeOf(first, held);
    taken = held;
  }
  throw busy(taken, `free some ports between ${FIRST_PORT} and ${LAST_PORT}, or give a --port-base`);
}
