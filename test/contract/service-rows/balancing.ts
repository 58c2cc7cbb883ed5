// ClusterIPs from every client: spread, refused, told apart, left alone.

import { inAllTransports, rowOf, type RowWords, type ServiceRow } from './row.ts';

export const BALANCING_ROWS: readonly ServiceRow[] = inAllTransports((words) => [
  ...insideRows(words),
  ...outsideRows(words),
  ...nodeLocalRows(words),
]);

function insideRows({
  about,
  vip,
  otherVip,
  a,
  b,
  client,
  remote,
  protocol,
  ...words
}: RowWords): readonly ServiceRow[] {
  const { frontend, packet } = words;
  const to = `${vip}:80`;
  const other = protocol === 'TCP' ? 'UDP' : 'TCP';
  return [
    rowOf(
      `${about}: a frontend is spread over all its endpoints, which see the pod's own address`,
      [frontend(to, [a, b])],
      [packet('client', to, ['a', 'b'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: a pod reaches an endpoint of another node, which sees the pod's own address`,
      [frontend(to, [a, remote])],
      [packet('client', to, ['a', 'remote'], { seenAs: 'itself' })],
    ),
    rowOf(
      `${about}: a process of the node reaches a ClusterIP, endpoints see the node`,
      [frontend(to, [a, remote])],
      [packet('node', to, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: without endpoints it refuses at once`,
      [frontend(to, [])],
      [packet('client', to, 'refused')],
    ),
    rowOf(
      `${about}: without endpoints it refuses the node's processes at once`,
      [frontend(to, [])],
      [packet('node', to, 'refused')],
    ),
    rowOf(
      `${about}: an unused port of a Service address refuses at once`,
      [frontend(to, [a])],
      [packet('client', `${vip}:81`, 'refused')],
    ),
    rowOf(
      `${about}: an unused port of a Service address refuses the node's processes at once`,
      [frontend(to, [a])],
      [packet('node', `${vip}:81`, 'refused')],
    ),
    rowOf(
      `${about}: without endpoints it may drop, and says nothing`,
      [frontend(to, [], { whenEmpty: 'drop' })],
      [packet('client', to, 'dropped')],
    ),
    rowOf(
      `${about}: without endpoints it may drop, and says nothing to the node's processes`,
      [frontend(to, [], { whenEmpty: 'drop' })],
      [packet('node', to, 'dropped')],
    ),
    rowOf(
      `${about}: frontends of one address differ by port and protocol`,
      [frontend(to, [a]), frontend(`${vip}:81`, [b]), frontend(to, [b], { protocol: other })],
      [
        packet('client', to, ['a']),
        packet('client', `${vip}:81`, ['b']),
        packet('client', to, ['b'], { protocol: other }),
      ],
    ),
    rowOf(
      `${about}: one endpoint behind two Services answers as each`,
      [frontend(to, [a]), frontend(`${otherVip}:80`, [a])],
      [packet('client', to, ['a']), packet('client', `${otherVip}:80`, ['a']), packet('client', a, ['a'])],
    ),
    rowOf(
      `${about}: a pod reaches itself by its Service`,
      [frontend(to, [client])],
      [packet('client', to, ['client'], { seenAs: 'not itself' })],
    ),
    rowOf(
      `${about}: a pod that is one of its Service's endpoints reaches them all`,
      [frontend(to, [client, a])],
      [packet('client', to, ['a', 'client'])],
    ),
    rowOf(
      `${about}: other addresses are left alone`,
      [frontend(`${vip}:8080`, [a])],
      [packet('client', b, ['b'], { seenAs: 'itself' }), packet('node', b, ['b'], { seenAs: 'the node' })],
    ),
  ];
}

function outsideRows({ about, vip, a, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  return [
    rowOf(
      `${about}: a ClusterIP takes clients from outside, hidden behind the node`,
      [frontend(to, [a, remote])],
      [packet('outside', to, ['a', 'remote'], { seenAs: 'the node' })],
    ),
    rowOf(
      `${about}: a ClusterIP without endpoints refuses clients from outside at once`,
      [frontend(to, [])],
      [packet('outside', to, 'refused')],
    ),
    rowOf(
      `${about}: an unused port of a Service address refuses clients from outside at once`,
      [frontend(to, [a])],
      [packet('outside', `${vip}:81`, 'refused')],
    ),
  ];
}

function nodeLocalRows({ about, nodeLocal, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const frontends = [
    frontend(`${nodeLocal}:8080`, [a], { isNodeLocal: true }),
    frontend(`${nodeLocal}:9153`, [b]),
  ];
  return [
    rowOf(`${about}: what the node serves itself is left to it`, frontends, [
      packet('client', `${nodeLocal}:8080`, ['node']),
      packet('client', `${nodeLocal}:9153`, ['b']),
    ]),
    rowOf(`${about}: what the node serves itself is left to its own processes`, frontends, [
      packet('node', `${nodeLocal}:8080`, ['node']),
    ]),
    rowOf(
      `${about}: other ports of an address that the node serves itself are left to it`,
      [frontend(`${nodeLocal}:53`, [a], { isNodeLocal: true })],
      [packet('client', `${nodeLocal}:8080`, ['node'])],
    ),
  ];
}
