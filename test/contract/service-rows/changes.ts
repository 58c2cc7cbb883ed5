// Changes: new flows follow at once, connections live on, sockets leave what is no endpoint any more, damage is made good.

import { inAllTransports, type FrontendText, type PacketRow, type RowWords, type ServiceRow } from './row.ts';

export const CHANGE_ROWS: readonly ServiceRow[] = inAllTransports((words) => [
  ...endpointRows(words),
  ...flowRows(words),
  ...frontendRows(words),
  ...damageRows(words),
]);

function endpointRows({ about, vip, node, a, b, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  const nodePort = `${node}:30080`;
  const external = (endpoints: readonly string[], outside: readonly string[]) => [
    frontend(nodePort, endpoints, {
      scope: 'node-port',
      outside,
      outsideWhenEmpty: 'drop',
      keepsOutside: true,
    }),
  ];
  return [
    {
      name: `${about}: new flows follow a change of endpoints at once`,
      steps: [
        { frontends: [frontend(to, [a])], packets: [packet('client', to, ['a'])] },
        { frontends: [frontend(to, [a, b])], packets: [packet('client', to, ['a', 'b'])] },
        { frontends: [frontend(to, [b])], packets: [packet('client', to, ['b'])] },
        { frontends: [frontend(to, [])], packets: [packet('client', to, 'refused')] },
        { frontends: [frontend(to, [a])], packets: [packet('client', to, ['a'])] },
      ],
    },
    {
      name: `${about}: inside and outside clients follow a change each by itself`,
      steps: [
        {
          frontends: external([a, remote], [a]),
          packets: [packet('outside', nodePort, ['a']), packet('client', nodePort, ['a', 'remote'])],
        },
        {
          frontends: external([remote], []),
          packets: [packet('outside', nodePort, 'dropped'), packet('client', nodePort, ['remote'])],
        },
        {
          frontends: external([b, remote], [b]),
          packets: [
            packet('outside', nodePort, ['b'], { seenAs: 'itself' }),
            packet('client', nodePort, ['b', 'remote']),
          ],
        },
      ],
    },
    {
      name: `${about}: a traffic policy that changes holds for the next flow`,
      steps: [
        {
          frontends: [frontend(nodePort, [a], { scope: 'node-port' })],
          packets: [packet('outside', nodePort, ['a'], { seenAs: 'the node' })],
        },
        {
          frontends: [frontend(nodePort, [a], { scope: 'node-port', keepsOutside: true })],
          packets: [packet('outside', nodePort, ['a'], { seenAs: 'itself' })],
        },
        {
          frontends: [frontend(nodePort, [a], { scope: 'node-port' })],
          packets: [packet('outside', nodePort, ['a'], { seenAs: 'the node' })],
        },
      ],
    },
  ];
}

function flowRows({ about, protocol, vip, node, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const isTcp = protocol === 'TCP';
  const name = isTcp
    ? "a connection outlives its endpoint's place in the Service"
    : 'a socket leaves an endpoint that is none any more';
  const places = [
    { from: 'client', to: `${vip}:80`, where: '' },
    { from: 'outside', to: `${node}:30080`, where: ', from outside' },
  ] as const;
  const rows = places.map(({ from, to, where }): ServiceRow => {
    const held = (expect: string) => [packet(from, to, [expect], { socket: 'held' })];
    return {
      name: `${about}: ${name}${where}`,
      steps: [
        { frontends: [frontend(to, [a])], packets: held('a') },
        { frontends: [frontend(to, [a, b])], packets: held('a') },
        { frontends: [frontend(to, [b])], packets: held(isTcp ? 'a' : 'b') },
      ],
    };
  });
  const to = `${vip}:80`;
  if (isTcp) return [...rows, connectionOfNobody({ about, to, a, frontend, packet })];
  const connected = (expect: string) => [
    packet('client', to, [expect], { socket: 'held', isConnected: true }),
  ];
  return [
    ...rows,
    {
      name: `${about}: a connected socket of a pod leaves an endpoint that is none any more`,
      steps: [
        { frontends: [frontend(to, [a])], packets: connected('a') },
        { frontends: [frontend(to, [a, b])], packets: connected('a') },
        { frontends: [frontend(to, [b])], packets: connected('b') },
      ],
    },
  ];
}

function connectionOfNobody(
  words: Pick<RowWords, 'about' | 'a' | 'frontend' | 'packet'> & { readonly to: string },
): ServiceRow {
  const { about, to, a, frontend, packet } = words;
  const held = [packet('client', to, ['a'], { socket: 'held' })];
  return {
    name: `${about}: a connection outlives its Service`,
    steps: [
      { frontends: [frontend(to, [a])], packets: held },
      { frontends: [frontend(to, [])], packets: held },
      { frontends: [], packets: held },
    ],
  };
}

function frontendRows({ about, vip, node, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const [to, at81, nodePort] = [`${vip}:80`, `${vip}:81`, `${node}:30080`];
  const other = frontend(at81, [b]);
  return [
    {
      name: `${about}: a Service that is gone answers nobody, others stay`,
      steps: [
        { frontends: [frontend(to, [a]), other], packets: [packet('client', to, ['a'])] },
        { frontends: [other], packets: [packet('client', to, 'nobody'), packet('client', at81, ['b'])] },
      ],
    },
    {
      name: `${about}: a Service that is deleted and made again is another one`,
      steps: [
        { frontends: [frontend(to, [a]), other], packets: [packet('client', to, ['a'], { socket: 'held' })] },
        { frontends: [other], packets: [packet('client', to, 'nobody')] },
        { frontends: [frontend(to, [b]), other], packets: [packet('client', to, ['b'])] },
      ],
    },
    {
      name: `${about}: a node port that another Service takes leads to that one`,
      steps: [
        {
          frontends: [frontend(nodePort, [a], { scope: 'node-port', service: 'one' })],
          packets: [packet('outside', nodePort, ['a'])],
        },
        {
          frontends: [frontend(nodePort, [b], { scope: 'node-port', service: 'two' })],
          packets: [packet('outside', nodePort, ['b'])],
        },
      ],
    },
    {
      name: `${about}: what is left of a frontend that changes its kind is nothing`,
      steps: [
        { frontends: [frontend(to, [a], { affinityTimeoutS: 60 })], packets: [packet('client', to, ['a'])] },
        { frontends: [frontend(to, [])], packets: [packet('client', to, 'refused')] },
        {
          frontends: [frontend(to, [a, b])],
          packets: [packet('client', to, ['a', 'b'], { seenAs: 'itself' })],
        },
      ],
    },
  ];
}

function damageRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, node, balancer, a, b, remote, outsideRange, frontend, packet } = words;
  const [to, empty, nodePort, ranged] = [`${vip}:80`, `${vip}:81`, `${node}:30080`, `${balancer}:80`];
  const damaged = (name: string, frontends: readonly FrontendText[], packets: readonly PacketRow[]) => ({
    name: `${about}: ${name}`,
    steps: [{ isDamagedBefore: true, frontends, packets }],
  });
  return [
    damaged(
      'what somebody else deleted is made good',
      [frontend(to, [a, b], { affinityTimeoutS: 60 }), frontend(empty, [])],
      [packet('client', to, 'always the same'), packet('client', empty, 'refused')],
    ),
    damaged(
      'what somebody else deleted is made good, from outside',
      [
        frontend(nodePort, [a, remote], { scope: 'node-port' }),
        frontend(ranged, [b], { scope: 'load-balancer', sourceRanges: [outsideRange] }),
      ],
      [
        packet('outside', nodePort, ['a', 'remote'], { seenAs: 'the node' }),
        packet('outside', ranged, ['b']),
        packet('client', ranged, 'dropped'),
      ],
    ),
  ];
}
