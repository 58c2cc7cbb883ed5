// The report on a request to a Gateway.

import { GATEWAY_CONTROLLER } from '../../objects/gateway-api/common.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { ISSUER_OPTION } from '../../objects/gateway-api/local-certificate.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { isGrpc } from '../../oracle/route-grpc.ts';
import { explainRoute, type RouteExplanation } from '../../oracle/route-explain.ts';
import { hostOf } from '../../oracle/route-host.ts';
import { validationOf, type OwnedListener } from '../../oracle/route-listener.ts';
import type { Closed, GatewayRequest, RouteAnswer } from '../../oracle/route-objects.ts';
import { askedText, requestTo, type Asked } from './asked.ts';
import { answerText, backendReports, locationOf } from './backend-report.ts';
import { conditionNotes } from './condition-notes.ts';
import { listenerText, matchOf, obstacleText, ruleText } from './obstacle-text.ts';
import { sharesText, type BackendReport, type Placed, type PlaceOf, type RouteReport } from './report.ts';
import type { RouteWorld } from './route-world.ts';
import { treatmentOf } from './treatment.ts';
import { refText } from './words.ts';

interface Case {
  readonly world: RouteWorld;
  readonly request: GatewayRequest;
  readonly explanation: RouteExplanation;
  readonly placeOf: PlaceOf;
}

export function gatewayReport(
  world: RouteWorld,
  gateway: Gateway,
  asked: Asked,
  placeOf: PlaceOf,
): RouteReport {
  const request = requestTo(gateway, asked);
  const explanation = explainRoute(world.objects, request);
  const of: Case = { world, request, explanation, placeOf };
  const { answer, near } = explanation;
  const winner = winnerOf(explanation);
  const backends = backendsOf(of);
  const own = answer.kind === 'rule' && answer.choices.length === 1 ? answer.choices[0]?.outcome : answer;
  return {
    request: askedText(asked),
    subject: `Gateway ${objectKey(gateway)}`,
    verdict: verdictOf(of, backends),
    kind: kindOf(answer),
    statuses: own?.kind === 'respond' ? own.statuses : [],
    location: own?.kind === 'respond' ? locationOf(own) : undefined,
    listener: explanation.at && placedListener(of, explanation.at),
    tls: tlsOf(of),
    rule: winner && {
      text: ruleText(winner.of, winner.rule),
      match: matchOf(winner.of, winner.rule, winner.match),
      at: placeOf(ruleText(winner.of, undefined), fieldOf(winner)),
    },
    treatment: explanation.found === undefined ? [] : treatmentOf(explanation.found.found.rule),
    backends,
    near: near.map((it) => ({
      text: ruleText(it.of, it.rule),
      kind: it.because.kind,
      because: obstacleText(it, request),
      at: placeOf(ruleText(it.of, undefined), fieldOf(it)),
    })),
    listeners: otherListeners(of),
    notes: [...notesOf(of, gateway), ...conditionNotes(world, gateway, winner?.of)],
  };
}

function kindOf(answer: RouteAnswer): RouteReport['kind'] {
  if (answer.kind === 'closed' || answer.kind === 'stream') return answer.kind;
  if (answer.kind !== 'rule') return 'respond';
  if (answer.choices.length > 1) return 'several';
  return answer.choices[0]?.outcome.kind === 'forward' ? 'forward' : 'respond';
}

type Winner = Pick<RouteExplanation['near'][number], 'of' | 'rule' | 'match'>;

function winnerOf({ found, streams }: RouteExplanation): Winner | undefined {
  if (found !== undefined) return { of: found.found.of, rule: found.found.index, match: found.found.match };
  const [first] = streams;
  return first && { of: first.of, rule: 0, match: undefined };
}

function fieldOf({ rule, match }: Winner): string {
  if (rule === undefined) return 'metadata.name';
  return `spec.rules[${rule}]${match === undefined ? '' : `.matches[${match}]`}`;
}

function backendsOf({ world, request, explanation }: Case): readonly BackendReport[] {
  const { answer, ends } = explanation;
  const winner = winnerOf(explanation);
  if ((answer.kind !== 'rule' && answer.kind !== 'stream') || winner === undefined) return [];
  const from = { kind: winner.of.kind, namespace: winner.of.route.namespace };
  return backendReports(world, request, { choices: answer.choices, ends, from });
}

function verdictOf({ request, explanation }: Case, backends: readonly BackendReport[]): string {
  const { answer, arrivedAt, at } = explanation;
  switch (answer.kind) {
    case 'closed':
      return closedText(answer, request);
    case 'grpc-status':
      return `${answerText(answer)}, no rule has it`;
    case 'respond': {
      const [status] = answer.statuses;
      if (status === 421 && at !== undefined && arrivedAt !== undefined)
        return `421, the name asked for by TLS is of ${listenerText(arrivedAt)}, the host of ${listenerText(at)}`;
      if (status === 400) return '400, the path does not begin with /';
      return at === undefined
        ? `${status}, no listener of port ${request.port} has ${hostOf(request.host) ?? 'requests without a host'}`
        : `${status}, no rule has it`;
    }
    case 'rule':
    case 'stream':
      return backends.length > 0 ? sharesText(backends) : withoutBackends(answer);
  }
}

function withoutBackends(answer: Extract<RouteAnswer, { readonly kind: 'rule' | 'stream' }>): string {
  const outcome = answer.choices[0]?.outcome;
  if (outcome?.kind === 'respond' && (outcome.statuses[0] ?? 0) < 500) return answerText(outcome);
  return outcome?.kind === 'respond' || outcome?.kind === 'grpc-status'
    ? `${answerText(outcome)}, the rule leads to no backend`
    : 'refused, the rule leads to no backend';
}

function closedText({ because }: Closed, { port, transport, tls }: GatewayRequest): string {
  const texts: Readonly<Record<Closed['because'], string>> = {
    'no-listener': `no connection, no listener is served at port ${port} of ${transport}`,
    'no-name': `TLS is refused, no listener of port ${port} has ${tls?.serverName ?? 'connections without a name'}`,
    'no-route': 'closed, no route has the connection',
    'not-tls': `closed, port ${port} speaks TLS, and the request does not`,
    'not-plain': `closed, port ${port} speaks plain HTTP, and the request TLS`,
    'not-trusted': `TLS is refused, port ${port} wants a certificate of the client`,
  };
  return texts[because];
}

function placedListener(
  { placeOf }: Pick<Case, 'placeOf'>,
  { owner, listener, index }: OwnedListener,
): Placed {
  const { name, port, protocol, hostname } = listener;
  const of = owner.kind === 'Gateway' ? '' : ` of ${owner.kind} ${objectKey(owner)}`;
  return {
    text: `${name}${of}, port ${port} ${protocol}${hostname === undefined ? '' : `, ${hostname}`}`,
    at: placeOf(`${owner.kind} ${objectKey(owner)}`, `spec.listeners[${index}]`),
  };
}

function otherListeners(of: Case): readonly Placed[] {
  const { at, listeners } = of.explanation;
  return listeners
    .filter((it) =>
      at === undefined || it.unservedBy === undefined
        ? at === undefined
        : it.at.listener.port === of.request.port,
    )
    .map(({ at: it, unservedBy }) => {
      const { text, at: place } = placedListener(of, it);
      if (unservedBy === undefined) return { text, at: place };
      return { text: `${text}: not served (${unservedBy.join(', ')})`, at: place };
    });
}

function tlsOf({ request, explanation }: Case): string | undefined {
  const at = explanation.arrivedAt;
  if (request.tls === undefined || at === undefined) return undefined;
  const { tls } = at.listener;
  const name = request.tls.serverName ?? 'no name';
  if (at.listener.protocol === 'TLS' && tls?.mode === 'passthrough')
    return `${name} is handed on as it comes: the backend ends TLS`;
  const secrets = (tls?.certificates ?? []).map(refText).join(', ');
  const where = explanation.at === at ? '' : ` of ${listenerText(at)}`;
  return `${name}${where} ends here, by ${secrets}`;
}

function notesOf({ world, explanation, request }: Case, gateway: Gateway): readonly string[] {
  const { at, arrivedAt } = explanation;
  const { certificates = [], options } = arrivedAt?.listener.tls ?? {};
  // Of the cluster's own authority, who makes them where they are asked for.
  const isIssued = options?.has(ISSUER_OPTION) ?? false;
  const assumed = isIssued ? [] : certificates.map(refText).filter((it) => world.assumed.has(it));
  const validation = at && validationOf(gateway, at.listener);
  const isCall = isGrpc(request);
  return [
    ...classNotes(world, gateway),
    ...assumed.map((it) => `${it} is in no manifest: it is taken to be there`),
    ...(validation?.mode === 'valid-only'
      ? [`clients must show a certificate: that it is a good one is taken for granted`]
      : []),
    ...(!isCall &&
    request.path.split('/').length === 3 &&
    explanation.near.some((it) => it.because.kind === 'not-grpc')
      ? ["gRPC is asked about by -H 'content-type: application/grpc'"]
      : []),
  ];
}

function classNotes({ gatewayClasses, isLive }: RouteWorld, { className }: Gateway): readonly string[] {
  const found = gatewayClasses.find((it) => it.name === className);
  if (found === undefined)
    return isLive ? [`its class ${className} is nobody's: there is no such GatewayClass`] : [];
  return found.controllerName === GATEWAY_CONTROLLER
    ? []
    : [`its class ${className} is of ${found.controllerName}: what that does may differ`];
}
