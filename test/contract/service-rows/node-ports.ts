// Addresses that the outside knows: node ports, load balancers' and external addresses, host ports, with both traffic policies.

import { inAllTransports, rowOf, type FrontendText, type RowWords, type ServiceRow } from './row.ts';

export const NODE_PORT_ROWS: readonly ServiceRow[] = inAllTransports((words) => [
  ...addressesOf(words).flatMap((address) => addressRows(words, address)),
  ...nodeRows(words),
]);

interface ExternalAddress {
  readonly name: string;
  readonly at: string;
  readonly scope: NonNullable<FrontendText['scope']>;
}

function addressesOf({ node, balancer, external }: RowWords): readonly ExternalAddress[] {
  return [
    { name: 'a node port', at: `${node}:30080`, scope: 'node-port' },
    { name: 'a load balancer address', at: `${balancer}:80`, scope: 'load-balancer' },
    { name: 'an external address', at: `${external}:80`, scope: 'external-ip' },
  ];
}

function addressRows(
  { about, a, b, remote, client, frontend, packet }: RowWords,
  { name, at, scope }: ExternalAddress,
): readonly ServiceRow[] {
  const local = { scope, keepsOutside: true } as const;
  return [
    rowOf(
      `${about}: ${name} takes clients from outside to any node's endpoints, hidden behind the node`,
      [frontend(at, [a, remote], { scope })],
      [packet('outside', at, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: ${name} with policy Local keeps the client's address, endpoints of this node alone`,
      [frontend(at, [a, b, remote], { ...local, outside: [a, b] })],
      [packet('outside', at, ['a', 'b'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: ${name} with policy Local says nothing where no endpoint is of this node`,
      [frontend(at, [remote], { ...local, outside: [], outsideWhenEmpty: 'drop' })],
      [packet('outside', at, 'dropped'), packet('client', at, ['remote'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: ${name} without any endpoint refuses at once, inside and outside`,
      [frontend(at, [], { scope })],
      (['outside', 'client', 'node'] as const).map((from) => packet(from, at, 'refused')),
    ),
    rowOf(
      `${about}: ${name} serves pods of the node, which keep their address, whatever the policy`,
      [frontend(at, [a, remote], { ...local, outside: [a] })],
      [packet('client', at, ['a', 'remote'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: ${name} serves the node's own processes`,
      [frontend(at, [a, remote], { ...local, outside: [a] })],
      [packet('node', at, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: ${name} leads a pod to itself`,
      [frontend(at, [client], { scope })],
      [packet('client', at, ['client'], { seenAs: 'not itself' })],
    ),
  ];
}

function nodeRows({ about, node, a, b, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const nodePort = `${node}:30080`;
  const hostPort = `${node}:8088`;
  return [
    rowOf(
      `${about}: a node port takes pods of other nodes as clients from outside`,
      [frontend(nodePort, [a], { scope: 'node-port' })],
      [packet('remote', nodePort, ['a'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: other ports of the node stay the node's own`,
      [frontend(nodePort, [a], { scope: 'node-port' })],
      (['outside', 'client', 'node'] as const).map((from) => packet(from, `${node}:8080`, ['node'])),
    ),
    rowOf(
      `${about}: a host port leads to its pod, which sees the client's own address`,
      [frontend(hostPort, [a], { scope: 'host-port', keepsOutside: true })],
      [
        packet('outside', hostPort, ['a'], { seenAs: 'itself' }),
        packet('client', hostPort, ['a'], { seenAs: 'itself' }),
        packet('node', hostPort, ['a'], { seenAs: 'the node' }),
      ],
    ),
    rowOf(
      `${about}: a host port leads its own pod to itself`,
      [frontend(hostPort, [a], { scope: 'host-port', keepsOutside: true })],
      [packet('a', hostPort, ['a'], { seenAs: 'not itself' })],
    ),
    rowOf(
      `${about}: node ports of several ports of a Service are told apart`,
      [
        frontend(nodePort, [b, remote], { scope: 'node-port' }),
        frontend(`${node}:30081`, [a], { scope: 'node-port' }),
      ],
      [packet('outside', nodePort, ['b', 'remote']), packet('outside', `${node}:30081`, ['a'])],
    ),
  ];
}
