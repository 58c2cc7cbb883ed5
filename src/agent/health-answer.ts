// What a node tells a load balancer that asks whether to send traffic: the words are kube-proxy's (pkg/proxy/healthcheck). Pure.

import type { Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import { frontendPlaceOf } from '../compile/frontend-place.ts';
import type { HealthCheck, NodeView } from '../model/network.ts';

/** One address and port at which the node answers, and the state that it answers with. */
export type HealthDoor =
  | {
      readonly kind: 'service';
      readonly at: HealthPlace;
      readonly check: HealthCheck;
      readonly isDraining: boolean;
    }
  | { readonly kind: 'node'; readonly at: HealthPlace; readonly isDraining: boolean };

export interface HealthPlace {
  readonly ip: Ip;
  readonly port: Port;
}

export interface HealthAnswer {
  readonly code: 200 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** By "address:port": a door per health check of a Service and address of the node, and the node's own where it has a port. */
export function renderHealthDoors(
  view: NodeView,
  { isDraining, nodePort }: { readonly isDraining: boolean; readonly nodePort: Port | undefined },
): ReadonlyMap<string, HealthDoor> {
  const { nodePortIps, nodeIps } = frontendPlaceOf(view.node, view.cluster, view.peers);
  const doors: HealthDoor[] = [
    ...(nodePort === undefined ? [] : nodeIps).map((ip): HealthDoor => ({
      kind: 'node',
      at: { ip, port: nodePort as Port },
      isDraining,
    })),
    ...[...view.healthChecks].flatMap(([port, check]) =>
      nodePortIps.map((ip): HealthDoor => ({ kind: 'service', at: { ip, port }, check, isDraining })),
    ),
  ];
  return new Map(doors.map((door) => [placeText(door.at), door]));
}

export function placeText({ ip, port }: HealthPlace): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export function answerOf(door: HealthDoor, nowMs: number): HealthAnswer {
  return door.kind === 'node' ? nodeAnswer(door.isDraining, nowMs) : serviceAnswer(door);
}

const HEADERS = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };

function serviceAnswer({ check, isDraining }: Extract<HealthDoor, { kind: 'service' }>): HealthAnswer {
  const { namespace, service: name, localEndpoints } = check;
  const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: !isDraining };
  return {
    code: localEndpoints > 0 && !isDraining ? 200 : 503,
    headers: { ...HEADERS, 'x-load-balancing-endpoint-weight': String(localEndpoints) },
    body: JSON.stringify(body),
  };
}

/** Whatever has been programmed last still works: a node that says nothing of itself is well now. */
function nodeAnswer(isDraining: boolean, nowMs: number): HealthAnswer {
  const now = new Date(nowMs).toISOString();
  const body = { lastUpdated: now, currentTime: now, nodeEligible: !isDraining };
  return { code: isDraining ? 503 : 200, headers: HEADERS, body: JSON.stringify(body) };
}
