// SCTP: what differs between the backends' ways with it. What a frontend means is the same as for TCP, whose rows are more.

import { rowOf, wordsOf, type RowWords, type ServiceRow } from './row.ts';

export const SCTP_ROWS: readonly ServiceRow[] = wordsOf(['SCTP']).flatMap((words) => [
  ...clusterIpRows(words),
  ...refusalRows(words),
  ...nodePortRows(words),
  ...changeRows(words),
]);

function clusterIpRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, client, a, b, remote, frontend, packet } = words;
  const to = `${vip}:80`;
  const one = { tries: 1, seenAs: 'itself' } as const;
  return [
    // Alone: where nothing is balanced, only the association itself can fail.
    rowOf(
      `${about}: an association reaches its endpoint`,
      [frontend(to, [a])],
      [packet('client', to, ['a'], one)],
    ),
    rowOf(
      `${about}: a frontend is spread over all its endpoints, which see the pod's own address`,
      [frontend(to, [a, b])],
      [packet('client', to, ['a', 'b'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: an SCTP socket of the node reaches a ClusterIP, endpoints see the node`,
      [frontend(to, [a, remote])],
      [packet('node', to, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: a pod reaches itself by its Service`,
      [frontend(to, [client])],
      [packet('client', to, ['client'], { seenAs: 'not itself' })],
    ),
    rowOf(
      `${about}: frontends of one address and port differ by protocol`,
      [frontend(to, [a]), frontend(to, [b], { protocol: 'TCP' })],
      [packet('client', to, ['a']), packet('client', to, ['b'], { protocol: 'TCP' })],
    ),
  ];
}

function refusalRows({ about, vip, node, a, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  const nodePort = `${node}:30080`;
  return [
    rowOf(
      `${about}: without endpoints it refuses at once`,
      [frontend(to, []), frontend(nodePort, [], { scope: 'node-port' })],
      [packet('client', to, 'refused'), packet('outside', nodePort, 'refused')],
    ),
    rowOf(
      `${about}: an unused port of a Service address refuses at once`,
      [frontend(to, [a])],
      (['client', 'outside'] as const).map((from) => packet(from, `${vip}:81`, 'refused')),
    ),
    rowOf(
      `${about}: an SCTP socket of the node is refused at once without endpoints and at an unused port`,
      [frontend(to, []), frontend(`${vip}:82`, [a])],
      [packet('node', to, 'refused'), packet('node', `${vip}:81`, 'refused')],
    ),
    rowOf(
      `${about}: without endpoints it may drop in silence`,
      [frontend(to, [], { whenEmpty: 'drop' })],
      [packet('client', to, 'dropped')],
    ),
  ];
}

function nodePortRows({ about, node, a, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${node}:30080`;
  const scope = 'node-port';
  return [
    rowOf(
      `${about}: a node port takes clients from outside, hidden behind the node`,
      [frontend(to, [a, remote], { scope })],
      [packet('outside', to, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: a node port with policy Local keeps the client's address`,
      [frontend(to, [a, remote], { scope, outside: [a], keepsOutside: true })],
      [packet('outside', to, ['a'], { seenAs: 'itself' })],
    ),
  ];
}

function changeRows({ about, vip, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  return [
    {
      name: `${about}: an association stays where it is when another endpoint comes, new ones find both`,
      steps: [
        { frontends: [frontend(to, [a])], packets: [packet('client', to, ['a'], { socket: 'held' })] },
        {
          frontends: [frontend(to, [a, b])],
          packets: [packet('client', to, ['a'], { socket: 'held' }), packet('client', to, ['a', 'b'])],
        },
      ],
    },
    {
      name: `${about}: new associations follow a change of endpoints at once`,
      steps: [
        { frontends: [frontend(to, [a])], packets: [packet('client', to, ['a'])] },
        { frontends: [frontend(to, [b])], packets: [packet('client', to, ['b'])] },
        { frontends: [frontend(to, [])], packets: [packet('client', to, 'refused')] },
      ],
    },
  ];
}
