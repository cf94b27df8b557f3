/** Who may speak to the server at all: decided from the headers, before a body is read. */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { WattmeshError } from '../util/errors.ts';
import type { Access } from './schema/method.ts';
import type { Token } from './token.ts';

export interface GuardOptions {
  /** The address the server is bound to. */
  host: string;
  token: Token;
  /** Any IP address in Host is fine then: only names can be rebound to another address. */
  nonLoopback: boolean;
  /** Further names of this node, as in a network of containers. */
  allowedHosts: readonly string[];
}

export type Verdict = { access: Access } | { status: number; error: WattmeshError };

/** Refuses a foreign Host (DNS rebinding), a foreign Origin, a body that is not JSON and a wrong token. */
export function checkHeaders(method: string, headers: IncomingHttpHeaders, options: GuardOptions): Verdict {
  const { host } = headers;
  if (host === undefined || !isAllowedHost(hostName(host), options)) {
    return refuse(403, {
      code: 'RPC_FORBIDDEN_HOST',
      message: 'this name is none of the node',
      remedy: 'use localhost, 127.0.0.1, [::1] or the address that the node is bound to',
    });
  }
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return refuse(403, {
      code: 'RPC_FORBIDDEN_ORIGIN',
      message: 'pages of other origins may not use this node',
      remedy: 'send no Origin header, or open the page from the node itself',
    });
  }
  if (method === 'POST' && !/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    return refuse(415, {
      code: 'RPC_INVALID_REQUEST',
      message: 'the content type must be application/json',
      remedy: 'send the header "Content-Type: application/json"',
    });
  }
  return checkToken(headers.authorization, options.token);
}

function checkToken(authorization: string | undefined, token: Token): Verdict {
  if (authorization === undefined) return { access: 'read' };
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given !== undefined && token.matches(given)) return { access: 'admin' };
  return refuse(401, {
    code: 'RPC_UNAUTHORISED',
    message: 'this is not the token of the running node',
    remedy: 'read the token file again: every start writes a new token',
  });
}

function refuse(status: number, fields: { code: string; message: string; remedy: string }): Verdict {
  return { status, error: new WattmeshError(fields) };
}

/** The name without the port; an IPv6 address without its brackets. */
function hostName(host: string): string {
  const bare = host.toLowerCase().replace(/:\d+$/, '');
  return bare.startsWith('[') && bare.endsWith(']') ? bare.slice(1, -1) : bare;
}

function isAllowedHost(name: string, options: GuardOptions): boolean {
  if (name === 'localhost' || name === '127.0.0.1' || name === '::1') return true;
  if (name === options.host.toLowerCase() || options.allowedHosts.includes(name)) return true;
  return options.nonLoopback && isIP(name) !== 0;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
