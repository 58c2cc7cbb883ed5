import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ingressStatusWrites } from './ingress-status.ts';
import type { SeenStatus } from './seen-status.ts';

const OWN = ['10.90.0.1', 'fd00::1'];

function seen(ips: readonly (string | object)[]): SeenStatus {
  const ingress = ips.map((it) => (typeof it === 'string' ? { ip: it } : it));
  return { version: '7', generation: 1, status: ips.length === 0 ? {} : { loadBalancer: { ingress } } };
}

interface Row {
  readonly name: string;
  readonly isServed: boolean;
  readonly shown: readonly (string | object)[];
  readonly addresses: readonly string[];
  /** What is written; undefined for nothing. */
  readonly written: unknown;
}

const ROWS: readonly Row[] = [
  {
    name: 'served, nothing shown',
    isServed: true,
    shown: [],
    addresses: OWN,
    written: OWN.map((ip) => ({ ip })),
  },
  { name: 'served and shown', isServed: true, shown: OWN, addresses: OWN, written: undefined },
  {
    name: 'served, an old address',
    isServed: true,
    shown: ['10.90.0.9'],
    addresses: OWN,
    written: OWN.map((ip) => ({ ip })),
  },
  { name: 'served, the Service has no address', isServed: true, shown: OWN, addresses: [], written: null },
  { name: 'has left, our addresses stand', isServed: false, shown: OWN, addresses: OWN, written: null },
  {
    name: 'has left, somebody else’s addresses stand',
    isServed: false,
    shown: ['192.0.2.1'],
    addresses: OWN,
    written: undefined,
  },
  {
    name: 'somebody else’s, with a host name',
    isServed: false,
    shown: [{ hostname: 'lb.test' }],
    addresses: OWN,
    written: undefined,
  },
  {
    name: 'somebody else’s, while we have no address',
    isServed: false,
    shown: [],
    addresses: [],
    written: undefined,
  },
];

for (const { name, isServed, shown, addresses, written } of ROWS)
  test(`ingressStatusWrites(): ${name}`, () => {
    const verdicts = isServed ? [{ namespace: 'shop', name: 'web', uid: 'u', problems: [] }] : [];
    const writes = ingressStatusWrites({ verdicts, addresses, seen: new Map([['shop/web', seen(shown)]]) });
    const got = writes.map(({ status }) => (status['loadBalancer'] as { readonly ingress: unknown }).ingress);
    assert.deepEqual(got, written === undefined ? [] : [written]);
  });
