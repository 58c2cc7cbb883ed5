import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import { aChoice, aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { observeFrontends, observeSkeleton, SERVICE_TABLES, strayKey } from './observe.ts';
import { isSameRow, renderFrontend, type FrontendRow } from './render.ts';
import { parseSave } from '../shared-iptables/save-text.ts';
import { dispatchScript, scriptFor, withoutDispatch } from './script.ts';
import { isSameSkeleton, renderSkeleton } from './skeleton.ts';

/** The endpoints of these tests are pods of this node. */
const OWN = { podCidrs: [parseCidr('10.0.0.0/24')], addresses: [] };
const FRONTENDS: readonly Frontend[] = [
  aFrontend(['10.0.0.1:8080', '10.0.0.2:8080'], { affinityTimeoutS: 10 }),
  aFrontend(['10.0.0.1:8080'], {
    ip: parseIp('192.0.2.1'),
    scope: 'node-port',
    outside: aChoice(),
    sourceRanges: [parseCidr('198.51.100.0/24')],
  }),
  aFrontend([], { ip: parseIp('10.96.0.10'), kind: 'node-local', protocol: 'UDP' }),
  aFrontend([], { ip: parseIp('10.96.0.11'), protocol: 'SCTP' }),
];
const ROWS = new Map(FRONTENDS.map((it) => [frontendKey(it), renderFrontend(it, OWN)]));
const SERVICE_CIDRS = [parseCidr('10.96.0.0/16')];
const SKELETON = new Map(
  [...renderSkeleton({ ...SERVICE_NODE, serviceCidrs: SERVICE_CIDRS })].filter(([, it]) => it.family === 4),
);
const BUILT_IN = `*nat\n:PREROUTING ACCEPT [1:60]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT
*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -s 203.0.113.9/32 -j DROP\nCOMMIT\n`;

/** What the scripts of a first load would be saved as: every table once. */
function saved(rows: ReadonlyMap<string, FrontendRow> = ROWS): string {
  const parts = [
    BUILT_IN,
    scriptFor([...SKELETON.values()].map((to) => ({ from: undefined, to }))),
    scriptFor([...rows.values()].map((to) => ({ from: undefined, to }))),
  ];
  const lines = parts.flatMap((it) => it.split('\n')).map((it) => it.replace(/^-I /, '-A '));
  return (['nat', 'filter'] as const)
    .map((table) => `*${table}\n${sorted(linesOfTable(lines, table)).join('\n')}\nCOMMIT\n`)
    .join('');
}

function linesOfTable(lines: readonly string[], table: string): readonly string[] {
  let current = '';
  return lines.filter((line) => {
    if (line.startsWith('*')) current = line.slice(1);
    return current === table && /^[:-]/.test(line);
  });
}

function sorted(lines: readonly string[]): readonly string[] {
  return [...lines.filter((it) => it.startsWith(':')), ...lines.filter((it) => it.startsWith('-A'))];
}

function assertRows(
  actual: ReadonlyMap<string, FrontendRow>,
  expected: ReadonlyMap<string, FrontendRow>,
): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [key, row] of expected) assert.ok(isSameRow(row, actual.get(key)!), key);
}

test('observeFrontends() gives back what was rendered', () => {
  assertRows(observeFrontends(parseSave(saved(), SERVICE_TABLES), 4), ROWS);
  const skeleton = observeSkeleton(parseSave(saved(), SERVICE_TABLES), 4);
  assert.deepEqual([...skeleton.keys()].sort(), [...SKELETON.keys()].sort());
  for (const [key, entry] of SKELETON) assert.ok(isSameSkeleton(entry, skeleton.get(key)!), key);
});

test('what somebody changed in our chains makes the row, or the skeleton, differ', () => {
  const differing = (from: string | RegExp, to: string): readonly string[] => {
    const tables = parseSave(saved().replace(from, to), SERVICE_TABLES);
    const [rows, skeleton] = [observeFrontends(tables, 4), observeSkeleton(tables, 4)];
    return [
      ...[...ROWS].filter(([key, row]) => !isSameRow(row, rows.get(key) ?? { ...row, entries: [] })),
      ...[...SKELETON].filter(
        ([key, it]) => !isSameSkeleton(it, skeleton.get(key) ?? { ...it, rules: ['?'] }),
      ),
    ].map(([key]) => key);
  };
  assert.deepEqual(differing('--to-destination 10.0.0.2:8080', '--to-destination 10.0.0.9:8080'), [
    '10.96.0.5:80/TCP',
  ]);
  assert.deepEqual(differing(/^-A FAIRLEAD-SERVICES -d 10.96.0.5.*\n/m, ''), ['10.96.0.5:80/TCP']);
  assert.deepEqual(differing(/^(-A FAIRLEAD-SERVICES -d 10.96.0.5.*\n)/m, '$1$1'), ['10.96.0.5:80/TCP']);
  assert.deepEqual(differing(/^-A FAIRLEAD-CLUSTER-IPS -d 10.96.0.10.*\n/m, ''), ['10.96.0.10:80/UDP']);
  assert.deepEqual(differing(/^(-A FAIRLEAD-SERVICES)/m, '$1 -j ACCEPT\n$1'), ['4 nat FAIRLEAD-SERVICES']);
  assert.deepEqual(differing(/^-A OUTPUT .*-j FAIRLEAD-SERVICES\n/m, ''), ['4 nat OUTPUT']);
  assert.deepEqual(differing(/-s 203.0.113.9/, '-s 203.0.113.8'), [], 'a rule of somebody else');
});

test('chains that no rule leads to are found, and removed by name', () => {
  const tables = parseSave(saved().replace(/^-A FAIRLEAD-SERVICES -d 10.96.0.11.*\n/m, ''), SERVICE_TABLES);
  const stray = observeFrontends(tables, 4).get(strayKey(4))!;
  const [chain] = [...ROWS.get('10.96.0.11:80/SCTP')!.chains.keys()];
  assert.equal(scriptFor([{ from: stray, to: undefined }]), `*nat\n:${chain} - [0:0]\n-X ${chain}\nCOMMIT\n`);
});

test('scriptFor() of one endpoint’s change names its chains and no other', () => {
  const [first, second] = [
    aFrontend(['10.0.0.1:80', '10.0.0.2:80']),
    aFrontend(['10.0.0.1:80', '10.0.0.3:80']),
  ];
  const [from, to] = [renderFrontend(first, OWN), renderFrontend(second, OWN)];
  const script = scriptFor([{ from, to }]);
  const declared = [...script.matchAll(/^:(\S+)/gm)].map((it) => it[1]);
  const kept = [...from.chains.keys()].filter((it) => from.chains.get(it) === to.chains.get(it));
  assert.equal(kept.length, 1, 'the chain of the endpoint that stays');
  assert.deepEqual(
    new Set(declared),
    new Set([...from.chains.keys(), ...to.chains.keys()].filter((it) => !kept.includes(it))),
  );
  assert.ok(!script.includes('FAIRLEAD-SERVICES'));
  assert.equal(scriptFor([{ from, to: from }]), '');
});

test('a rule is taken out of the dispatch chain, or the chain is written whole', () => {
  const [row, other] = [
    renderFrontend(aFrontend([]), OWN),
    renderFrontend(aFrontend([], { ip: parseIp('10.96.0.6') }), OWN),
  ];
  const [mine, theirs] = [row.entries[0]!.rule, other.entries[0]!.rule];
  const [chain] = [...row.chains.keys()];
  const gone = `:${chain} - [0:0]`;
  assert.equal(
    scriptFor([{ from: row, to: undefined }]),
    `*nat\n${gone}\n-D FAIRLEAD-SERVICES ${mine}\n-X ${chain}\nCOMMIT\n`,
  );
  assert.equal(
    dispatchScript([other]),
    `*nat\n:FAIRLEAD-SERVICES - [0:0]\n-A FAIRLEAD-SERVICES ${theirs}\nCOMMIT\n`,
  );
  assert.equal(
    scriptFor([{ from: withoutDispatch(row), to: undefined }]),
    `*nat\n${gone}\n-X ${chain}\nCOMMIT\n`,
  );
});

test('parseSave() refuses what it cannot read', () => {
  assert.throws(() => parseSave('*nat\n-A NOWHERE -j ACCEPT\n', SERVICE_TABLES), /NOWHERE/);
  assert.throws(() => parseSave('*nat\nodd\n', SERVICE_TABLES), /line "odd"/);
});
