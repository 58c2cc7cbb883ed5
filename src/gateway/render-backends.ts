// The backends of HAProxy's configuration, each with the servers that it has now. Pure, but for what is kept because it did not change.

import { Memo } from '../compile/gateway/memo.ts';
import type { BackendSlot } from './backend-slots.ts';
import type { ServerSlot } from './server-slots.ts';

/** What every server has: without them one that is added at run time opens a connection per request (fixed after 2.6.12 by 8a31783b6). */
export const SERVER_POOL = 'pool-purge-delay 5s pool-max-conn -1';

type Servers = ReadonlyMap<string, readonly ServerSlot[]>;

/** What did not change is not put into words again: slots and lists of servers are the same objects while they say the same. */
export class RenderedBackends {
  readonly #shapes = new Memo<string>();
  /** In the order of the slots. */
  #texts: readonly Memo<string>[] = [];

  shapes(slots: readonly BackendSlot[]): string {
    return this.#shapes.get([slots], () => slots.map((it) => `${it.name} ${it.shape}`).join('\n'));
  }

  texts(slots: readonly BackendSlot[], servers: Servers): readonly string[] {
    const before = this.#texts;
    this.#texts = slots.map((_, at) => before[at] ?? new Memo());
    return slots.map((slot, at) => {
      const own = servers.get(slot.name) ?? NO_SERVERS;
      const make = (): string => backendLines(slot, own).join('\n');
      return this.#texts[at]?.get([slot, own], make) ?? make();
    });
  }
}

const NO_SERVERS: readonly ServerSlot[] = [];

function backendLines(slot: BackendSlot, servers: readonly ServerSlot[]): readonly string[] {
  const isHttp = slot.shape !== 'tcp';
  return [
    `backend ${slot.name} from ${isHttp ? 'http' : 'tcp'}`,
    ...(isHttp ? ['  http-request set-timeout server var(txn.wait) if { var(txn.wait) -m found }'] : []),
    ...shapeLines(slot),
    ...servers.map(serverLine),
  ];
}

/** What of the shape stands in the configuration. */
function shapeLines({ shape }: BackendSlot): readonly string[] {
  const [, ...parts] = shape.split(';');
  return parts.flatMap((part) => {
    const [kind, ...words] = part.split(' ');
    if (kind === 'connect') return [`  timeout connect ${words.join('')}s`];
    return kind === 'retry' ? retryLines(words) : persistLines(words);
  });
}

function retryLines([attempts, ...words]: readonly string[]): readonly string[] {
  if (attempts === '0') return ['  retries 0'];
  const codes = words.filter((it) => /^\d+$/.test(it));
  const reasons = [
    'conn-failure',
    'empty-response',
    ...(words.includes('in-time') ? [] : ['response-timeout']),
  ];
  return [
    `  retries ${attempts}`,
    `  retry-on ${[...reasons, ...codes].join(' ')}`,
    ...(words.includes('idempotent')
      ? ['  http-request disable-l7-retry if { method POST PATCH LOCK }']
      : []),
  ];
}

/** Who comes without a session gets the name of a new one; the process remembers to which server it went. */
function persistLines([type, name, seconds, lifetime]: readonly string[]): readonly string[] {
  const isCookie = type === 'cookie';
  const age = lifetime === 'permanent' ? `; Max-Age=${seconds}` : '';
  const cookie = (attributes: string): string =>
    `add-header Set-Cookie "${name}=%[var(txn.fresh)]; ${attributes}${age}"`;
  const said = isCookie
    ? [
        `${cookie('Path=/; HttpOnly')} if { var(txn.fresh) -m found } !{ var(txn.cookie) -m found }`,
        `${cookie('%[var(txn.cookie)]')} if { var(txn.fresh) -m found } { var(txn.cookie) -m found }`,
      ]
    : [`set-header ${name} %[var(txn.fresh)] if { var(txn.fresh) -m found }`];
  return [
    `  stick-table type string len 64 size 100k expire ${seconds}s`,
    `  http-request set-var(txn.session) ${isCookie ? 'req.cook' : 'req.hdr'}(${name})`,
    '  http-request set-var(txn.fresh) uuid() if !{ var(txn.session) -m found }',
    '  http-request set-var(txn.session) var(txn.fresh) if { var(txn.fresh) -m found }',
    '  stick on var(txn.session)',
    ...said.map((it) => `  http-response ${it}`),
  ];
}

function serverLine({ name, ip, port, isReady, options }: ServerSlot): string {
  const words = ['  server', name, serverAddress(ip, port), SERVER_POOL, options, isReady ? '' : 'disabled'];
  return words.filter((it) => it !== '').join(' ');
}

export function serverAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
