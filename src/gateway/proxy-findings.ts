// What the proxy has not, told by the objects that ask for it: from the report of the driver, which speaks of ports, certificates, rules and backends.

import type { ProxyModel, ProxyPort } from '../model/gateway.ts';

export interface ProxyFindings {
  /** Undefined where the proxy was brought to the model; why it was not, in words, where it was not. */
  readonly problem: string | undefined;
  /** Why a listener is not served as it should be, by its id. */
  readonly listeners: ReadonlyMap<string, string>;
  /** Why a route or an Ingress is not, by "HTTPRoute shop/web". */
  readonly routes: ReadonlyMap<string, string>;
}

export function unreached(problem: string): ProxyFindings {
  return { problem, listeners: new Map(), routes: new Map() };
}

/** `problems` by ids of the model, ports as "port 80"; `udpProblem` where the kernel does not lead datagrams, of which it has all or none. */
export function findingsOf(
  model: ProxyModel,
  problems: ReadonlyMap<string, string>,
  udpProblem?: string,
): ProxyFindings {
  const notLed = udpProblem === undefined ? [] : model.udpPorts.map((it) => ({ ...it, why: udpProblem }));
  if (problems.size === 0 && notLed.length === 0) return NOTHING;
  return {
    problem: undefined,
    listeners: new Map([
      ...model.ports.flatMap((port) => listenersOf(port, problems)),
      ...notLed.map(({ id, why }) => [id, why] as const),
    ]),
    routes: new Map([
      ...[...problems].flatMap(([id, why]) => routeOf(id, why)),
      ...notLed.flatMap(({ target, why }) => (target === undefined ? [] : routeOf(target.id, why))),
    ]),
  };
}

const NOTHING: ProxyFindings = { problem: undefined, listeners: new Map(), routes: new Map() };

function listenersOf(
  port: ProxyPort,
  problems: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const listeners = port.kind === 'tcp' ? [port] : port.listeners;
  const closed = problems.get(`port ${port.port}`);
  if (closed !== undefined) return listeners.map(({ id }) => [id, closed] as const);
  return listeners.flatMap((it) => {
    const refused = 'tls' in it ? it.tls.certificates.flatMap((id) => problems.get(id) ?? []) : [];
    const [first] = refused;
    return first === undefined ? [] : [[it.id, first] as const];
  });
}

const RULE = /^(HTTPRoute|GRPCRoute|TLSRoute|TCPRoute|UDPRoute|Ingress)\/([^/]+\/[^/]+)\/.+$/;

function routeOf(id: string, why: string): readonly (readonly [string, string])[] {
  const [, kind, key] = RULE.exec(id) ?? [];
  return kind === undefined || key === undefined ? [] : [[`${kind} ${key}`, why]];
}
