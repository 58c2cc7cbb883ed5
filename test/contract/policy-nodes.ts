// What every policy backend that judges in netfilter is held to on two nodes, whose packets say who sends them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DENIED_FLOW_BIT } from '../../src/backends/shared-policy/denied-flow.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { ownName } from '../support/own-name.ts';
import { ALL_WAYS, PolicyNodesLab, type OpenKeeper } from '../support/policy-nodes-lab.ts';

export function policyNodesContract(name: string, open: OpenKeeper): void {
  describe(`policies on two nodes by ${name}`, () => {
    const lifetime = new Lifetime(name);
    let lab: PolicyNodesLab;
    before(async () => {
      lab = await PolicyNodesLab.start(ownName('pol2'), open, lifetime);
    });
    after(() => lifetime.close());

    test('without policies everybody speaks to everybody', async () => {
      await lab.program('');
      await lab.expect({
        'a > b': ALL_WAYS,
        'b > a': ALL_WAYS,
        'a > d': ALL_WAYS,
        'outside > a': ALL_WAYS,
        'n1 > a': ALL_WAYS,
        'n2 > a': ALL_WAYS,
      });
      assert.equal(await lab.program(''), 0);
    });

    test('a pod that lets one in lets in that one alone, from either node, and its own node', async () => {
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
      );
      await lab.expect({
        'b > a': ALL_WAYS,
        'c > a': [],
        'd > a': [],
        'outside > a': [],
        'n2 > a': [],
        'n1 > a': ALL_WAYS,
        'a > b': ALL_WAYS,
        'a > c': ALL_WAYS,
      });
      assert.deepEqual([lab.ping('b', 'a'), lab.ping('c', 'a')], [true, false]);
    });

    test('a pod that goes out to one goes out to that one alone, and to its own node', async () => {
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [ { to: [ { podSelector: { matchLabels: { app: d } } } ] } ] }',
      );
      await lab.expect({
        'a > d': ALL_WAYS,
        'a > b': [],
        'b > a': ALL_WAYS,
        'd > a': ALL_WAYS,
        'outside > a': ALL_WAYS,
      });
      assert.deepEqual([lab.ping('a', 'd'), lab.ping('a', 'b'), lab.ping('a', 'n1')], [true, false, true]);
    });

    test('ports by number, range and name; what has no ports is another matter', async () => {
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { ports: [ { port: http }, { port: 9000, endPort: 9100 } ] } ] }',
      );
      await lab.expect({
        'b > a': ['TCP4', 'TCP6'],
        'd > a': ['TCP4', 'TCP6'],
        'outside > a': ['TCP4', 'TCP6'],
      });
      assert.equal(lab.ping('b', 'a'), false);
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { ports: [ { port: 8000, endPort: 8100, protocol: UDP } ] } ] }',
      );
      await lab.expect({ 'b > a': ['UDP4', 'UDP6'] });
    });

    test('blocks of addresses, with holes, for pods and for those outside', async () => {
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { ipBlock: { cidr: 10.89.0.0/16 } }, { ipBlock: { cidr: "fd00::/16", except: ["fd00:10:244::/56"] } } ] } ] }',
      );
      await lab.expect({ 'outside > a': ALL_WAYS, 'b > a': [], 'n2 > a': ALL_WAYS });
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { ipBlock: { cidr: 10.0.0.0/8, except: [10.89.1.128/25] } } ], ports: [ { port: 8080 } ] } ] }',
      );
      await lab.expect({ 'outside > a': [], 'b > a': ['TCP4'], 'd > a': ['TCP4'] });
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [ { to: [ { ipBlock: { cidr: 10.244.2.0/24 } } ] } ] }',
      );
      await lab.expect({ 'a > b': ['TCP4', 'UDP4'], 'a > d': [] });
    });

    test('a connection that stands ends with the policy that let it through, in either direction', async () => {
      await lab.program('');
      const at = { socket: 'held', ip: lab.ipOf('a', 4), port: 8080 };
      const hold = async (): Promise<string | undefined> =>
        (await lab.ask('b', { kind: 'hold', waitMs: 500, ...at } as never)).error;
      assert.equal(await hold(), undefined);
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
      );
      assert.equal(await hold(), undefined, 'it may go on');
      await lab.program('p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }');
      assert.notEqual(await hold(), undefined, 'nobody may any more');
      await lab.ask('b', { kind: 'forget' });
    });

    test('a flow of datagrams that may not be any more is marked, others are not', async () => {
      await lab.program('');
      for (const from of ['b', 'c']) assert.deepEqual(await lab.speaks(from, 'a'), ALL_WAYS);
      const [ofB, ofC] = (['b', 'c'] as const).map((name) => [lab.ipOf(name, 4), lab.ipOf(name, 6)]);
      const undenied = async (): Promise<ReadonlySet<string>> => {
        const [from, to] = [new Set([...(ofB ?? []), ...(ofC ?? [])]), [lab.ipOf('a', 4), lab.ipOf('a', 6)]];
        const flows = await lab
          .node('n1')
          .conntrack.list(
            ({ protocol, original, reply, mark }) =>
              protocol === 17 &&
              (mark & DENIED_FLOW_BIT) === 0 &&
              from.has(original.source) &&
              to.includes(reply.source),
          );
        return new Set(flows.map(({ original }) => original.source as string));
      };
      assert.deepEqual(await undenied(), new Set([...(ofB ?? []), ...(ofC ?? [])]));
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
      );
      assert.deepEqual(await undenied(), new Set(ofB));
    });

    test('a pod that policies do not know reaches its own node and nothing else', async () => {
      await lab.program('', (view) => ({
        ...view,
        pods: new Map([...view.pods].filter(([key]) => key !== 'shop/a')),
      }));
      await lab.expect({ 'a > b': [], 'b > a': [], 'a > d': [], 'n1 > a': ALL_WAYS });
      assert.equal(lab.ping('a', 'n1'), true);
    });

    test('a pod of another node that nobody has heard of is known by what its packets carry', async () => {
      const strange = [lab.ipOf('b', 4), lab.ipOf('b', 6), lab.ipOf('c', 4), lab.ipOf('c', 6)];
      await lab.program(
        'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
        (view) => ({
          ...view,
          addresses: new Map(
            [...view.addresses].filter(([cidr]) => !strange.includes(cidr.split('/')[0] ?? '')),
          ),
        }),
      );
      await lab.expect({ 'b > a': ALL_WAYS, 'c > a': [] });
    });
  });
}
