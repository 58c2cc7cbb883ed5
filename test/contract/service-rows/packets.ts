// What is about packets more than about choice: fragments, the path's size, errors, ports of clients, one socket for two Services, many endpoints.

import {
  inAllTransports,
  rowOf,
  type FrontendText,
  type PacketRow,
  type RowWords,
  type ServiceRow,
} from './row.ts';

export const PACKET_ROWS: readonly ServiceRow[] = [
  ...inAllTransports((words) => [
    ...sizeRows(words),
    ...errorRows(words),
    portRow(words),
    ...manyRows(words),
    ...(words.protocol === 'UDP' ? socketRows(words) : []),
  ]),
];

/** The link to b is smaller than every other: who sends to it learns so by ICMP errors that must quote the Service. */
function sizeRows(words: RowWords): readonly ServiceRow[] {
  const { about, protocol, a, b } = words;
  const insideAndOutside = (name: string, endpoint: readonly [string, string], bytes: number) => [
    rowOf(`${about}: ${name}`, ...insideSizes(words, endpoint, bytes)),
    rowOf(`${about}: ${name}, from outside`, ...outsideSizes(words, endpoint, bytes)),
  ];
  return protocol === 'UDP'
    ? [
        ...insideAndOutside('fragments of a datagram stay together, both ways', [a, 'a'], 4000),
        ...smallerPathRows(words),
      ]
    : [
        ...insideAndOutside('long requests pass whole', [a, 'a'], 60_000),
        ...insideAndOutside('a path that is smaller further on is learned', [b, 'b'], 60_000),
      ];
}

/** The remote endpoint's link is smaller than those of clients, and it answers outside clients only where the node hides them. */
function smallerPathRows({ about, vip, node, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const [to, nodePort] = [`${vip}:80`, `${node}:30080`];
  const long = { bytes: 4000, tries: 3 };
  return [
    rowOf(
      `${about}: fragments pass a path that is smaller further on`,
      [frontend(to, [remote])],
      [packet('client', to, ['remote'], long)],
    ),
    rowOf(
      `${about}: fragments pass a path that is smaller further on, from outside`,
      [frontend(nodePort, [remote], { scope: 'node-port' })],
      [packet('outside', nodePort, ['remote'], { ...long, seenAs: 'the node' })],
    ),
  ];
}

type Traffic = readonly [frontends: readonly FrontendText[], packets: readonly PacketRow[]];

function insideSizes(words: RowWords, [endpoint, name]: readonly [string, string], bytes: number): Traffic {
  const { vip, frontend, packet } = words;
  const to = `${vip}:80`;
  const clients = ['client', 'node'] as const;
  return [[frontend(to, [endpoint])], clients.map((from) => packet(from, to, [name], { bytes, tries: 3 }))];
}

function outsideSizes(words: RowWords, [endpoint, name]: readonly [string, string], bytes: number): Traffic {
  const { node, frontend, packet } = words;
  const [hiding, keeping] = [`${node}:30080`, `${node}:30081`];
  return [
    [
      frontend(hiding, [endpoint], { scope: 'node-port' }),
      frontend(keeping, [endpoint], { scope: 'node-port', keepsOutside: true }),
    ],
    [
      packet('outside', hiding, [name], { bytes, tries: 3, seenAs: 'the node' }),
      packet('outside', keeping, [name], { bytes, tries: 3, seenAs: 'itself' }),
    ],
  ];
}

/** Nobody listens there: TCP says so by a reset, UDP by an ICMP error, which must speak of the Service to reach its sender. */
function errorRows({ about, vip, node, a, frontend, packet }: RowWords): readonly ServiceRow[] {
  const closed = a.replace(/8080$/, '8079');
  const [to, hiding, keeping] = [`${vip}:80`, `${node}:30080`, `${node}:30081`];
  const scope = 'node-port';
  return [
    rowOf(
      `${about}: a closed port of an endpoint is told to the client`,
      [frontend(to, [closed])],
      [packet('client', to, 'refused'), packet('node', to, 'refused')],
    ),
    rowOf(
      `${about}: a closed port of an endpoint is told to the client, from outside`,
      [frontend(hiding, [closed], { scope }), frontend(keeping, [closed], { scope, keepsOutside: true })],
      [packet('outside', hiding, 'refused'), packet('outside', keeping, 'refused')],
    ),
  ];
}

/** Behind one address of the node they cannot all keep their port. */
function portRow({ about, node, a, frontend, packet }: RowWords): ServiceRow {
  const to = `${node}:30080`;
  return rowOf(
    `${about}: clients from outside that have the same port are told apart behind the node`,
    [frontend(to, [a], { scope: 'node-port' })],
    [packet('outside', to, ['a'], { isFromOnePort: true, seenAs: 'the node' })],
  );
}

/** Ports 9001 to 9125 of two pods. 250 fair draws of 250 meet 158 on average, and fewer than 120 hardly ever. */
function manyRows({ about, vip, node, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const endpoints = [a, b].flatMap((endpoint) =>
    Array.from({ length: 125 }, (_, i) => endpoint.replace(/8080$/, String(9001 + i))),
  );
  const [to, nodePort] = [`${vip}:80`, `${node}:30080`];
  const sampled = { tries: 250 };
  return [
    rowOf(
      `${about}: a frontend of 250 endpoints is spread over them`,
      [frontend(to, endpoints)],
      [packet('client', to, { ports: 120 }, sampled)],
    ),
    rowOf(
      `${about}: a frontend of 250 endpoints is spread over them, from outside`,
      [frontend(nodePort, endpoints, { scope: 'node-port' })],
      [packet('outside', nodePort, { ports: 120 }, sampled)],
    ),
  ];
}

function socketRows({ about, vip, otherVip, node, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const [one, two] = [`${vip}:80`, `${otherVip}:80`];
  const [port, otherPort] = [`${node}:30080`, `${node}:30081`];
  const inTurn = (from: 'client' | 'outside', ends: readonly (readonly [string, string])[]) =>
    [...ends, ...ends].map(([to, expect]) => packet(from, to, [expect], { socket: 'shared' }));
  return [
    rowOf(
      `${about}: one socket speaks to two Services in turn`,
      [frontend(one, [a]), frontend(two, [b])],
      inTurn('client', [[one, 'a'], [two, 'b']]), // prettier-ignore
    ),
    rowOf(
      `${about}: one socket speaks to two Services of one endpoint in turn`,
      [frontend(one, [a]), frontend(two, [a])],
      inTurn('client', [[one, 'a'], [two, 'a']]), // prettier-ignore
    ),
    rowOf(
      `${about}: one socket from outside speaks to two Services of one endpoint in turn`,
      [
        frontend(port, [a], { scope: 'node-port' }),
        frontend(otherPort, [a], { scope: 'node-port', keepsOutside: true }),
      ],
      inTurn('outside', [[port, 'a'], [otherPort, 'a']]), // prettier-ignore
    ),
  ];
}
