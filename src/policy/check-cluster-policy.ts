// Refuses ClusterNetworkPolicies that no rule of theirs could be read from, naming the line: the API server's schema does it elsewhere.

import { parseInterfaceAddress } from '../base/cidr.ts';
import { FairleadError, hasCode } from '../base/errors.ts';
import { Field } from '../objects/slim-field.ts';
import { readSelector } from '../objects/slim-selector.ts';
import { placeOf, placeText, type PlacedObject } from './placed-object.ts';

/** Throws `invalid` with file, line, object and field. */
export function checkClusterPolicy(placed: PlacedObject): void {
  try {
    checkSpec(Field.root(placed.object.kind, placed.object).at('spec'));
  } catch (error) {
    if (!hasCode(error, 'invalid')) throw error;
    const { field } = error.details;
    const place = placeText(placeOf(placed, typeof field === 'string' ? field : ''));
    throw new FairleadError('invalid', `${place}: ${error.message}`, { cause: error });
  }
}

function checkSpec(spec: Field): void {
  oneOf(spec.at('tier'), ['Admin', 'Baseline']);
  const priority = spec.at('priority').optionalInteger() ?? -1;
  if (priority < 0 || priority > 1000) spec.at('priority').fail('must be 0 to 1000');
  const subject = spec.at('subject');
  if (subject.names().length !== 1) subject.fail('must have either namespaces or pods');
  checkPeer(subject);
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const)
    for (const rule of spec.at(direction).list()) {
      oneOf(rule.at('action'), ['Accept', 'Deny', 'Pass']);
      if (rule.at(peers).list().length === 0) rule.at(peers).fail('must name at least one peer');
      for (const peer of rule.at(peers).list()) checkPeer(peer);
      for (const protocol of rule.at('protocols').list()) checkProtocol(protocol);
    }
}

function checkPeer(peer: Field): void {
  for (const field of ['namespaces', 'nodes', 'pods.namespaceSelector', 'pods.podSelector'])
    if (!peer.at(field).isAbsent) readSelector(peer.at(field));
  for (const network of peer.at('networks').list())
    network.parse((text) => parseInterfaceAddress(String(text)));
  for (const name of peer.at('domainNames').list()) name.text();
}

function checkProtocol(protocol: Field): void {
  const names = protocol.names();
  if (names.length !== 1) protocol.fail('must have one of tcp, udp, sctp and destinationNamedPort');
  for (const name of names)
    if (!['tcp', 'udp', 'sctp', 'destinationNamedPort'].includes(name))
      protocol.at(name).fail('unknown field');
}

function oneOf(field: Field, values: readonly string[]): void {
  if (!values.includes(String(field.value))) field.fail(`must be ${values.join(' or ')}`);
}
