import { WHOLE_SPECS } from '../../../../test/support/gateway-samples.ts';
import {
  array,
  type Loose,
  many,
  object,
  type Row,
  RULE,
  SERVICE,
  testRows,
  UNCHECKED,
} from '../../../../test/support/gateway-rows.ts';

const method = (of: Loose): Loose => ({ rules: [{ matches: [{ method: of }] }] });
const METHOD = `${RULE}.matches[0].method`;

const OTHER_ROUTES: readonly Row[] = [
  [
    'a method that says nothing',
    'GRPCRoute',
    method({}),
    [object(METHOD, "One or both of 'service' or 'method' must be specified")],
  ],
  [
    'a service that is none',
    'GRPCRoute',
    method({ service: 'a/b' }),
    [
      object(
        METHOD,
        'service must only contain valid characters (matching ^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)',
      ),
    ],
  ],
  [
    'a method that is none',
    'GRPCRoute',
    method({ method: 'a\n' }),
    [object(METHOD, 'method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)')],
  ],
  [
    'a TLSRoute without names and rules',
    'TLSRoute',
    {},
    ['spec.hostnames: Required value', 'spec.rules: Required value', UNCHECKED],
  ],
  [
    'a TLSRoute with 1025 names',
    'TLSRoute',
    { ...WHOLE_SPECS['TLSRoute'], hostnames: many(1025, (i) => `a${i}.b`) },
    ['spec.hostnames: Too many: 1025: must have at most 1024 items', UNCHECKED],
  ],
  [
    'a TLSRoute of no name',
    'TLSRoute',
    { ...WHOLE_SPECS['TLSRoute'], hostnames: [] },
    ['spec.hostnames: Invalid value: 0: spec.hostnames in body should have at least 1 items'],
  ],
  [
    'a TLSRoute of an address',
    'TLSRoute',
    { ...WHOLE_SPECS['TLSRoute'], hostnames: ['10.0.0.1'] },
    [array('spec.hostnames', 'Hostnames cannot contain an IP')],
  ],
  [
    'a TLSRoute of a star in the middle',
    'TLSRoute',
    { ...WHOLE_SPECS['TLSRoute'], hostnames: ['a.*.b'] },
    [
      `spec.hostnames[0]: Invalid value: "a.*.b": spec.hostnames[0] in body should match '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'`,
      array(
        'spec.hostnames',
        'Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123',
      ),
    ],
  ],
  [
    'a TLSRoute of a name that is none',
    'TLSRoute',
    { ...WHOLE_SPECS['TLSRoute'], hostnames: ['a_b'] },
    [
      `spec.hostnames[0]: Invalid value: "a_b": spec.hostnames[0] in body should match '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'`,
      array('spec.hostnames', 'Hostnames must be valid based on RFC-1123'),
    ],
  ],
  ...['TCPRoute', 'UDPRoute'].flatMap((kind): readonly Row[] => [
    [
      `a ${kind} with two rules`,
      kind,
      { rules: many(2, () => ({ backendRefs: [SERVICE] })) },
      ['spec.rules: Too many: 2: must have at most 1 items', UNCHECKED],
    ],
    [`a ${kind} without backends`, kind, { rules: [{}] }, [`${RULE}.backendRefs: Required value`, UNCHECKED]],
    [
      `a ${kind} without a port`,
      kind,
      { rules: [{ backendRefs: [{ name: 'a' }] }] },
      [object(`${RULE}.backendRefs[0]`, 'Must have port for Service reference')],
    ],
  ]),
  [
    'a grant for nobody',
    'ReferenceGrant',
    { from: [], to: [{ group: '', kind: 'A' }] },
    ['spec.from: Invalid value: 0: spec.from in body should have at least 1 items'],
  ],
  [
    'a grant without a namespace',
    'ReferenceGrant',
    { from: [{ group: '', kind: 'A' }], to: [{ group: '', kind: 'A' }] },
    ['spec.from[0].namespace: Required value', UNCHECKED],
  ],
];

const POLICY = WHOLE_SPECS['BackendTLSPolicy'] ?? {};
const TARGET = { group: '', kind: 'Service', name: 'web' };
const validation = (of: Loose): Loose => ({
  targetRefs: [TARGET],
  validation: { hostname: 'a.b', wellKnownCACertificates: 'System', ...of },
});
const altName = (of: Loose): Loose => validation({ subjectAltNames: [of] });
const ALT_NAME = 'spec.validation.subjectAltNames[0]';

const POLICIES: readonly Row[] = [
  [
    'no authorities',
    'BackendTLSPolicy',
    validation({ wellKnownCACertificates: undefined }),
    [object('spec.validation', 'must specify either CACertificateRefs or WellKnownCACertificates')],
  ],
  [
    'authorities twice',
    'BackendTLSPolicy',
    validation({ caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'a' }] }),
    [object('spec.validation', 'must not contain both CACertificateRefs and WellKnownCACertificates')],
  ],
  [
    '17 authorities',
    'BackendTLSPolicy',
    {
      targetRefs: [TARGET],
      validation: {
        hostname: 'a.b',
        caCertificateRefs: many(17, (i) => ({ group: '', kind: 'ConfigMap', name: `a${i}` })),
      },
    },
    ['spec.validation.caCertificateRefs: Too many: 17: must have at most 16 items', UNCHECKED],
  ],
  [
    'one target twice',
    'BackendTLSPolicy',
    { ...POLICY, targetRefs: [TARGET, TARGET] },
    [
      array(
        'spec.targetRefs',
        'sectionName must be unique when targetRefs includes 2 or more references to the same target',
      ),
    ],
  ],
  [
    'a target and a section of it',
    'BackendTLSPolicy',
    { ...POLICY, targetRefs: [TARGET, { ...TARGET, sectionName: 'a' }] },
    [
      array(
        'spec.targetRefs',
        'sectionName must be specified when targetRefs includes 2 or more references to the same target',
      ),
    ],
  ],
  [
    'a name that is absent',
    'BackendTLSPolicy',
    altName({ type: 'Hostname' }),
    [object(ALT_NAME, 'SubjectAltName element must contain Hostname, if Type is set to Hostname')],
  ],
  [
    'a URI that is absent',
    'BackendTLSPolicy',
    altName({ type: 'URI' }),
    [object(ALT_NAME, 'SubjectAltName element must contain URI, if Type is set to URI')],
  ],
  [
    'a name beside a URI',
    'BackendTLSPolicy',
    altName({ type: 'URI', uri: 'spiffe://a/b', hostname: 'a.b' }),
    [object(ALT_NAME, 'SubjectAltName element must not contain Hostname, if Type is not set to Hostname')],
  ],
  [
    'a URI beside a name',
    'BackendTLSPolicy',
    altName({ type: 'Hostname', uri: 'spiffe://a/b', hostname: 'a.b' }),
    [object(ALT_NAME, 'SubjectAltName element must not contain URI, if Type is not set to URI')],
  ],
];

testRows([...OTHER_ROUTES, ...POLICIES]);
