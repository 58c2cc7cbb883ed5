import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  array,
  findings,
  type Loose,
  many,
  object,
  type Row,
  testRows,
  UNCHECKED,
} from '../../../../test/support/gateway-rows.ts';

const HTTP = { name: 'a', port: 80, protocol: 'HTTP' };
const TLS = { mode: 'Terminate', certificateRefs: [{ name: 'c' }] };
const LISTENERS = 'spec.listeners';

/** The same for the listeners of both kinds. */
const listening = (
  name: string,
  listeners: readonly Loose[],
  expected: readonly string[],
): readonly Row[] => [
  [name, 'Gateway', { gatewayClassName: 'a', listeners }, expected],
  [name, 'ListenerSet', { parentRef: { name: 'a' }, listeners }, expected],
];
const gateway = (of: Loose): Loose => ({ gatewayClassName: 'a', listeners: [HTTP], ...of });

const GATEWAYS: readonly Row[] = [
  ...listening(
    'a protocol of 64 KB',
    [{ ...HTTP, protocol: 'a'.repeat(65_536) }],
    ['spec.listeners[0].protocol: Too long: may not be more than 255 bytes', UNCHECKED],
  ),
  [
    'a type of address of 64 KB',
    'Gateway',
    gateway({ addresses: [{ type: 'a'.repeat(65_536) }] }),
    ['spec.addresses[0].type: Too long: may not be more than 253 bytes', UNCHECKED],
  ],
  [
    '17 annotations',
    'Gateway',
    gateway({ infrastructure: { annotations: Object.fromEntries(many(17, (i) => [`a${i}`, 'b'])) } }),
    ['spec.infrastructure.annotations: Too many: 17: must have at most 16 items', UNCHECKED],
  ],
  [
    '9 labels',
    'Gateway',
    gateway({ infrastructure: { labels: Object.fromEntries(many(9, (i) => [`a${i}`, 'b'])) } }),
    ['spec.infrastructure.labels: Too many: 9: must have at most 8 items', UNCHECKED],
  ],
  [
    'a Gateway without a class',
    'Gateway',
    { listeners: [HTTP] },
    ['spec.gatewayClassName: Required value', UNCHECKED],
  ],
  ...listening(
    'no listeners',
    [],
    ['spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items'],
  ),
  ...listening(
    '65 listeners',
    many(65, (i) => ({ ...HTTP, name: `a${i}`, port: i + 1 })),
    ['spec.listeners: Too many: 65: must have at most 64 items', UNCHECKED],
  ),
  ...['http', 'TCP', 'UDP'].flatMap((protocol) =>
    listening(
      `TLS of ${protocol}`,
      [{ ...HTTP, protocol, tls: TLS }],
      [array(LISTENERS, "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']")],
    ),
  ),
  ...listening(
    'HTTPS that passes through',
    [{ ...HTTP, protocol: 'HTTPS', tls: { mode: 'Passthrough' } }],
    [array(LISTENERS, 'tls mode must be Terminate for protocol HTTPS')],
  ),
  ...listening(
    'TLS without a mode',
    [{ ...HTTP, protocol: 'TLS' }],
    [array(LISTENERS, 'tls mode must be set for protocol TLS')],
  ),
  ...['TCP', 'udp'].flatMap((protocol) =>
    listening(
      `a name of ${protocol}`,
      [{ ...HTTP, protocol, hostname: 'a.b' }],
      [array(LISTENERS, "hostname must not be specified for protocols ['TCP', 'UDP']")],
    ),
  ),
  ...listening(
    'two listeners of one name',
    [HTTP, { ...HTTP, port: 81 }],
    [
      'spec.listeners[1]: Duplicate value: {"name":"a"}',
      array(LISTENERS, 'Listener name must be unique within the Gateway'),
    ],
  ),
  ...listening(
    'two listeners of one port',
    [HTTP, { ...HTTP, name: 'b' }],
    [array(LISTENERS, 'Combination of port, protocol and hostname must be unique for each listener')],
  ),
  ...listening(
    'TLS that ends without a certificate',
    [{ ...HTTP, protocol: 'HTTPS', tls: {} }],
    [object('spec.listeners[0].tls', 'certificateRefs or options must be specified when mode is Terminate')],
  ),
  ...listening(
    'one port for different names',
    [
      { ...HTTP, hostname: 'a.b' },
      { ...HTTP, name: 'b' },
    ],
    [],
  ),
  ...listening(
    'routes from nowhere',
    [{ ...HTTP, allowedRoutes: { namespaces: { from: 'None' } } }],
    [
      'spec.listeners[0].allowedRoutes.namespaces.from: Unsupported value: "None": supported values: "All", "Selector", "Same"',
      UNCHECKED,
    ],
  ),
  ...listening(
    'another protocol',
    [{ ...HTTP, protocol: 'a b' }],
    [
      `spec.listeners[0].protocol: Invalid value: "a b": spec.listeners[0].protocol in body should match '^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9]+$'`,
    ],
  ),
  ...listening(
    'a port above all',
    [{ ...HTTP, port: 65_536 }],
    [
      'spec.listeners[0].port: Invalid value: 65536: spec.listeners[0].port in body should be less than or equal to 65535',
    ],
  ),
  [
    'a ListenerSet with one port in two cases of a protocol',
    'ListenerSet',
    { parentRef: { name: 'a' }, listeners: [HTTP, { ...HTTP, name: 'b', protocol: 'http' }] },
    [array(LISTENERS, 'Combination of port, protocol and hostname must be unique for each listener')],
  ],
  [
    'a ListenerSet without a parent',
    'ListenerSet',
    { listeners: [HTTP] },
    ['spec.parentRef: Required value', UNCHECKED],
  ],
  [
    'an address twice',
    'Gateway',
    gateway({ addresses: many(2, () => ({ value: '10.0.0.1' })) }),
    [array('spec.addresses', 'IPAddress values must be unique')],
  ],
  [
    "an address's name twice",
    'Gateway',
    gateway({ addresses: many(2, () => ({ type: 'Hostname', value: 'a.b' })) }),
    [array('spec.addresses', 'Hostname values must be unique')],
  ],
  [
    'an address that is none',
    'Gateway',
    gateway({ addresses: [{ value: '10.0.0' }] }),
    [
      'spec.addresses[0].value: Invalid value: "10.0.0": spec.addresses[0].value in body must be of type ipv4: "10.0.0"',
    ],
  ],
  [
    "an address's name that is none",
    'Gateway',
    gateway({ addresses: [{ type: 'Hostname', value: 'A' }] }),
    [
      object(
        'spec.addresses[0]',
        'Hostname value must be empty or contain only valid characters (matching ^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)',
      ),
    ],
  ],
  ...(
    [
      ['labels', 'Label', 'label'],
      ['annotations', 'Annotation', 'annotation'],
    ] as const
  ).flatMap(([member, Kind, kind]): readonly Row[] => [
    [
      `${member} with a key that is none`,
      'Gateway',
      gateway({ infrastructure: { [member]: { 'a b': 'c' } } }),
      [
        object(
          `spec.infrastructure.${member}`,
          `${Kind} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`,
        ),
      ],
    ],
    [
      `${member} with a long prefix`,
      'Gateway',
      gateway({ infrastructure: { [member]: { [`${'a'.repeat(253)}/b`]: 'c' } } }),
      [
        object(
          `spec.infrastructure.${member}`,
          `If specified, the ${kind} key's prefix must be a DNS subdomain not longer than 253 characters in total.`,
        ),
      ],
    ],
  ]),
  [
    'settings of one port twice',
    'Gateway',
    gateway({ tls: { frontend: { default: {}, perPort: many(2, () => ({ port: 443, tls: {} })) } } }),
    [
      'spec.tls.frontend.perPort[1]: Duplicate value: {"port":443}',
      array('spec.tls.frontend.perPort', 'Port for TLS configuration must be unique within the Gateway'),
    ],
  ],
  [
    'a class without a path in its controller',
    'GatewayClass',
    { controllerName: 'example.org' },
    [
      `spec.controllerName: Invalid value: "example.org": spec.controllerName in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$'`,
    ],
  ],
  [
    'a description of 65 characters',
    'GatewayClass',
    { controllerName: 'a.b/c', description: 'd'.repeat(65) },
    ['spec.description: Too long: may not be more than 64 bytes', UNCHECKED],
  ],
];

testRows(GATEWAYS);

test('the controller of a GatewayClass does not change', async () => {
  const spec = { controllerName: 'a.b/c' };
  assert.deepEqual(await findings('GatewayClass', spec, spec), []);
  assert.deepEqual(await findings('GatewayClass', spec, { controllerName: 'a.b/d' }), [
    'spec.controllerName: Invalid value: "string": Value is immutable',
  ]);
});
