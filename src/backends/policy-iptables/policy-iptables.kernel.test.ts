// Chains and sets in the kernel, and what others do to them. What they do to packets: `test/contract/policy-nodes.test.ts`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Lifetime } from '../../base/lifetime.ts';
import { bindUdp } from '../../sys/socket.ts';
import { parseIp } from '../../base/ip.ts';
import { adoptUdp } from '../../../test/contract/policy-prober.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { ownName } from '../../../test/support/own-name.ts';
import { keepByIptables } from '../../../test/support/policy-keeper.ts';
import { ALL_WAYS, PolicyNodesLab } from '../../../test/support/policy-nodes-lab.ts';
import { IPTABLES_POLICIES } from './backend.ts';
import { CHAINS } from './names.ts';

const PREFIX = ownName('polipt');
const lifetime = new Lifetime('policy chains');
let lab: PolicyNodesLab;

before(async () => {
  lab = await PolicyNodesLab.start(PREFIX, keepByIptables('nft'), lifetime);
});
after(() => lifetime.close());

function onNode(command: string, input?: string): string {
  const args = ['netns', 'exec', `${PREFIX}-n1`, 'sh', '-ec', command];
  return execFileSync('ip', args, { encoding: 'utf8', ...(input === undefined ? {} : { input }) });
}

/** Pod a lets in from those alone. */
function lettingIn(...from: readonly string[]): string {
  const peers = from.map((it) => `{ podSelector: { matchLabels: { app: ${it} } } }`).join(', ');
  return `p: { podSelector: { matchLabels: { app: a } }, ingress: [ ${from.length === 0 ? '' : `{ from: [ ${peers} ] }`} ] }`;
}

/** How many packets the first rule of a chain has met. */
function countOf(family: 4 | 6, chain: string): number {
  const program = family === 4 ? 'iptables-nft' : 'ip6tables-nft';
  const saved = onNode(`${program}-save -c -t mangle`);
  return Number(new RegExp(`^\\[(\\d+):\\d+\\] -A ${chain} `, 'm').exec(saved)?.[1]);
}

test('what is denied is counted, by direction', async () => {
  await lab.program(lettingIn('b'));
  const before = [countOf(4, CHAINS.dropIn), countOf(6, CHAINS.dropIn), countOf(4, CHAINS.dropOut)];
  const { netns } = lab.node('n1');
  const count = IPTABLES_POLICIES.countDenied?.({ netns, lifetime, iptablesFlavour: 'nft' });
  assert.ok(count);
  const told = (await count()).get('ingress') ?? assert.fail('no count');
  await lab.expect({ 'c > a': [] });
  const [in4 = 0, in6 = 0, out4 = 0] = before;
  assert.ok(countOf(4, CHAINS.dropIn) > in4 && countOf(6, CHAINS.dropIn) > in6);
  assert.equal(countOf(4, CHAINS.dropOut), out4);
  const now = await count();
  assert.ok((now.get('ingress') ?? 0n) > told);
  assert.equal(now.get('egress'), BigInt(out4));
  assert.deepEqual(
    await IPTABLES_POLICIES.countDenied?.({ netns, lifetime, iptablesFlavour: 'legacy' })(),
    new Map(),
  );
});

test('a change writes what is others alone: chains of other pods keep their counters', async () => {
  const other = 'q: { podSelector: { matchLabels: { app: d } }, ingress: [ { ports: [ { port: 7 } ] } ] }';
  await lab.program(`${lettingIn('b')}\n${other}`);
  const portChain = /-A (FAIRLEAD-P-\S+) -p tcp -m multiport --dports 7 /;
  const chain = portChain.exec(onNode('iptables-nft-save -t mangle'))?.[1] ?? '';
  await lab.speaks('a', 'd', 7);
  const count = countOf(4, chain);
  assert.ok(count > 0);
  await lab.program(`${lettingIn('b', 'c')}\n${other}`);
  assert.equal(countOf(4, chain), count);
});

test('nothing opens and nothing closes while policies change', async () => {
  const byPort =
    'q: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ], ports: [ { port: 1024, endPort: 65535, protocol: UDP } ] } ] }';
  const turns = [lettingIn('b'), lettingIn('b', 'd'), `${lettingIn('d')}\n${byPort}`];
  await lab.program(turns[0] ?? '');
  const streams = [await stream('b', 'a'), await stream('c', 'a')];
  for (let at = 1; at < 13; at++) assert.equal(await lab.program(turns[at % turns.length] ?? ''), 2);
  for (const it of streams) it.stop();
  const [ofB, ofC] = streams;
  await eventually(() => assert.deepEqual(ofB?.heard(), ofB?.sent()));
  assert.ok((ofC?.sent() ?? 0) > 100, `${ofC?.sent()} sent`);
  assert.equal(ofC?.heard(), 0, `of ${ofC?.sent()}`);
});

interface Stream {
  stop(): void;
  readonly sent: () => number;
  readonly heard: () => number;
}

/** Datagrams of both families, as many as timers give. */
async function stream(from: string, to: string): Promise<Stream> {
  let [sent, heard] = [0, 0];
  const timers = await Promise.all(
    ([4, 6] as const).map(async (family) => {
      const [source, destination] = [from, to].map((it) => parseIp(lab.ipOf(it, family)));
      assert.ok(source && destination);
      const at = { ip: destination, port: 0 };
      const server = await adoptUdp(bindUdp(`/run/netns/${PREFIX}-${to}`, at), destination);
      const client = await adoptUdp(bindUdp(`/run/netns/${PREFIX}-${from}`, { ip: source, port: 0 }), source);
      lifetime.defer('server', () => void server.close());
      lifetime.defer('client', () => void client.close());
      server.on('message', () => heard++);
      const { port } = server.address();
      return setInterval(() => {
        client.send('x', port, destination);
        sent++;
      }, 1);
    }),
  );
  return { stop: () => timers.forEach((it) => clearInterval(it)), sent: () => sent, heard: () => heard };
}

test('who comes from outside with the address of the node is not the node', async () => {
  await lab.program(lettingIn('b'));
  const [own, pod] = [lab.ipOf('n1', 6), lab.ipOf('a', 6)];
  assert.deepEqual(await lab.speaks('n1', 'a'), ALL_WAYS);
  const outside = `${PREFIX}-outside`;
  execFileSync('ip', ['-n', outside, '-6', 'addr', 'add', `${own}/128`, 'dev', 'lo', 'nodad']);
  const socket = await adoptUdp(
    bindUdp(`/run/netns/${outside}`, { ip: parseIp(own), port: 0 }),
    parseIp(own),
  );
  lifetime.defer('socket', () => void socket.close());
  const before = countOf(6, CHAINS.dropIn);
  socket.send('x', 8080, pod);
  await eventually(() => assert.ok(countOf(6, CHAINS.dropIn) > before));
  execFileSync('ip', ['-n', outside, '-6', 'addr', 'del', `${own}/128`, 'dev', 'lo']);
});

const OTHERS = '-A POSTROUTING -d 192.0.2.99/32 -j ACCEPT';

test('what somebody else changes is made good, rules and sets of others are left alone, and ours go whole', async () => {
  onNode(`iptables-nft -t mangle ${OTHERS}; ipset create others hash:ip; ipset add others 192.0.2.98`);
  const policies = `${lettingIn('b')}\nq: { podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [ { to: [ { podSelector: { matchLabels: { app: d } } } ] } ] }`;
  await lab.program(policies);
  const set = /^add (fl-policy4-\S+) \S+$/m.exec(onNode('ipset save'))?.[1] ?? '';
  const marks = /^:(FAIRLEAD-M-\S+) /m.exec(onNode('iptables-nft-save -t mangle'))?.[1] ?? '';
  for (const damage of [
    `ipset flush ${set}`,
    `ipset add ${set} 10.244.2.0/24`,
    `iptables-nft -t mangle -F ${CHAINS.judge}`,
    `iptables-nft -t mangle -I ${CHAINS.toPod} -j RETURN`,
    `iptables-nft -t mangle -I ${marks} -j RETURN`,
    `iptables-nft -t mangle -N FAIRLEAD-STRAY; ipset create fl-policy4-stray hash:net`,
    'iptables-nft -t mangle -D POSTROUTING 1',
    'iptables-nft -t mangle -F; iptables-nft -t mangle -X; sleep 1; for it in $(ipset list -n); do case $it in fl-policy4-*) ipset destroy $it;; esac; done',
  ]) {
    onNode(damage);
    assert.equal(await lab.program(policies), 1, damage);
    await lab.expect({ 'b > a': ALL_WAYS, 'c > a': [], 'a > d': ALL_WAYS, 'a > b': [] });
    if (damage.includes('-F;')) onNode(`iptables-nft -t mangle ${OTHERS}`);
  }
  await lab.node('n1').keeper.leave();
  const [rules, sets] = [onNode('iptables-nft-save -t mangle'), onNode('ipset list -n')];
  assert.deepEqual(rules.match(/^-A .*/gm), [OTHERS]);
  assert.equal(rules.includes('FAIRLEAD'), false);
  assert.equal(sets.trim(), 'others');
  await lab.expect({ 'c > a': ALL_WAYS });
});
