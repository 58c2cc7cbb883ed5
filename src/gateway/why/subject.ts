// Which Gateway, or which class of Ingresses, a request is about: the one that is named, or else the one that has it.

import { FairleadError } from '../../base/errors.ts';
import { GATEWAY_CONTROLLER } from '../../objects/gateway-api/common.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { INGRESS_CONTROLLER, type IngressClass } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { ingressesOf } from '../../oracle/route-ingress.ts';
import { listenersOf } from '../../oracle/route-listener.ts';
import { judge } from '../../oracle/route.ts';
import { addressesOf } from './addresses.ts';
import { askedText, requestTo, type Asked } from './asked.ts';
import { judgeClass } from './ingress-report.ts';
import type { RouteWorld } from './route-world.ts';

export type Subject =
  | { readonly kind: 'gateway'; readonly gateway: Gateway }
  | { readonly kind: 'class'; readonly ingressClass: IngressClass };

export interface SubjectNames {
  /** "shop/public" */
  readonly gateway?: string;
  /** Of an IngressClass. */
  readonly class?: string;
  /** One of the addresses of what it comes to. */
  readonly address?: string;
}

/** Throws `invalid` where there is none, or not one alone, with those that there are. */
export function chooseSubject(world: RouteWorld, asked: Asked, names: SubjectNames): Subject {
  const all = subjectsOf(world);
  if (names.gateway !== undefined) return named(world, `Gateway ${names.gateway}`);
  if (names.class !== undefined) return named(world, `IngressClass ${names.class}`);
  const reached = names.address === undefined ? all : atAddress(world, all, names.address);
  const [only, ...more] = reached;
  if (only === undefined)
    return fail(`tell where ${askedText(asked)} goes`, 'there are neither Gateways nor Ingresses');
  if (more.length === 0) return only;
  const ranked = reached.map((subject) => ({ subject, rank: rankOf(world, subject, asked) }));
  const best = Math.max(...ranked.map((it) => it.rank));
  const chosen = ranked.filter((it) => it.rank === best).map((it) => it.subject);
  const [first, ...others] = chosen;
  if (first !== undefined && others.length === 0) return first;
  const several = chosen.map(nameOf).join(', ');
  const why =
    best === 0
      ? `nobody listens there: ${reached.map((it) => withPorts(world, it)).join('; ')}`
      : `${best > 1 ? `${several} have it` : `${several} listen there, and none has it`}: name one by --gateway or --class`;
  return fail(`tell which one ${askedText(asked)} is about`, why);
}

/** Of a cluster those that Fairlead serves; of files all, since their cluster may be another one. */
function subjectsOf(world: RouteWorld, isAll = !world.isLive): readonly Subject[] {
  const { objects, gatewayClasses } = world;
  const isOurs = ({ className }: Gateway): boolean =>
    gatewayClasses.some((it) => it.name === className && it.controllerName === GATEWAY_CONTROLLER);
  const classes = objects.ingressClasses.filter(
    (it) =>
      (isAll || it.controllerName === INGRESS_CONTROLLER) &&
      ingressesOf({ ...objects, ingressClasses: [it] }, it.controllerName).length > 0,
  );
  return [
    ...objects.gateways
      .filter((it) => isAll || isOurs(it))
      .map((gateway): Subject => ({ kind: 'gateway', gateway })),
    ...classes.map((ingressClass): Subject => ({ kind: 'class', ingressClass })),
  ];
}

/** Also one that is not ours, which is told of then. */
function named(world: RouteWorld, name: string): Subject {
  const all = subjectsOf(world, true);
  const found = all.find((it) => nameOf(it) === name);
  return (
    found ??
    fail(
      `find ${name}`,
      all.length === 0 ? 'there is nothing that routes requests' : `there are ${all.map(nameOf).join(', ')}`,
    )
  );
}

function atAddress(world: RouteWorld, all: readonly Subject[], address: string): readonly Subject[] {
  const found = all.filter((it) => addressesOf(world, it).includes(address));
  if (found.length > 0) return found;
  const known = all.map((it) => `${nameOf(it)} (${addressesOf(world, it).join(', ') || 'no address'})`);
  return fail(`find who has the address ${address}`, `there are ${known.join(', ')}`);
}

/** How much of it has the request: a rule, a listener by name, a port, nothing. */
function rankOf(world: RouteWorld, subject: Subject, asked: Asked): number {
  if (subject.kind === 'gateway') {
    const { answer, at } = judge(world.objects, requestTo(subject.gateway, asked));
    if (answer.kind === 'rule' || answer.kind === 'stream') return 3;
    if (at !== undefined) return 2;
    return answer.kind === 'closed' && answer.because === 'no-listener' ? 0 : 1;
  }
  const judgement = judgeClass(world, subject.ingressClass, asked);
  if (judgement === undefined) return 0;
  if (judgement.found === undefined) return 1;
  // A default backend has whatever nobody else has.
  return judgement.found.part === 'default backend' ? 1.5 : 3;
}

function nameOf(subject: Subject): string {
  return subject.kind === 'gateway'
    ? `Gateway ${objectKey(subject.gateway)}`
    : `IngressClass ${subject.ingressClass.name}`;
}

function withPorts({ objects }: RouteWorld, subject: Subject): string {
  if (subject.kind === 'class') return `${nameOf(subject)} (80, 443)`;
  const listeners = listenersOf(objects, subject.gateway).map(
    ({ listener: { port, protocol, hostname } }) =>
      `${port} ${protocol}${hostname === undefined ? '' : ` ${hostname}`}`,
  );
  return `${nameOf(subject)} (${[...new Set(listeners)].join(', ')})`;
}

function fail(what: string, why: string): never {
  throw new FairleadError('invalid', `Cannot ${what}: ${why}`);
}
