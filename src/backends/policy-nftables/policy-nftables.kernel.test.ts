// The table in the kernel, and what others do to it. What it does to packets: `test/contract/policy-nodes.test.ts`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { openNfTables, type NfTables } from '../../sys/nf-tables.ts';
import { applyNft } from '../../sys/nft.ts';
import { openNflog } from '../../sys/nflog.ts';
import { bindUdp } from '../../sys/socket.ts';
import type { LoggedPacket } from '../../wire/netlink/nflog.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { ownName } from '../../../test/support/own-name.ts';
import { keepByNftables } from '../../../test/support/policy-keeper.ts';
import { ALL_WAYS, PolicyNodesLab } from '../../../test/support/policy-nodes-lab.ts';
import { DENIAL_LOG_GROUP, deniedPacketOf } from '../shared-policy/denial-log.ts';
import type { DeniedPacket } from '../shared-policy/denied-packet.ts';
import { NFTABLES_POLICIES } from './backend.ts';
import { renderPolicies } from './render.ts';
import { policyTableTarget } from './target.ts';

const PREFIX = ownName('polnft');
const SIGNAL = new AbortController().signal;
const lifetime = new Lifetime('policy table');
let lab: PolicyNodesLab;

before(async () => {
  lab = await PolicyNodesLab.start(PREFIX, keepByNftables, lifetime);
});
after(() => lifetime.close());

function tablesIn(netns: string): NfTables {
  return lifetime.own('tables', openNfTables(netns), (it) => it.close());
}

test('policies that change change elements alone', async () => {
  const handle = (): string =>
    /# handle (\d+)/.exec(
      execFileSync(
        'ip',
        ['netns', 'exec', `${PREFIX}-n1`, 'nft', '-a', 'list', 'table', 'inet', 'fairlead-policy'],
        {
          encoding: 'utf8',
        },
      ),
    )?.[1] ?? '';
  await lab.program('');
  const before = handle();
  for (const rule of [
    '{ from: [ { podSelector: { matchLabels: { app: b } } } ] }',
    '{ from: [ { podSelector: {} } ], ports: [ { port: 80 }, { port: 90, endPort: 99, protocol: SCTP } ] }',
    '{ from: [ { ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.0.2.7/32] } }, { ipBlock: { cidr: "::/0" } } ] }',
    '{ from: [ { ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/9] } } ] }',
  ]) {
    await lab.program(
      `p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Ingress, Egress], ingress: [ ${rule} ], egress: [ ${rule.replace('from', 'to')} ] }`,
    );
    assert.equal(handle(), before, rule);
  }
});

test('of a flood of denied packets all are counted and some are told', async () => {
  await lab.program('p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }');
  const told: (DeniedPacket | undefined)[] = [];
  const onPacket = (packet: LoggedPacket): void => void told.push(deniedPacketOf(packet));
  const { netns } = lab.node('n1');
  const reader = openNflog({ netns, group: DENIAL_LOG_GROUP, onPacket });
  const socket = createSocket('udp4');
  try {
    const counted = NFTABLES_POLICIES.countDenied?.({ netns, lifetime });
    assert.ok(counted);
    const before = (await counted()).get('ingress') ?? 0n;
    const from = { ip: parseIp(lab.ipOf('d', 4)), port: 0 };
    await new Promise<void>((resolve) =>
      socket.bind({ fd: bindUdp(`/run/netns/${PREFIX}-d`, from) }, () => resolve()),
    );
    const send = (): Promise<void> =>
      new Promise((resolve) => socket.send('x', 8080, lab.ipOf('a', 4), () => resolve()));
    for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 100 }, send));
    // Beside them what the node says on the link of its own accord.
    assert.ok(((await counted()).get('ingress') ?? 0n) - before >= 3000n);
    await eventually(() => assert.ok(told.length > 0));
    assert.ok(told.length < 3000, `${told.length}`);
    const { ip: source } = from;
    const expected = {
      direction: 'ingress',
      source,
      destination: lab.ipOf('a', 4),
      protocol: 17,
      port: 8080,
    };
    for (const packet of told) assert.deepEqual(packet, expected);
  } finally {
    reader.close();
    socket.close();
  }
});

test('a change that comes between a look and ours is no harm', async () => {
  const netns = `/run/netns/${PREFIX}-n1`;
  const doors = { tables: tablesIn(netns), conntrack: lab.node('n1').conntrack, place: { netns } };
  const target = policyTableTarget(doors);
  await lab.program('');
  const seen = await target.observe(SIGNAL);
  await applyNft('flush set inet fairlead-policy open-in4\n', { netns });
  const desired = renderPolicies(
    lab.viewOf('n1', 'p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }'),
  );
  assert.deepEqual(await target.update(desired, SIGNAL, seen), new Map());
  assert.deepEqual(await policyTableTarget(doors).observe(SIGNAL), desired);
});

test('what somebody else changes is made good, the table is left as it is by a restart, and goes whole', async () => {
  const policies =
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }';
  await lab.program(policies);
  const netns = `/run/netns/${PREFIX}-n1`;
  for (const damage of [
    'flush map inet fairlead-policy in4',
    'add element inet fairlead-policy open-in4 { 10.244.1.99 }',
    'flush chain inet fairlead-policy judge',
    'add rule inet fairlead-policy judge accept',
    'delete table inet fairlead-policy',
  ]) {
    await applyNft(`${damage}\n`, { netns });
    assert.equal(await lab.program(policies), 1, damage);
    await lab.expect({ 'b > a': ALL_WAYS, 'c > a': [] });
  }
  await lab.node('n1').keeper.leave();
  await lab.expect({ 'c > a': ALL_WAYS });
});
