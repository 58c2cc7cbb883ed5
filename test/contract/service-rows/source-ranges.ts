// `loadBalancerSourceRanges`: who may use a frontend; others' packets are dropped, wherever they come from.

import { inAllTransports, rowOf, type Client, type ServiceRow } from './row.ts';

const NOT_THE_NODE: readonly Client[] = ['outside', 'client'];
const CLIENTS: readonly Client[] = [...NOT_THE_NODE, 'node'];

export const SOURCE_RANGE_ROWS: readonly ServiceRow[] = inAllTransports((words) => {
  const { about, balancer, a, b, frontend, packet, outsideRange, insideRange, nodeRange, nobodysRange } =
    words;
  const at = `${balancer}:80`;
  const ranged = (...sourceRanges: readonly string[]) => [
    frontend(at, [a], { scope: 'load-balancer', sourceRanges }),
  ];
  const allowing = (allowed: Client, clients = CLIENTS) =>
    clients.map((from) => packet(from, at, from === allowed ? ['a'] : 'dropped'));
  return [
    rowOf(
      `${about}: source ranges let in whom they hold from outside`,
      ranged(nobodysRange, outsideRange),
      allowing('outside', NOT_THE_NODE),
    ),
    rowOf(
      `${about}: source ranges let in whom they hold of the node's pods`,
      ranged(insideRange),
      allowing('client', NOT_THE_NODE),
    ),
    rowOf(
      `${about}: source ranges that hold others say nothing to the node's processes`,
      ranged(outsideRange, insideRange),
      [packet('node', at, 'dropped')],
    ),
    rowOf(
      `${about}: source ranges count the node's processes with its addresses`,
      ranged(nodeRange),
      allowing('node'),
    ),
    rowOf(
      `${about}: source ranges that hold everybody let everybody in`,
      ranged('0.0.0.0/0', '::/0'),
      CLIENTS.map((from) => packet(from, at, ['a'])),
    ),
    rowOf(
      `${about}: source ranges of another family let nobody in`,
      ranged(words.family === 4 ? '::/0' : '0.0.0.0/0'),
      [packet('outside', at, 'dropped')],
    ),
    rowOf(
      `${about}: source ranges are each frontend's own`,
      [
        ...ranged(nobodysRange),
        frontend(`${balancer}:81`, [b], { scope: 'load-balancer', sourceRanges: [outsideRange] }),
      ],
      [packet('outside', at, 'dropped'), packet('outside', `${balancer}:81`, ['b'], { seenAs: 'the node' })],
    ),
    {
      name: `${about}: source ranges that change hold for the next flow`,
      steps: [
        { frontends: ranged(outsideRange), packets: [packet('outside', at, ['a'])] },
        { frontends: ranged(nobodysRange), packets: [packet('outside', at, 'dropped')] },
        {
          frontends: [frontend(at, [a], { scope: 'load-balancer' })],
          packets: [packet('outside', at, ['a'])],
        },
      ],
    },
  ];
});
