// Session affinity by client address: it stays, it ends with its time, and never holds a client to what is no endpoint any more.

import { inAllTransports, rowOf, wordsOf, type RowWords, type ServiceRow } from './row.ts';

export const AFFINITY_ROWS: readonly ServiceRow[] = [
  ...inAllTransports((words) => [...stayingRows(words), ...leavingRows(words)]),
  endingRow(),
];

function stayingRows({ about, vip, node, a, b, remote, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  const nodePort = `${node}:30080`;
  return [
    rowOf(
      `${about}: a client with affinity stays with its endpoint`,
      [frontend(to, [a, b], { affinityTimeoutS: 60 })],
      [packet('client', to, 'always the same'), packet('node', to, 'always the same')],
    ),
    rowOf(
      `${about}: a client with affinity from outside stays with its endpoint, hidden or not`,
      [
        frontend(nodePort, [a, remote], { scope: 'node-port', affinityTimeoutS: 60 }),
        frontend(`${node}:30081`, [a, b], { scope: 'node-port', affinityTimeoutS: 60, keepsOutside: true }),
      ],
      [
        packet('outside', nodePort, 'always the same', { seenAs: 'the node' }),
        packet('outside', `${node}:30081`, 'always the same', { seenAs: 'itself' }),
      ],
    ),
    rowOf(
      `${about}: clients with affinity are each chosen for by themselves`,
      [frontend(nodePort, [a, b], { scope: 'node-port', affinityTimeoutS: 60 })],
      [packet('outside', nodePort, ['a', 'b'], { isFromManyAddresses: true })],
    ),
    rowOf(
      `${about}: without endpoints a frontend with affinity refuses at once`,
      [frontend(to, [], { affinityTimeoutS: 60 })],
      [packet('client', to, 'refused')],
    ),
  ];
}

function leavingRows({ about, vip, a, b, frontend, packet }: RowWords): readonly ServiceRow[] {
  const to = `${vip}:80`;
  const sticky = (...endpoints: readonly string[]) => [frontend(to, endpoints, { affinityTimeoutS: 60 })];
  return [
    {
      name: `${about}: a client with affinity leaves an endpoint that is none any more`,
      steps: [
        { frontends: sticky(a), packets: [packet('client', to, ['a'])] },
        { frontends: sticky(b), packets: [packet('client', to, ['b'])] },
        { frontends: sticky(a, b), packets: [packet('client', to, ['b'])] },
      ],
    },
  ];
}

/** All transports in one row: it is made of waiting. Sixteen clients that choose anew all come to the old endpoint with a chance of 2^-16. */
function endingRow(): ServiceRow {
  const all = <T>(of: (words: RowWords) => T): readonly T[] => wordsOf(['TCP', 'UDP']).map(of);
  const short = (endpointsOf: (words: RowWords) => readonly string[]) =>
    all((words) =>
      words.frontend(`${words.node}:30080`, endpointsOf(words), { scope: 'node-port', affinityTimeoutS: 1 }),
    );
  const fromMany = (...expect: readonly string[]) =>
    all(({ packet, node }) =>
      packet('outside', `${node}:30080`, expect, { isFromManyAddresses: true, tries: 16 }),
    );
  const [first, ...others] = fromMany('a', 'b');
  return {
    name: 'affinity ends with its time',
    steps: [
      { frontends: short(({ a }) => [a]), packets: fromMany('a') },
      {
        frontends: short(({ a, b }) => [a, b]),
        packets: first === undefined ? [] : [{ ...first, afterMs: 2100 }, ...others],
      },
    ],
  };
}
