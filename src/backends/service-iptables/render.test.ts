import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { frontendChain, isFrontendChain } from './names.ts';
import { isSameRow, renderFrontend, type FrontendRow } from './render.ts';

const KEY = '10.96.0.5:80/TCP';
const [S, B, X] = [frontendChain('S', KEY), frontendChain('B', KEY), frontendChain('X', KEY)];

/** Endpoints of 10.0.0.0/24 are pods of this node. */
const OWN = { podCidrs: [parseCidr('10.0.0.0/24')], addresses: [parseIp('203.0.113.1')] };

function render(...of: Parameters<typeof aFrontend>): FrontendRow {
  return renderFrontend(aFrontend(...of), OWN);
}

/** The chains as `iptables -S` lists them, endpoints' chains by number. */
function listing(row: FrontendRow): readonly string[] {
  const names = [...row.chains.keys()].filter((it) => it.startsWith('FAIRLEAD-E-'));
  const short = (text: string): string =>
    names.reduce((done, name, at) => done.replaceAll(name, `E${at + 1}`), text);
  return [...row.chains].flatMap(([name, rules]) => rules.split('\n').map((it) => short(`${name} ${it}`)));
}

test('renderFrontend() spreads over endpoints by chance, hides outside clients and those that are their own endpoint', () => {
  const row = render(['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'], { portName: 'http' });
  assert.deepEqual(row.entries, [
    {
      table: 'nat',
      chain: 'FAIRLEAD-SERVICES',
      rule: `-d 10.96.0.5/32 -p tcp -m comment --comment "default/web:http" -m tcp --dport 80 -j ${S}`,
    },
  ]);
  assert.deepEqual(listing(row), [
    `${S} -j FAIRLEAD-MASQ-OUTSIDE`,
    `${S} -m statistic --mode random --probability 0.33333333349 -j E1`,
    `${S} -m statistic --mode random --probability 0.50000000000 -j E2`,
    `${S} -j E3`,
    ...['10.0.0.1', '10.0.0.2', '10.0.0.3'].flatMap((ip, at) => [
      `E${at + 1} -s ${ip}/32 -j MARK --set-xmark 0x2000000/0x2000000`,
      `E${at + 1} -p tcp -j DNAT --to-destination ${ip}:8080`,
    ]),
  ]);
});

test('renderFrontend() translates at once to endpoints that no client of this node can be', () => {
  const row = render(['10.0.1.1:8080', '10.0.0.2:8080', '203.0.113.1:8080', '10.0.1.4:8080']);
  assert.deepEqual(listing(row), [
    `${S} -j FAIRLEAD-MASQ-OUTSIDE`,
    `${S} -p tcp -m statistic --mode random --probability 0.25000000000 -j DNAT --to-destination 10.0.1.1:8080`,
    `${S} -m statistic --mode random --probability 0.33333333349 -j E1`,
    `${S} -m statistic --mode random --probability 0.50000000000 -j E2`,
    `${S} -p tcp -j DNAT --to-destination 10.0.1.4:8080`,
    `E1 -s 10.0.0.2/32 -j MARK --set-xmark 0x2000000/0x2000000`,
    `E1 -p tcp -j DNAT --to-destination 10.0.0.2:8080`,
    `E2 -s 203.0.113.1/32 -j MARK --set-xmark 0x2000000/0x2000000`,
    `E2 -p tcp -j DNAT --to-destination 203.0.113.1:8080`,
  ]);
  const affine = render(['10.0.1.1:8080'], { affinityTimeoutS: 60 });
  assert.equal(affine.chains.size, 2, 'the clients of an endpoint are remembered by its chain');
});

test('renderFrontend() gives outside clients a chain of their own where they go elsewhere', () => {
  const row = render(['10.0.0.1:8080', '10.0.0.2:8080'], {
    outside: { ...aChoice(), whenEmpty: 'drop' },
    masqueradesOutside: false,
    sourceRanges: [parseCidr('192.0.2.0/24'), parseCidr('2001:db8::/32'), parseCidr('0.0.0.0/0')],
  });
  assert.deepEqual(listing(row).slice(0, 9), [
    `${S} -s 192.0.2.0/24 -j ${B}`,
    `${S} -j ${B}`,
    `${S} -j FAIRLEAD-DROP`,
    `${B} -j FAIRLEAD-OUTSIDE`,
    `${B} -m mark --mark 0x10000000/0x10000000 -j ${X}`,
    `${B} -m statistic --mode random --probability 0.50000000000 -j E1`,
    `${B} -j E2`,
    `${X} -j MARK --set-xmark 0x0/0x10000000`,
    `${X} -j FAIRLEAD-DROP`,
  ]);
});

test('renderFrontend() remembers clients by the endpoint’s chain, in IPv6, too', () => {
  const row = render(['[fd00::1]:53', '10.0.0.1:53'], {
    ip: parseIp('fd96::5'),
    protocol: 'UDP',
    affinityTimeoutS: 60,
  });
  const mask = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const [name = ''] = [...row.chains.keys()].filter((it) => it.startsWith('FAIRLEAD-E-'));
  const [first, ...rest] = [...row.chains.values()];
  assert.deepEqual(first?.split('\n'), [
    '-j FAIRLEAD-MASQ-OUTSIDE',
    `-m recent --rcheck --seconds 60 --reap --name ${name} --mask ${mask} --rsource -j ${name}`,
    `-j ${name}`,
  ]);
  assert.deepEqual(rest, [
    `-s fd00::1/128 -j MARK --set-xmark 0x2000000/0x2000000\n-p udp -m recent --set --name ${name} --mask ${mask} --rsource -j DNAT --to-destination [fd00::1]:53`,
  ]);
});

test('renderFrontend() refuses without endpoints, and leaves node-local frontends to the node', () => {
  assert.deepEqual(listing(render([])), [`${S} -j FAIRLEAD-REFUSE`]);
  const local = render([], { kind: 'node-local' });
  assert.equal(local.chains.size, 0);
  assert.deepEqual(local.entries, [
    {
      table: 'filter',
      chain: 'FAIRLEAD-CLUSTER-IPS',
      rule: `-d 10.96.0.5/32 -m comment --comment "${KEY}" -j RETURN`,
    },
  ]);
});

test('isSameRow() sees every difference', () => {
  const row = (...endpoints: readonly string[]): FrontendRow => render(endpoints);
  assert.ok(isSameRow(row('10.0.0.1:80'), row('10.0.0.1:80')));
  assert.ok(!isSameRow(row('10.0.0.1:80'), row('10.0.0.1:81')));
  assert.ok(!isSameRow(row('10.0.0.1:80'), row('10.0.0.1:80', '10.0.0.2:80')));
  assert.ok(!isSameRow(row('10.0.0.1:80'), { ...row('10.0.0.1:80'), entries: [] }));
});

test('names of chains fit the kernel and tell frontends from the rest', () => {
  assert.ok(S.length <= 28);
  assert.ok(isFrontendChain(S) && !isFrontendChain('FAIRLEAD-SERVICES') && !isFrontendChain('FAIRLEAD-S-x'));
});
