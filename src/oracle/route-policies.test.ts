import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aTlsPolicy, aWorld } from '../../test/support/gateway-objects.ts';
import { told } from '../../test/support/gateway-status.ts';
import { policyStatuses } from './route-policies.ts';

const GONE = { group: '', kind: 'ConfigMap', namespace: 'infra', name: 'gone' };
const CA = { ...GONE, name: 'ca' };

for (const { name, policies, expected } of [
  { name: 'one for a Service', policies: [aTlsPolicy('p', 'v1')], expected: ['Accepted, ResolvedRefs'] },
  {
    name: 'two for one Service: the older, then the first by name',
    policies: [
      aTlsPolicy('b', 'v1'),
      aTlsPolicy('a', 'v1'),
      aTlsPolicy('c', 'v1', { createdAt: '2020-01-01T00:00:00Z' }),
    ],
    expected: [
      '!Accepted Conflicted, ResolvedRefs',
      '!Accepted Conflicted, ResolvedRefs',
      'Accepted, ResolvedRefs',
    ],
  },
  {
    name: 'a port and the whole Service, two ports, two namespaces',
    policies: [
      aTlsPolicy('a', 'v1'),
      aTlsPolicy('b', 'v1:http'),
      aTlsPolicy('c', 'v1:other'),
      aTlsPolicy('shop/d', 'shop/v1'),
    ],
    expected: [
      'Accepted, ResolvedRefs',
      'Accepted, ResolvedRefs',
      'Accepted, ResolvedRefs',
      '!Accepted NoValidCACertificate, !ResolvedRefs InvalidCACertificateRef',
    ],
  },
  {
    name: 'authorities that are not there: all, some, none needed',
    policies: [
      aTlsPolicy('a', 'v1', { caCertificates: [GONE, { ...CA, kind: 'Secret' }] }),
      aTlsPolicy('b', 'v2', { caCertificates: [GONE, CA] }),
      aTlsPolicy('c', 'v3', { caCertificates: [], usesSystemAuthorities: true }),
    ],
    expected: [
      '!Accepted NoValidCACertificate, !ResolvedRefs InvalidCACertificateRef|InvalidKind',
      'Accepted, !ResolvedRefs InvalidCACertificateRef',
      'Accepted, ResolvedRefs',
    ],
  },
  {
    name: 'names that a certificate may be for: the hostname must be one of them',
    policies: [
      aTlsPolicy('a', 'v1', { hostname: 'a.test', subjectAltNames: [{ type: 'hostname', value: 'b.test' }] }),
      aTlsPolicy('b', 'v2', { hostname: 'a.test', subjectAltNames: [{ type: 'uri', value: 'a.test' }] }),
      aTlsPolicy('c', 'v3', {
        hostname: 'a.test',
        subjectAltNames: [
          { type: 'uri', value: 'spiffe://a' },
          { type: 'hostname', value: 'a.test' },
        ],
      }),
    ],
    expected: [
      '!Accepted Invalid, ResolvedRefs',
      '!Accepted Invalid, ResolvedRefs',
      'Accepted, ResolvedRefs',
    ],
  },
])
  test(`policyStatuses() says of ${name}`, () => {
    const statuses = policyStatuses(aWorld({ tlsPolicies: policies }));
    assert.deepEqual(
      statuses.map((it) => told(it.conditions)),
      expected,
    );
  });
