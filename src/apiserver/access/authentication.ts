// Who asks: client certificates (CN is the user, O the groups) and bearer tokens. No credentials: nobody; wrong ones: refused.

import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { FairleadError } from '../../base/errors.ts';
import type { ApiContext } from '../context.ts';
import type { User } from '../http/request.ts';
import { ISSUER } from './service-account-tokens.ts';
import { serviceAccountUser, type TokenUser } from './service-account-users.ts';
import { unauthorized } from '../http/status-error.ts';

/** Who nobody is: bindings may give something to it. */
export const ANONYMOUS: User = {
  name: 'system:anonymous',
  uid: undefined,
  groups: ['system:unauthenticated'],
};

/** Users by SHA-256 of their token: the look-up's time says nothing about the tokens. */
export type UsersByToken = ReadonlyMap<string, User>;

/** The user of a request, `ANONYMOUS` where it carries no credentials; throws 401 for a token that is none. */
export function authenticate(context: ApiContext, request: IncomingMessage): User {
  return certificateUser(request) ?? bearerUser(context, request) ?? ANONYMOUS;
}

/** Whose token it is, and for which of the asked audiences; undefined for a token that is none. Those of the file are this server's own. */
export function tokenUser(
  context: ApiContext,
  token: string,
  asked: readonly string[] = [ISSUER],
): TokenUser | undefined {
  const user = context.usersByToken.get(hashOf(token));
  if (user === undefined) return serviceAccountUser(context, token, asked);
  return asked.includes(ISSUER) ? { user, audiences: [ISSUER] } : undefined;
}

/** By connection: a handshake proves its certificate once, and reading it takes longer than most requests. */
const CERTIFICATE_USERS = new WeakMap<TLSSocket, User>();

function certificateUser({ socket }: IncomingMessage): User | undefined {
  // `authorized` is true only for a chain up to the configured authority.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const user = CERTIFICATE_USERS.get(socket) ?? readCertificateUser(socket);
  if (user !== undefined) CERTIFICATE_USERS.set(socket, user);
  return user;
}

function readCertificateUser(socket: TLSSocket): User | undefined {
  const { subject } = socket.getPeerCertificate();
  const name = firstOf(subject?.CN);
  if (name === undefined) return undefined;
  return { name, uid: undefined, groups: [...allOf(subject?.O), 'system:authenticated'] };
}

// A certificate may carry several values of one attribute: Node then gives a list.
function allOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return allOf(value)[0];
}

function bearerUser(context: ApiContext, { headers: { authorization } }: IncomingMessage): User | undefined {
  if (authorization === undefined) return undefined;
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const user = token === undefined ? undefined : tokenUser(context, token)?.user;
  if (user === undefined) throw unauthorized();
  return user;
}

/** Reads the lines of a tokens file: `token,user,uid,"group1,group2"`; blank lines and # comments are skipped. */
export function parseTokens(text: string): UsersByToken {
  const users = new Map<string, User>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = /^([^,\s]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^",]*)))?\s*$/.exec(line);
    if (match === null) throw new FairleadError('invalid', `Cannot read tokens: line ${i + 1} is malformed`);
    const [, token = '', name = '', uid = '', quoted, plain] = match;
    const groups = (quoted ?? plain ?? '').split(',').filter((group) => group !== '');
    users.set(hashOf(token), {
      name,
      uid: uid === '' ? undefined : uid,
      groups: [...groups, 'system:authenticated'],
    });
  }
  return users;
}

function hashOf(token: string): string {
  return hash('sha256', token, 'hex');
}
