// What an update of a Service carries over from the stored one, and what a change of its type takes away. Knows no allocator.

import { listOf, objectOf, type Draft } from '../../objects/json.ts';

/** Whether the type has node ports; a load balancer may still do without (`allocateLoadBalancerNodePorts`). */
export function hasNodePorts(spec: Readonly<Draft>): boolean {
  return spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
}

/** Only then somebody outside has to ask a node whether it takes traffic. */
export function hasHealthCheckPort(spec: Readonly<Draft>): boolean {
  return spec['type'] === 'LoadBalancer' && spec['externalTrafficPolicy'] === 'Local';
}

/** Reachable from outside by an address or port that traffic policies speak of. */
export function isExposed(spec: Readonly<Draft>): boolean {
  return hasNodePorts(spec) || (spec['type'] === 'ClusterIP' && listOf(spec['externalIPs']).length > 0);
}

/**
 * As the API server of Kubernetes does (pkg/registry/core/service): who sends back the manifest that made a Service keeps what was
 * allocated for it; who changes the type loses what the new one cannot have, unless they say otherwise.
 */
export function carryOver(spec: Draft, before: Readonly<Draft>): void {
  if (hasNodePorts(before)) {
    if (hasNodePorts(spec)) keepNodePorts(spec, before);
    else if (sameNodePorts(spec, before)) for (const port of portsOf(spec)) delete port['nodePort'];
  }
  if (hasHealthCheckPort(before)) {
    if (!hasHealthCheckPort(spec)) dropUnchanged(spec, before, 'healthCheckNodePort');
    else if (!spec['healthCheckNodePort']) spec['healthCheckNodePort'] = before['healthCheckNodePort'];
  }
  if (before['type'] === 'LoadBalancer' && spec['type'] !== 'LoadBalancer') {
    dropUnchanged(spec, before, 'allocateLoadBalancerNodePorts');
    dropUnchanged(spec, before, 'loadBalancerClass');
  }
  if (isExposed(before) && !isExposed(spec)) dropUnchanged(spec, before, 'externalTrafficPolicy');
}

function dropUnchanged(spec: Draft, before: Readonly<Draft>, field: string): void {
  if (spec[field] === before[field]) delete spec[field];
}

/** By name, so that a port may change its number and keep its node port. One that another port asks for is gone. */
function keepNodePorts(spec: Readonly<Draft>, before: Readonly<Draft>): void {
  const used = nodePortsOf(spec);
  const byName = new Map(portsOf(before).map((port) => [nameOf(port), port['nodePort']]));
  for (const port of portsOf(spec)) {
    if (port['nodePort']) continue;
    const old = byName.get(nameOf(port));
    if (typeof old === 'number' && old > 0 && !used.has(old)) port['nodePort'] = old;
  }
}

function sameNodePorts(a: Readonly<Draft>, b: Readonly<Draft>): boolean {
  const [ours, theirs] = [nodePortsOf(a), nodePortsOf(b)];
  return ours.size === theirs.size && [...ours].every((port) => theirs.has(port));
}

function nodePortsOf(spec: Readonly<Draft>): ReadonlySet<unknown> {
  return new Set(portsOf(spec).flatMap(({ nodePort }) => (nodePort ? [nodePort] : [])));
}

function nameOf(port: Readonly<Draft>): string {
  return typeof port['name'] === 'string' ? port['name'] : '';
}

/** Field types were checked at the door. */
function portsOf(spec: Readonly<Draft>): readonly Draft[] {
  return listOf(spec['ports']).map((port) => port as Draft);
}

/** The status of a Service that is no load balancer (any more) names no address of one. */
export function loadBalancerStatus(spec: Readonly<Draft>, status: unknown): Readonly<Draft> {
  const kept = objectOf(status);
  return spec['type'] === 'LoadBalancer' ? kept : { ...kept, loadBalancer: {} };
}
