// Services, endpoint slices and pods -> the names of the cluster. One Service's names depend on it and its slices alone.

import type { Cidr } from '../base/cidr.ts';
import { compareIps } from '../base/ip.ts';
import { ShardedMap } from '../base/sharded-map.ts';
import {
  nameEntryKey,
  type NamedEndpoint,
  type NamedPort,
  type NameEntry,
  type NameZone,
} from '../model/names.ts';
import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { Pod } from '../objects/pod.ts';
import type { Service } from '../objects/service.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { NodeChanges } from './node-compiler.ts';
import { ServiceInputs } from './service-inputs.ts';

/** What names are made of. */
export type NameObjects = Pick<ClusterObjects, 'services' | 'endpointSlices' | 'pods'>;

export interface NameSettings {
  /** Service and pod prefixes of the cluster. */
  readonly prefixes: readonly Cidr[];
  /** Whether pods have records of their own (1-2-3-4.namespace.pod.<domain>). */
  readonly hasPodRecords: boolean;
}

/** The names of these objects. */
export function compileNames(objects: NameObjects, settings: NameSettings): NameZone {
  const inputs = new ServiceInputs();
  inputs.update(objects, undefined);
  return new NameCompiler(settings).compile(objects, inputs, undefined);
}

/**
 * Compiles again and again; where no name changed it gives the zone of before, and an entry that says the same stays the same object, so that
 * differences are found by reference. What it returns depends on the objects alone.
 */
export class NameCompiler {
  readonly #settings: NameSettings;
  /** Service -> its names. */
  readonly #services = new Map<string, NameEntry>();
  #pods: ReadonlyMap<Pod, readonly NameEntry[]> = new Map();
  #entries = ShardedMap.empty<NameEntry>();
  #zone: NameZone;

  constructor(settings: NameSettings) {
    this.#settings = settings;
    this.#zone = { prefixes: settings.prefixes, entries: this.#entries };
  }

  /** `inputs` has taken in the same change already; undefined for changes stands for any. */
  compile(objects: NameObjects, inputs: ServiceInputs, changes: NodeChanges | undefined): NameZone {
    const changed = new Map<string, NameEntry | undefined>();
    const keys = changes?.services ?? new Set([...this.#services.keys(), ...objects.services.keys()]);
    for (const key of keys) this.#compileService(key, objects, inputs, changed);
    if (this.#settings.hasPodRecords && changes?.objects.pods.size !== 0) this.#compilePods(objects, changed);
    if (changed.size === 0) return this.#zone;
    this.#entries = this.#entries.with(changed);
    this.#zone = { prefixes: this.#settings.prefixes, entries: this.#entries };
    return this.#zone;
  }

  #compileService(
    key: string,
    objects: NameObjects,
    inputs: ServiceInputs,
    changed: Map<string, NameEntry | undefined>,
  ): void {
    const service = objects.services.get(key);
    const entry = service && compileServiceNames(service, inputs.slicesOf(key));
    const known = this.#services.get(key);
    if (isSameEntry(known, entry)) return;
    if (known !== undefined) changed.set(nameEntryKey(known), undefined);
    if (entry === undefined) this.#services.delete(key);
    else {
      this.#services.set(key, entry);
      changed.set(nameEntryKey(entry), entry);
    }
  }

  #compilePods(objects: NameObjects, changed: Map<string, NameEntry | undefined>): void {
    const pods = new Map<Pod, readonly NameEntry[]>();
    for (const pod of objects.pods.values()) pods.set(pod, this.#pods.get(pod) ?? compilePodNames(pod));
    for (const [pod, entries] of this.#pods)
      if (!pods.has(pod)) for (const entry of entries) changed.set(nameEntryKey(entry), undefined);
    for (const [pod, entries] of pods) {
      for (const entry of entries) {
        const key = nameEntryKey(entry);
        // Two pods may have one address, one after the other: the name stays while one has it.
        if (!this.#pods.has(pod) || changed.has(key)) changed.set(key, entry);
      }
    }
    this.#pods = pods;
  }
}

function isSameEntry(a: NameEntry | undefined, b: NameEntry | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

/** The names of one Service; undefined where it has none (no address yet, no ready endpoint). `slices` are its own, in any order. */
export function compileServiceNames(
  service: Service,
  slices: readonly EndpointSlice[],
): NameEntry | undefined {
  const { namespace, name } = service;
  if (service.type === 'ExternalName') {
    const target = service.externalName ?? '';
    return target === '' ? undefined : { kind: 'external', namespace, service: name, target };
  }
  if (service.isHeadless) {
    const endpoints = compileEndpoints(service, slices);
    return endpoints.length === 0 ? undefined : { kind: 'headless', namespace, service: name, endpoints };
  }
  if (service.clusterIps.length === 0) return undefined;
  const ports = namedPorts(service.ports);
  return { kind: 'cluster-ip', namespace, service: name, ips: service.clusterIps, ports };
}

/** A pod's own records; none once its addresses are not its own (finished, host network). */
export function compilePodNames(pod: Pod): readonly NameEntry[] {
  if (pod.isFinished || pod.isHostNetwork) return [];
  return pod.ips.map((ip) => ({ kind: 'pod', namespace: pod.namespace, ip }));
}

/** Sorted and without duplicates, so that the same objects make the same entry in whatever order they came. */
function compileEndpoints(service: Service, slices: readonly EndpointSlice[]): NamedEndpoint[] {
  const endpoints = new Map<string, NamedEndpoint>();
  for (const slice of slices) {
    const ports = namedPorts(slice.ports);
    for (const endpoint of slice.endpoints) {
      if (!endpoint.isReady && !service.publishNotReadyAddresses) continue;
      const hostname = endpoint.hostname === '' ? undefined : endpoint.hostname;
      for (const ip of endpoint.addresses) {
        // While endpoints move from one slice to another they may stand in both.
        const key = `${ip} ${hostname ?? ''}`;
        const known = endpoints.get(key)?.ports ?? [];
        endpoints.set(key, { ip, hostname, ports: mergePorts(known, ports) });
      }
    }
  }
  return [...endpoints.values()].sort(compareEndpoints);
}

function compareEndpoints(a: NamedEndpoint, b: NamedEndpoint): number {
  return compareIps(a.ip, b.ip) || compareText(a.hostname ?? '', b.hostname ?? '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type PortInput = Pick<NamedPort, 'name' | 'protocol'> & { readonly port: NamedPort['port'] | undefined };

function namedPorts(ports: readonly PortInput[]): NamedPort[] {
  return ports
    .flatMap(({ name, port, protocol }) =>
      name === '' || port === undefined ? [] : [{ name, port, protocol }],
    )
    .sort(comparePorts);
}

function comparePorts(a: NamedPort, b: NamedPort): number {
  return compareText(a.name, b.name) || compareText(a.protocol, b.protocol) || a.port - b.port;
}

function mergePorts(a: readonly NamedPort[], b: readonly NamedPort[]): readonly NamedPort[] {
  if (a.length === 0) return b;
  const byKey = new Map([...a, ...b].map((port) => [`${port.name} ${port.protocol} ${port.port}`, port]));
  return [...byKey.values()].sort(comparePorts);
}
