// Who stands at an end of a connection, as policies see it: with the address that the connection has there.

import { FairleadError } from '../base/errors.ts';
import { familyOf, parseIp, tryParseIp, type Family, type Ip } from '../base/ip.ts';
import type { RawContainerPort, RawNode, RawPod } from './raw-objects.ts';
import type { RawPolicyObjects } from './raw-policies.ts';

/** A pod, a node's own process, or an address outside. A pod of its node's network is its node; an address of somebody known is that one. */
export type PolicyEnd =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'outside'; readonly ip: Ip };

export type LocatedEnd =
  | { readonly kind: 'pod'; readonly pod: RawPod; readonly ip: Ip }
  | { readonly kind: 'node'; readonly name: string; readonly ip: Ip }
  | { readonly kind: 'outside'; readonly ip: Ip };

/**
 * The end with its address of the family. Throws `not-found` where no object has the name, and `invalid` where there is no such address, so
 * that no connection of the family can begin or end there: pods without an address (finished, not started, of the other family alone).
 */
export function locateEnd(objects: RawPolicyObjects, end: PolicyEnd, family: Family): LocatedEnd {
  switch (end.kind) {
    case 'pod': {
      const { namespace, name } = end;
      const pod = objects.pods.find((it) => it.metadata.namespace === namespace && it.metadata.name === name);
      if (pod === undefined)
        throw new FairleadError('not-found', `Cannot judge pod ${namespace}/${name}: there is none`);
      if (pod.spec.hostNetwork !== true || isFinished(pod))
        return { kind: 'pod', pod, ip: addressOf(`pod ${namespace}/${name}`, addressesOfPod(pod), family) };
      return locateEnd(objects, { kind: 'node', name: pod.spec.nodeName ?? '' }, family);
    }
    case 'node': {
      const node = objects.nodes.find((it) => it.metadata.name === end.name);
      if (node === undefined)
        throw new FairleadError('not-found', `Cannot judge node ${end.name}: there is none`);
      return { ...end, ip: addressOf(`node ${end.name}`, internalAddresses(node), family) };
    }
    case 'outside':
      addressOf(end.ip, [end.ip], family);
      return whoHas(objects, end.ip) ?? end;
    default:
      return end satisfies never;
  }
}

/** None of a pod that has ended: another may have its address already. A pod of its node's network has those of the node. */
function addressesOfPod(pod: RawPod): readonly Ip[] {
  if (isFinished(pod)) return [];
  return (pod.status?.podIPs ?? []).map((it) => parseIp(it.ip));
}

function isFinished({ status }: RawPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** All ports of what runs beside each other in the pod: containers, and init containers that go on. */
export function containerPorts({ spec }: RawPod): readonly RawContainerPort[] {
  const sidecars = (spec.initContainers ?? []).filter((it) => it.restartPolicy === 'Always');
  return [...(spec.containers ?? []), ...sidecars].flatMap((it) => it.ports ?? []);
}

/** Every address that a node says it has; names among them are none. */
export function allAddresses(node: RawNode): readonly Ip[] {
  return (node.status?.addresses ?? []).flatMap((it) => tryParseIp(it.address) ?? []);
}

function internalAddresses(node: RawNode): readonly Ip[] {
  const internal = (node.status?.addresses ?? []).filter((it) => it.type === 'InternalIP');
  return internal.map((it) => parseIp(it.address));
}

function addressOf(what: string, addresses: readonly Ip[], family: Family): Ip {
  const ip = addresses.find((it) => familyOf(it) === family);
  if (ip === undefined)
    throw new FairleadError('invalid', `Cannot judge ${what}: it has no IPv${family} address`);
  return ip;
}

function whoHas(objects: RawPolicyObjects, ip: Ip): LocatedEnd | undefined {
  const node = objects.nodes.find((it) => allAddresses(it).includes(ip));
  if (node !== undefined) return { kind: 'node', name: node.metadata.name, ip };
  const pod = objects.pods.find((it) => it.spec.hostNetwork !== true && addressesOfPod(it).includes(ip));
  return pod === undefined ? undefined : { kind: 'pod', pod, ip };
}
