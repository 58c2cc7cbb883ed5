// The nodes behind a Service's balancer, and the ports by which they take and judge its connections. Pure.

import { FairleadError } from '../../base/errors.ts';
import { familyOf, tryParseIp } from '../../base/ip.ts';
import { parsePort, type Port } from '../../base/port.ts';
import type { Node, Service } from '../../objects/api-types.ts';
import { keyOf } from '../../objects/meta.ts';
import type { BalancedNode } from './node-health.ts';

/** Where a node speaks of itself: asked where a Service's traffic may go through any node. */
const NODE_HEALTH_PORT = parsePort(10256);

/** `port` is the Service's, the first one where it is undefined. Throws `invalid` for a Service that no balancer can reach. */
export function balancedNodes(
  service: Service,
  nodes: readonly Node[],
  port: number | undefined,
): readonly BalancedNode[] {
  const nodePort = nodePortOf(service, port);
  const own = service.spec?.healthCheckNodePort ?? 0;
  const health =
    own > 0
      ? { healthPort: parsePort(own), healthPath: '/' }
      : { healthPort: NODE_HEALTH_PORT, healthPath: '/healthz' };
  const family = service.spec?.ipFamilies?.[0] === 'IPv6' ? 6 : 4;
  return nodes.flatMap((node) => {
    const ips = (node.status?.addresses ?? [])
      .filter(({ type }) => type === 'InternalIP')
      .flatMap(({ address }) => tryParseIp(address) ?? []);
    const ip = ips.find((it) => familyOf(it) === family);
    return ip === undefined ? [] : [{ name: node.metadata.name, ip, port: nodePort, ...health }];
  });
}

function nodePortOf(service: Service, port: number | undefined): Port {
  const ports = (service.spec?.ports ?? []).filter((it) => (it.protocol ?? 'TCP') === 'TCP');
  const found = port === undefined ? ports[0] : ports.find((it) => it.port === port);
  if (found?.nodePort !== undefined) return parsePort(found.nodePort);
  const what = port === undefined ? 'TCP port' : `TCP port ${port}`;
  throw new FairleadError(
    'invalid',
    `Cannot balance Service ${keyOf(service)}: it has no ${what} with a node port`,
  );
}
