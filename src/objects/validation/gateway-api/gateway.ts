// Rules of Gateways and ListenerSets beyond the types of their fields.

import { tryParseIp } from '../../../base/ip.ts';
import { listOf, objectOf, scalarText, textOf, type Draft } from '../../json.ts';
import { invalidValue } from '../field-error.ts';
import { isOnly, keyedBy, onList, onObject, placesAt, type SchemaRule } from '../schema-rules.ts';

type Item = Readonly<Draft>;

const LISTENERS = 'spec.listeners';

function onListeners(message: string, holds: (listener: Item, all: readonly Item[]) => boolean): SchemaRule {
  return onList(LISTENERS, message, (list) => {
    const all = list.map(objectOf);
    return all.every((it) => holds(it, all));
  });
}

function speaks({ protocol }: Item, ...protocols: readonly string[]): boolean {
  return protocols.includes(scalarText(protocol).toUpperCase());
}

/** `isSameProtocol`: ListenerSets take "http" and "HTTP" for the same, Gateways do not. */
function listenerRules(isSameProtocol: (a: string, b: string) => boolean): readonly SchemaRule[] {
  const isSame = (a: Item, b: Item): boolean =>
    a['port'] === b['port'] &&
    a['hostname'] === b['hostname'] &&
    isSameProtocol(scalarText(a['protocol']), scalarText(b['protocol']));
  return [
    keyedBy(LISTENERS, 'name'),
    onListeners(
      "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
      (it) => !speaks(it, 'HTTP', 'TCP', 'UDP') || it['tls'] === undefined,
    ),
    onListeners(
      'tls mode must be Terminate for protocol HTTPS',
      (it) => !speaks(it, 'HTTPS') || it['tls'] === undefined || modeOf(it) === 'Terminate',
    ),
    onListeners(
      'tls mode must be set for protocol TLS',
      (it) => !speaks(it, 'TLS') || modeOf(it) !== undefined,
    ),
    onListeners(
      "hostname must not be specified for protocols ['TCP', 'UDP']",
      (it) => !speaks(it, 'TCP', 'UDP') || textOf(it['hostname']) === undefined,
    ),
    onListeners('Listener name must be unique within the Gateway', (it, all) =>
      isOnly(all, it, (a, b) => a['name'] === b['name']),
    ),
    onListeners('Combination of port, protocol and hostname must be unique for each listener', (it, all) =>
      isOnly(all, it, isSame),
    ),
    onObject(
      `${LISTENERS}[].tls`,
      'certificateRefs or options must be specified when mode is Terminate',
      ({ mode, certificateRefs, options }) =>
        mode !== 'Terminate' ||
        listOf(certificateRefs).length > 0 ||
        Object.keys(objectOf(options)).length > 0,
    ),
  ];
}

function modeOf(listener: Item): string | undefined {
  return textOf(objectOf(listener['tls'])['mode']);
}

const HOSTNAME = '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const ADDRESSES = 'spec.addresses';

const ADDRESS_RULES: readonly SchemaRule[] = [
  ...['IPAddress', 'Hostname'].map((type) =>
    onList(ADDRESSES, `${type} values must be unique`, (list) => {
      const values = list
        .map(objectOf)
        .filter((it) => it['type'] === type && it['value'] !== undefined)
        .map((it) => it['value']);
      return new Set(values).size === values.length;
    }),
  ),
  onObject(
    `${ADDRESSES}[]`,
    `Hostname value must be empty or contain only valid characters (matching ${HOSTNAME})`,
    ({ type, value }) =>
      type !== 'Hostname' || value === undefined || new RegExp(HOSTNAME).test(scalarText(value)),
  ),
  (object) =>
    placesAt(object, `${ADDRESSES}[]`).flatMap(({ field, value: address }) => {
      const { type, value } = objectOf(address);
      if (type !== 'IPAddress' || value === undefined || tryParseIp(scalarText(value)) !== undefined)
        return [];
      const at = `${field}.value`;
      return [
        invalidValue(at, value, `${at} in body must be of type ipv4: ${JSON.stringify(value).slice(0, 80)}`),
      ];
    }),
];

const KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;
const MAX_PREFIX = 253;

const INFRASTRUCTURE_RULES: readonly SchemaRule[] = [
  ['labels', 'Label', 'label'] as const,
  ['annotations', 'Annotation', 'annotation'] as const,
].flatMap(([member, Kind, kind]) => [
  onObject(
    `spec.infrastructure.${member}`,
    `${Kind} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`,
    (self) => Object.keys(self).every((key) => KEY.test(key)),
  ),
  onObject(
    `spec.infrastructure.${member}`,
    `If specified, the ${kind} key's prefix must be a DNS subdomain not longer than 253 characters in total.`,
    (self) => Object.keys(self).every((key) => (key.split('/')[0] ?? '').length < MAX_PREFIX),
  ),
]);

export const GATEWAY_RULES: readonly SchemaRule[] = [
  ...listenerRules((a, b) => a === b),
  ...ADDRESS_RULES,
  ...INFRASTRUCTURE_RULES,
  keyedBy('spec.tls.frontend.perPort', 'port'),
  onList(
    'spec.tls.frontend.perPort',
    'Port for TLS configuration must be unique within the Gateway',
    (list) => new Set(list.map((it) => objectOf(it)['port'])).size === list.length,
  ),
];

export const LISTENER_SET_RULES = listenerRules((a, b) => a.toLowerCase() === b.toLowerCase());
