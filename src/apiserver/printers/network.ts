// How kubectl shows Services, endpoints, policies and ingresses.

import { scalarText, listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import {
  AGE,
  ageOf,
  column,
  labelsText,
  NAME,
  orNone,
  selectorText,
  specOf,
  statusOf,
  wide,
  type Printer,
} from './printer.ts';

export const SERVICE: Printer = {
  columns: [
    NAME,
    column('Type'),
    column('Cluster-IP'),
    column('External-IP'),
    column('Port(s)'),
    AGE,
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    return [
      object.metadata.name,
      textOf(spec['type']) ?? '',
      orNone(textOf(spec['clusterIP']) ?? ''),
      externalAddress(object),
      orNone(
        listOf(spec['ports'])
          .map((port) => portText(objectOf(port)))
          .join(','),
      ),
      ageOf(object, nowMs),
      orNone(labelsText(spec['selector'])),
    ];
  },
};

function portText({ port, nodePort, protocol }: Readonly<Draft>): string {
  const number =
    typeof nodePort === 'number' && nodePort > 0 ? `${scalarText(port)}:${nodePort}` : String(port);
  return `${number}/${scalarText(protocol)}`;
}

function externalAddress(service: KubeObject): string {
  const spec = specOf(service);
  const external = listOf(spec['externalIPs']).join(',');
  if (spec['type'] === 'ExternalName') return orNone(textOf(spec['externalName']) ?? '');
  if (spec['type'] !== 'LoadBalancer') return orNone(external);
  const ingress = loadBalancerText(statusOf(service));
  if (ingress === '') return external === '' ? '<pending>' : external;
  return external === '' ? ingress : `${ingress},${external}`;
}

function loadBalancerText(status: Readonly<Draft>): string {
  return listOf(objectOf(status['loadBalancer'])['ingress'])
    .map((it) => textOf(objectOf(it)['ip']) ?? textOf(objectOf(it)['hostname']) ?? '')
    .filter((text) => text !== '')
    .join(',');
}

const SHOWN_ENDPOINTS = 3;

export const ENDPOINTS: Printer = {
  columns: [NAME, column('Endpoints'), AGE],
  cells: (object, nowMs) => {
    const addresses = listOf(object['subsets']).map(objectOf).flatMap(subsetAddresses);
    return [object.metadata.name, shortened(addresses), ageOf(object, nowMs)];
  },
};

function subsetAddresses(subset: Readonly<Draft>): readonly string[] {
  const ips = listOf(subset['addresses']).map((it) => textOf(objectOf(it)['ip']) ?? '');
  const ports = listOf(subset['ports']).map((it) => Number(objectOf(it)['port']));
  return ports.length === 0
    ? ips
    : ports.flatMap((port) => ips.map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
}

function shortened(items: readonly string[]): string {
  if (items.length === 0) return '<none>';
  const more = items.length - SHOWN_ENDPOINTS;
  const shown = items.slice(0, SHOWN_ENDPOINTS).join(',');
  return more > 0 ? `${shown} + ${more} more...` : shown;
}

export const ENDPOINT_SLICE: Printer = {
  columns: [NAME, column('AddressType'), column('Ports'), column('Endpoints'), AGE],
  cells: (object, nowMs) => {
    const ports = listOf(object['ports']).map((it) => scalarText(objectOf(it)['port'], '*'));
    const addresses = listOf(object['endpoints']).flatMap((it) =>
      listOf(objectOf(it)['addresses']).map(String),
    );
    return [
      object.metadata.name,
      textOf(object['addressType']) ?? '',
      ports.length === 0 ? '<unset>' : shortened(ports),
      addresses.length === 0 ? '<unset>' : shortened(addresses),
      ageOf(object, nowMs),
    ];
  },
};

export const NETWORK_POLICY: Printer = {
  columns: [NAME, column('Pod-Selector'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    orNone(selectorText(specOf(object)['podSelector'])),
    ageOf(object, nowMs),
  ],
};

export const INGRESS: Printer = {
  columns: [NAME, column('Class'), column('Hosts'), column('Address'), column('Ports'), AGE],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    const hosts = listOf(spec['rules'])
      .map((rule) => textOf(objectOf(rule)['host']) ?? '')
      .filter((host) => host !== '');
    return [
      object.metadata.name,
      orNone(textOf(spec['ingressClassName']) ?? ''),
      hosts.length === 0 ? '*' : shortened(hosts),
      loadBalancerText(statusOf(object)),
      listOf(spec['tls']).length > 0 ? '80, 443' : '80',
      ageOf(object, nowMs),
    ];
  },
};

export const INGRESS_CLASS: Printer = {
  columns: [NAME, column('Controller'), column('Parameters'), AGE],
  cells: (object, nowMs) => {
    const { apiGroup, kind, name } = objectOf(specOf(object)['parameters']);
    const group = textOf(apiGroup) === undefined ? '' : `.${scalarText(apiGroup)}`;
    const parameters = name === undefined ? '<none>' : `${scalarText(kind)}${group}/${scalarText(name)}`;
    return [
      object.metadata.name,
      textOf(specOf(object)['controller']) ?? '',
      parameters,
      ageOf(object, nowMs),
    ];
  },
};
