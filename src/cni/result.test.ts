import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrevResult } from './prev-result.ts';
import { resultDocument, type CniResult } from './result.ts';
import { CNI_VERSIONS } from './versions.ts';

const none = { socketPath: undefined, pciId: undefined };
const route = { advmss: undefined, priority: undefined, table: undefined, scope: undefined };
const RESULT: CniResult = {
  interfaces: [
    { name: 'fl1', mac: '02:00:00:00:00:01', mtuBytes: 1450, sandbox: undefined, ...none },
    { name: 'eth0', mac: '02:00:00:00:00:02', mtuBytes: 1450, sandbox: '/run/netns/p', ...none },
  ],
  ips: [
    { address: '10.244.1.7/32', gateway: '169.254.1.1', interface: 1 },
    { address: 'fd00::7/128', gateway: 'fe80::1', interface: 1 },
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '169.254.1.1', mtuBytes: 1450, ...route },
    { dst: '::/0', gw: 'fe80::1', mtuBytes: 1450, ...route },
  ],
  dns: { nameservers: ['10.96.0.10'], domain: undefined, search: [], options: [] },
};

const OLD = {
  ip4: { ip: '10.244.1.7/32', gateway: '169.254.1.1', routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1' }] },
  ip6: { ip: 'fd00::7/128', gateway: 'fe80::1', routes: [{ dst: '::/0', gw: 'fe80::1' }] },
  dns: { nameservers: ['10.96.0.10'] },
};
const MIDDLE = {
  interfaces: [
    { name: 'fl1', mac: '02:00:00:00:00:01' },
    { name: 'eth0', mac: '02:00:00:00:00:02', sandbox: '/run/netns/p' },
  ],
  ips: [
    { version: '4', address: '10.244.1.7/32', gateway: '169.254.1.1', interface: 1 },
    { version: '6', address: 'fd00::7/128', gateway: 'fe80::1', interface: 1 },
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '169.254.1.1' },
    { dst: '::/0', gw: 'fe80::1' },
  ],
  dns: { nameservers: ['10.96.0.10'] },
};
const ONE = {
  ...MIDDLE,
  ips: MIDDLE.ips.map(({ address, gateway, interface: at }) => ({ address, gateway, interface: at })),
};
const LATEST = {
  ...ONE,
  interfaces: MIDDLE.interfaces.map((it) => ({ ...it, mtu: 1450 })),
  routes: MIDDLE.routes.map((it) => ({ ...it, mtu: 1450 })),
};
const EXPECTED: Readonly<Record<(typeof CNI_VERSIONS)[number], object>> = {
  '0.1.0': OLD,
  '0.2.0': OLD,
  '0.3.0': MIDDLE,
  '0.3.1': MIDDLE,
  '0.4.0': MIDDLE,
  '1.0.0': ONE,
  '1.1.0': LATEST,
};

for (const version of CNI_VERSIONS) {
  test(`resultDocument() in ${version} says what that version can say`, () => {
    assert.deepEqual(resultDocument(RESULT, version), { cniVersion: version, ...EXPECTED[version] });
  });

  test(`parsePrevResult() reads what ${version} wrote, and it is written the same again`, () => {
    const document = resultDocument(RESULT, version);
    const text: unknown = JSON.parse(JSON.stringify(document));
    assert.deepEqual(resultDocument(parsePrevResult(text), version), document);
  });
}
