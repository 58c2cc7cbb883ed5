// Which backend of HAProxy stands for which backend of the model. HAProxy 2.6 cannot make a backend while it runs, so blank ones are provided and handed out. Pure.

import type { BackendPersistence, BackendRetry, ProxyBackend } from '../model/gateway.ts';

/** What of a backend stands in the configuration and cannot change at run time; as text, for it is a key on disk too. */
export type Shape = string;

export interface BackendSlot {
  /** "b0001": the name in HAProxy. */
  readonly name: string;
  readonly shape: Shape;
  /** `ProxyBackend.id`; undefined for a blank one. */
  readonly backend: string | undefined;
  /** When it became blank, as a count: the one that is blank for the longest time is taken first. */
  readonly freed: number;
}

export interface SlotPlan {
  readonly slots: readonly BackendSlot[];
  /** There are new slots: only a reload brings them. */
  readonly isGrown: boolean;
}

/** As many blank ones of a shape are made as there are in use, within these bounds. */
const SPARES = { min: 8, max: 256 };
/** Blank from the first start on, so that the first Services need no reload. */
const FIRST_SHAPES: readonly Shape[] = ['http', 'h2c', 'tcp'];

/** Codes of answers that HAProxy 2.6 can ask again for. */
const RETRIED_CODES = new Set([401, 403, 404, 408, 425, 500, 501, 502, 503, 504]);
const MAX_ATTEMPTS = 20;

/** Of a connection; what is usual stands in the configuration's defaults. */
const CONNECT_STEPS_S = [1, 2, 5, 10, 30, 75];
const USUAL_CONNECT_S = 5;

/** A token of HTTP, and nothing that the configuration knows. */
const SESSION_NAME = /^[A-Za-z0-9_-]{1,128}$/;
const DEFAULT_SESSION_S = 24 * 3600;
const MAX_SESSION_S = 30 * 24 * 3600;

/** "http", or "http;retry 3 500 503;persist cookie NAME 3600 session": what a backend is to be, by numbers and words that are harmless. */
export function shapeOf({ protocol, retry, persistence, connectTimeoutMs }: ProxyBackend): Shape {
  if (protocol === 'tcp') return protocol;
  // What nearly all are; thousands are looked at again and again.
  if (retry === undefined && persistence === undefined && connectTimeoutMs === undefined) return protocol;
  const parts = [protocol, retryPart(retry), persistPart(persistence), connectPart(connectTimeoutMs)];
  return parts.filter((it) => it !== '').join(';');
}

/** Some steps alone, so that what is asked for makes no more than a few shapes. */
function connectPart(timeoutMs: number | undefined): string {
  if (timeoutMs === undefined) return '';
  const step = CONNECT_STEPS_S.find((it) => it * 1000 >= timeoutMs) ?? CONNECT_STEPS_S.at(-1);
  return step === USUAL_CONNECT_S ? '' : `connect ${step}`;
}

function retryPart(retry: BackendRetry | undefined): string {
  if (retry === undefined) return '';
  const codes = [...new Set(retry.codes)].filter((it) => RETRIED_CODES.has(it)).sort((a, b) => a - b);
  const { attempts, isWithoutTimeouts, isIdempotentAlone } = retry;
  return [
    'retry',
    Number.isInteger(attempts) ? Math.min(MAX_ATTEMPTS, Math.max(0, attempts)) : 1,
    ...codes,
    ...(isWithoutTimeouts === true ? ['in-time'] : []),
    ...(isIdempotentAlone === true ? ['idempotent'] : []),
  ].join(' ');
}

function persistPart(persistence: BackendPersistence | undefined): string {
  if (persistence === undefined || !SESSION_NAME.test(persistence.name)) return '';
  const { type, name, absoluteTimeoutMs, cookieLifetime } = persistence;
  const seconds = absoluteTimeoutMs === undefined ? DEFAULT_SESSION_S : Math.ceil(absoluteTimeoutMs / 1000);
  const bounded = Number.isInteger(seconds)
    ? Math.min(MAX_SESSION_S, Math.max(1, seconds))
    : DEFAULT_SESSION_S;
  return ['persist', type, name, bounded, cookieLifetime].join(' ');
}

/** What of a backend's shape cannot be as it is wanted; undefined where everything can. */
export function whyNotShaped({ retry, persistence, protocol }: ProxyBackend): string | undefined {
  if (persistence !== undefined && (protocol === 'tcp' || !SESSION_NAME.test(persistence.name)))
    return 'the name of its sessions is none for a cookie or header';
  const codes = retry?.codes.filter((it) => !RETRIED_CODES.has(it)) ?? [];
  return codes.length === 0 ? undefined : `answers ${codes.join(', ')} cannot be asked again for`;
}

/**
 * Keeps what is assigned, hands out blank ones, and grows where there are too few. What becomes blank now is not given to another backend in the same step:
 * requests on their way go there still. The very same list where there is nothing to do.
 */
export function planSlots(
  previous: readonly BackendSlot[],
  backends: ReadonlyMap<string, ProxyBackend>,
): SlotPlan {
  if (previous.length > 0 && isAssigned(previous, backends)) return { slots: previous, isGrown: false };
  const proxied = [...backends].filter(([, { protocol }]) => protocol !== 'udp');
  const wanted = new Map(proxied.map(([id, backend]) => [id, shapeOf(backend)]));
  const slots = new Map(previous.map((slot) => [slot.name, slot]));
  const blank = new Map<Shape, BackendSlot[]>();
  let freed = Math.max(0, ...previous.map((it) => it.freed));
  for (const slot of [...previous].sort((a, b) => a.freed - b.freed)) {
    if (slot.backend === undefined) push(blank, slot.shape, slot);
    else if (wanted.get(slot.backend) === slot.shape) wanted.delete(slot.backend);
    else slots.set(slot.name, { ...slot, backend: undefined, freed: ++freed });
  }
  let isGrown = false;
  const grow = (shape: Shape): void => {
    isGrown = true;
    const used = [...slots.values()].filter((it) => it.shape === shape && it.backend !== undefined).length;
    const missing = [...wanted.values()].filter((it) => it === shape).length;
    const spares = Math.min(SPARES.max, Math.max(SPARES.min, used + missing));
    for (let i = 0; i < missing + spares; i++) {
      const slot = { name: slotName(slots.size + 1), shape, backend: undefined, freed: 0 };
      slots.set(slot.name, slot);
      push(blank, shape, slot);
    }
  };
  if (previous.length === 0) for (const shape of FIRST_SHAPES) grow(shape);
  for (const [id, shape] of wanted) {
    if ((blank.get(shape) ?? []).length === 0) grow(shape);
    const slot = blank.get(shape)?.shift();
    if (slot !== undefined) slots.set(slot.name, { ...slot, backend: id });
    wanted.delete(id);
  }
  return { slots: [...slots.values()], isGrown };
}

/** Whether every backend has its slot and no slot has another one. */
function isAssigned(slots: readonly BackendSlot[], backends: ReadonlyMap<string, ProxyBackend>): boolean {
  let missing = 0;
  for (const { protocol } of backends.values()) if (protocol !== 'udp') missing++;
  for (const { backend: id, shape } of slots) {
    if (id === undefined) continue;
    const backend = backends.get(id);
    if (backend === undefined || shapeOf(backend) !== shape) return false;
    missing--;
  }
  return missing === 0;
}

function slotName(number: number): string {
  return `b${String(number).padStart(4, '0')}`;
}

function push(lists: Map<Shape, BackendSlot[]>, shape: Shape, slot: BackendSlot): void {
  const list = lists.get(shape);
  if (list === undefined) lists.set(shape, [slot]);
  else list.push(slot);
}
