// What a Service and its slices say of endpoints, as the API holds it: traffic policies, affinity, hints, endpoints that end.

import { objectRow, serviceOf, sliceOf } from './object-words.ts';
import { inAllTransports, type ObjectText, type RowWords, type ServiceRow } from './row.ts';

export const OBJECT_CHOICE_ROWS: readonly ServiceRow[] = inAllTransports((words) => [
  ...policyRows(words),
  ...hintRows(words),
  ...endingRows(words),
]);

function policyRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, node, a, remote, packet } = words;
  const to = `${vip}:80`;
  const nodePort = `${node}:30080`;
  const elsewhere = { at: remote, isRemote: true };
  const both = [sliceOf(words, { at: a }, elsewhere)];
  const local = serviceOf(words, { type: 'NodePort', externalTrafficPolicy: 'Local' });
  const inside = serviceOf(words, { internalTrafficPolicy: 'Local' });
  const sticky = { clientIP: { timeoutSeconds: 60 } };
  return [
    objectRow(
      `${about}: externalTrafficPolicy Local keeps outside clients here, with their address`,
      { service: local, slices: both },
      [
        packet('outside', nodePort, ['a'], { seenAs: 'itself' }),
        packet('client', to, ['a', 'remote'], { seenAs: 'itself' }),
      ],
    ),
    objectRow(
      `${about}: externalTrafficPolicy Local is silent where only other nodes have endpoints`,
      { service: local, slices: [sliceOf(words, elsewhere)] },
      [packet('outside', nodePort, 'dropped'), packet('client', to, ['remote'])],
    ),
    objectRow(`${about}: internalTrafficPolicy Local keeps pods here`, { service: inside, slices: both }, [
      packet('client', to, ['a']),
      packet('node', to, ['a']),
    ]),
    objectRow(
      `${about}: internalTrafficPolicy Local is silent where only other nodes have endpoints`,
      { service: inside, slices: [sliceOf(words, elsewhere)] },
      [packet('client', to, 'dropped')],
    ),
    objectRow(
      `${about}: sessionAffinity ClientIP keeps a client at its endpoint`,
      {
        service: serviceOf(words, { sessionAffinity: 'ClientIP', sessionAffinityConfig: sticky }),
        slices: both,
      },
      [packet('client', to, 'always the same')],
    ),
  ];
}

function hintRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, a, b, remote, packet } = words;
  const to = `${vip}:80`;
  const nodeZone = 'z1';
  const inZones = [
    sliceOf(words, { at: a, zone: 'z1' }, { at: b, zone: 'z2' }, { at: remote, zone: 'z2', isRemote: true }),
  ];
  const near = (trafficDistribution: string): ObjectText => ({
    service: serviceOf(words, { trafficDistribution }),
    slices: inZones,
    nodeZone,
  });
  const hinted = (...hints: readonly (string | undefined)[]): ObjectText => ({
    service: serviceOf(words),
    slices: [
      sliceOf(
        words,
        ...[a, b].map((at, i) => {
          const forZone = hints[i];
          return { at, ...(forZone === undefined ? {} : { forZone }) };
        }),
      ),
    ],
    nodeZone,
  });
  return [
    ...['PreferSameZone', 'PreferClose'].map((it) =>
      objectRow(`${about}: trafficDistribution ${it} keeps clients in their zone`, near(it), [
        packet('client', to, ['a']),
      ]),
    ),
    objectRow(
      `${about}: trafficDistribution PreferSameNode keeps clients at their node`,
      near('PreferSameNode'),
      [packet('client', to, ['a', 'b'])],
    ),
    objectRow(`${about}: topology hints are followed where every endpoint has one`, hinted('z1', 'z2'), [
      packet('client', to, ['a']),
    ]),
    objectRow(`${about}: topology hints are left aside where an endpoint has none`, hinted('z1', undefined), [
      packet('client', to, ['a', 'b']),
    ]),
    objectRow(`${about}: topology hints are left aside where none means the zone`, hinted('z2', 'z3'), [
      packet('client', to, ['a', 'b']),
    ]),
  ];
}

function endingRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, a, b, packet } = words;
  const to = `${vip}:80`;
  const ends = (serving: boolean) => ({ ready: false, serving, terminating: true });
  const service = serviceOf(words);
  return [
    objectRow(
      `${about}: terminating endpoints get nothing new while another one is ready`,
      { service, slices: [sliceOf(words, { at: a, conditions: ends(true) }, { at: b })] },
      [packet('client', to, ['b'])],
    ),
    objectRow(
      `${about}: terminating endpoints that serve take all when nothing else is left`,
      {
        service,
        slices: [sliceOf(words, { at: a, conditions: ends(true) }, { at: b, conditions: ends(false) })],
      },
      [packet('client', to, ['a'])],
    ),
    objectRow(
      `${about}: terminating endpoints that do not serve are none`,
      { service, slices: [sliceOf(words, { at: a, conditions: ends(false) })] },
      [packet('client', to, 'refused')],
    ),
  ];
}
