// The report on a request to the controller of Ingresses of a class.

import { NGINX_PREFIX } from '../../compile/gateway/ingress-annotations.ts';
import { INGRESS_CONTROLLER, type IngressBackend, type IngressClass } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import {
  ingressCertificate,
  judgeIngress,
  pathPrecedenceOf,
  type IngressJudgement,
  type IngressObjects,
  type TriedPath,
} from '../../oracle/route-ingress.ts';
import type { GatewayRequest } from '../../oracle/route-objects.ts';
import { askedText, requestTo, type Asked } from './asked.ts';
import { answerText, backendReports } from './backend-report.ts';
import { pathObstacle, precedenceText } from './obstacle-text.ts';
import { sharesText, type BackendReport, type NearReport, type PlaceOf, type RouteReport } from './report.ts';
import type { RouteWorld } from './route-world.ts';
import { pathText } from './words.ts';

const PORTS: readonly number[] = [80, 443];

/** The class alone, whoever its controller is. */
function objectsOf({ objects }: RouteWorld, of: IngressClass): IngressObjects {
  return { ...objects, ingressClasses: [of] };
}

/** Who speaks neither HTTP nor HTTPS at their ports comes to nobody: undefined. */
export function judgeClass(world: RouteWorld, of: IngressClass, asked: Asked): IngressJudgement | undefined {
  const isHttp = asked.scheme === (asked.port === 443 ? 'https' : 'http');
  if (!isHttp || !PORTS.includes(asked.port)) return undefined;
  return judgeIngress(objectsOf(world, of), of.controllerName, requestOf(of, asked));
}

function requestOf({ name }: IngressClass, asked: Asked): GatewayRequest {
  return requestTo({ namespace: '', name }, asked);
}

export function ingressReport(
  world: RouteWorld,
  of: IngressClass,
  asked: Asked,
  placeOf: PlaceOf,
): RouteReport {
  const request = requestOf(of, asked);
  const judgement = judgeClass(world, of, asked);
  const { answer, found } = judgement ?? {};
  const backends = judgement === undefined ? [] : backendsOf(world, request, judgement);
  const [result] = backends;
  return {
    request: askedText(asked),
    subject: `IngressClass ${of.name}`,
    verdict: verdictOf(request, judgement, backends),
    kind: judgement === undefined ? 'closed' : result?.result.kind === 'forward' ? 'forward' : 'respond',
    statuses: answer?.kind === 'respond' ? answer.statuses : [],
    location: undefined,
    listener: undefined,
    tls: request.tls && judgement && tlsText(world, of, request.tls.serverName),
    rule: found && {
      text: pathName(found),
      match: matchText(found),
      at: placeOf(`Ingress ${objectKey(found.ingress)}`, found.field),
    },
    treatment: [],
    backends,
    near: judgement === undefined ? [] : nearOf(judgement, request, placeOf),
    listeners: [],
    notes: [...classNotes(world, of), ...(judgement === undefined ? [] : annotationNotes(judgement))],
  };
}

function verdictOf(
  { port }: GatewayRequest,
  judgement: IngressJudgement | undefined,
  backends: readonly BackendReport[],
): string {
  if (judgement === undefined)
    return `no connection, Ingresses have HTTP at 80 and HTTPS at 443, not this at ${port}`;
  if (backends.length > 0) return sharesText(backends);
  const { answer } = judgement;
  return answer.kind === 'respond' ? `${answerText(answer)}, no Ingress has it` : 'no Ingress has it';
}

function tlsText(world: RouteWorld, of: IngressClass, serverName: string | undefined): string {
  const secret = ingressCertificate(objectsOf(world, of), of.controllerName, serverName);
  const by = secret === undefined ? "the controller's own certificate" : `Secret ${secret}`;
  return `${serverName ?? 'no name'} ends here, by ${by}`;
}

function backendsOf(
  world: RouteWorld,
  request: GatewayRequest,
  { answer, found, resolved }: IngressJudgement,
): readonly BackendReport[] {
  if (answer.kind !== 'rule' || found === undefined || resolved === undefined) return [];
  const { namespace } = found.ingress;
  const ref = { ...refOf(world, namespace, found.backend), weight: 1 };
  return backendReports(world, request, {
    choices: answer.choices,
    ends: [{ ref, resolved }],
    from: { kind: 'Ingress', namespace },
  });
}

/** With the number of a port that has a name. */
function refOf({ objects }: RouteWorld, namespace: string, backend: IngressBackend) {
  if (backend.kind === 'resource') return { ...backend.ref, port: undefined };
  const { name, port } = backend;
  const service = objects.services.find((it) => it.namespace === namespace && it.name === name);
  const number = typeof port === 'number' ? port : service?.ports.find((it) => it.name === port)?.port;
  return { group: '', kind: 'Service', namespace, name, port: number };
}

function nearOf(
  { tried, found }: IngressJudgement,
  request: GatewayRequest,
  placeOf: PlaceOf,
): readonly NearReport[] {
  return tried
    .filter((it) => it !== found)
    .sort((a, b) => distanceOf(a) - distanceOf(b))
    .flatMap((it) => {
      const because = obstacleOf(it, found, request);
      const at = placeOf(`Ingress ${objectKey(it.ingress)}`, it.field);
      return because === undefined ? [] : [{ text: pathName(it), kind: kindOf(it), because, at }];
    });
}

function kindOf({ miss }: TriedPath): NearReport['kind'] {
  if (miss === undefined) return 'precedence';
  return miss.kind === 'host' ? 'hostnames' : 'path';
}

function distanceOf({ miss }: TriedPath): number {
  if (miss === undefined) return 0;
  return miss.kind === 'path' ? 1 : 2;
}

function obstacleOf(
  { miss, ...tried }: TriedPath,
  found: TriedPath | undefined,
  { host, path }: GatewayRequest,
): string | undefined {
  switch (miss?.kind) {
    case 'path':
      return pathObstacle(miss.path, path);
    case 'host':
      return `host ${miss.host} does not have ${host ?? 'requests without one'}`;
    case undefined:
      return found && precedenceText(pathPrecedenceOf(found, { ...tried, miss }));
  }
}

function pathName({ ingress, part }: TriedPath): string {
  return `Ingress ${objectKey(ingress)} ${part}`;
}

function matchText({ ingress, part }: TriedPath): string | undefined {
  const [, rule, path] = /^rule (\d+) path (\d+)$/.exec(part) ?? [];
  const found = ingress.rules[Number(rule)];
  const at = found?.paths[Number(path)];
  if (found === undefined || at === undefined) return undefined;
  const type = at.type === 'exact' ? 'exact' : 'prefix';
  return [...(found.host === undefined ? [] : [found.host]), pathText({ type, value: at.path })].join(', ');
}

function classNotes({ assumed }: RouteWorld, { name, controllerName }: IngressClass): readonly string[] {
  if (assumed.has(`IngressClass ${name}`))
    return [`IngressClass ${name} is in no manifest: it is taken to be of Fairlead`];
  return controllerName === INGRESS_CONTROLLER
    ? []
    : [`the class is of ${controllerName}: what that does may differ`];
}

/** What annotations ask for is nothing that the specification speaks of: of the Ingresses that have the host. */
function annotationNotes({ tried }: IngressJudgement): readonly string[] {
  const ingresses = new Set(tried.filter((it) => it.miss?.kind !== 'host').map((it) => it.ingress));
  return [...ingresses].flatMap((it) => {
    const own = [...it.annotations.keys()]
      .filter((name) => name.startsWith(NGINX_PREFIX))
      .map((name) => name.slice(NGINX_PREFIX.length));
    return own.length === 0
      ? []
      : [
          `not judged, and may change all of this: Ingress ${objectKey(it)} has the annotations ${own.join(', ')}`,
        ];
  });
}
