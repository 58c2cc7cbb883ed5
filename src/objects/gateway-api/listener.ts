// Reading listeners of Gateways and ListenerSets, with the defaults of absent fields decided here.

import { parsePort } from '../../base/port.ts';
import type { Field } from '../slim-field.ts';
import { readSelector } from '../slim-selector.ts';
import { GATEWAY_GROUP } from './common.ts';
import type { AllowedRoutes, Listener, ListenerProtocol, ListenerTls, NamespaceChoice } from './gateway.ts';
import { optionalLowerCase, readRef, SECRET } from './references.ts';

export function readListener(field: Field, namespace: string): Listener {
  const hostname = optionalLowerCase(field.at('hostname'));
  return {
    name: field.at('name').text(),
    // The API lets an empty name through: it stands for every name, as its absence does.
    hostname: hostname === '' ? undefined : hostname,
    port: field.at('port').parse(parsePort),
    protocol: readProtocol(field.at('protocol')),
    tls: readTls(field.at('tls'), namespace),
    allowedRoutes: readAllowedRoutes(field.at('allowedRoutes')),
  };
}

const PROTOCOLS: readonly ListenerProtocol[] = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'];

/** The API's own are the same in any case. */
function readProtocol(field: Field): string {
  const text = field.text();
  return PROTOCOLS.find((it) => it === text.toUpperCase()) ?? text;
}

const TLS_MODES = { Terminate: 'terminate', Passthrough: 'passthrough' } as const;

function readTls(field: Field, namespace: string): ListenerTls | undefined {
  if (field.isAbsent) return undefined;
  return {
    mode: field.at('mode').choice<ListenerTls['mode']>(TLS_MODES, 'terminate'),
    certificates: field
      .at('certificateRefs')
      .list()
      .map((it) => readRef(it, { ...SECRET, namespace })),
    options: field.at('options').textMap(),
  };
}

function readAllowedRoutes(field: Field): AllowedRoutes {
  const kinds = field.at('kinds').list();
  return {
    namespaces: readNamespaceChoice(field.at('namespaces'), 'same'),
    kinds:
      kinds.length === 0
        ? undefined
        : kinds.map((it) => ({
            group: it.at('group').optionalText() ?? GATEWAY_GROUP,
            kind: it.at('kind').text(),
          })),
  };
}

const FROM = { All: 'all', Same: 'same', None: 'none', Selector: 'selector' } as const;

export function readNamespaceChoice(field: Field, absent: 'same' | 'none'): NamespaceChoice {
  const from = field.at('from').choice<NamespaceChoice['from']>(FROM, absent);
  if (from !== 'selector') return { from };
  const selector = field.at('selector');
  // An absent selector selects nothing, an empty one everything.
  return selector.isAbsent ? { from: 'none' } : { from, selector: readSelector(selector) };
}
