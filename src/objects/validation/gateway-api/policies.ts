// Rules of BackendTLSPolicies and of TLSRoutes' names beyond the types of their fields.

import { tryParseIp } from '../../../base/ip.ts';
import { listOf, objectOf, scalarText, textOf, type Draft } from '../../json.ts';
import { isOnly, isSameOrEmpty, onList, onObject, type SchemaRule } from '../schema-rules.ts';

type Item = Readonly<Draft>;

const TARGETS = 'spec.targetRefs';
const VALIDATION = 'spec.validation';
const has = (value: unknown): boolean => textOf(value) !== undefined;
const hasBundle = ({ caCertificateRefs }: Item): boolean => listOf(caCertificateRefs).length > 0;

export const BACKEND_TLS_POLICY_RULES: readonly SchemaRule[] = [
  onList(
    TARGETS,
    'sectionName must be specified when targetRefs includes 2 or more references to the same target',
    (list) => {
      const targets = list.map(objectOf);
      return targets.every((a) =>
        targets.every((b) => !isSameTarget(a, b) || has(a['sectionName']) === has(b['sectionName'])),
      );
    },
  ),
  onList(
    TARGETS,
    'sectionName must be unique when targetRefs includes 2 or more references to the same target',
    (list) => {
      const targets = list.map(objectOf);
      const isSame = (a: Item, b: Item): boolean =>
        isSameTarget(a, b) && isSameOrEmpty(a['sectionName'], b['sectionName']);
      return targets.every((it) => isOnly(targets, it, isSame));
    },
  ),
  onObject(
    VALIDATION,
    'must not contain both CACertificateRefs and WellKnownCACertificates',
    (self) => !hasBundle(self) || !has(self['wellKnownCACertificates']),
  ),
  onObject(
    VALIDATION,
    'must specify either CACertificateRefs or WellKnownCACertificates',
    (self) => hasBundle(self) || has(self['wellKnownCACertificates']),
  ),
  ...[['Hostname', 'Hostname', 'hostname'] as const, ['URI', 'URI', 'uri'] as const].flatMap(
    ([type, word, member]) => [
      onObject(
        `${VALIDATION}.subjectAltNames[]`,
        `SubjectAltName element must contain ${word}, if Type is set to ${type}`,
        (self) => self['type'] !== type || has(self[member]),
      ),
      onObject(
        `${VALIDATION}.subjectAltNames[]`,
        `SubjectAltName element must not contain ${word}, if Type is not set to ${type}`,
        (self) => self['type'] === type || !has(self[member]),
      ),
    ],
  ),
];

function isSameTarget(a: Item, b: Item): boolean {
  return a['group'] === b['group'] && a['kind'] === b['kind'] && a['name'] === b['name'];
}

const NAME = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/;

export const SERVER_NAME_RULES: readonly SchemaRule[] = [
  onNames('Hostnames cannot contain an IP', (name) => tryParseIp(name) === undefined),
  onNames('Hostnames must be valid based on RFC-1123', (name) => name.includes('*') || NAME.test(name)),
  onNames(
    'Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123',
    (name) => !name.includes('*') || (name.startsWith('*.') && NAME.test(name.slice(2))),
  ),
];

function onNames(message: string, holds: (name: string) => boolean): SchemaRule {
  return onList('spec.hostnames', message, (names) => names.every((it) => holds(scalarText(it))));
}
