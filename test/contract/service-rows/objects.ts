// What a Service says of itself, as the API holds it: each field that decides which addresses and ports a node has for it.

import { parseCidr } from '../../../src/base/cidr.ts';
import { bare, objectRow, serviceOf, sliceOf } from './object-words.ts';
import { inAllTransports, type ObjectText, type RowWords, type ServiceRow, type SliceText } from './row.ts';

export const OBJECT_ROWS: readonly ServiceRow[] = inAllTransports((words) => [
  ...kindRows(words),
  ...portRows(words),
  ...addressRows(words),
]);

function kindRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, a, b, packet } = words;
  const slices = [sliceOf(words, { at: a }, { at: b })];
  const to = `${vip}:80`;
  return [
    objectRow(
      `${about}: type ClusterIP leads to the pods of its slices`,
      { service: serviceOf(words), slices },
      [packet('client', to, ['a', 'b'], { seenAs: 'itself' })],
    ),
    objectRow(
      `${about}: a headless Service has no address that anybody carries`,
      { service: serviceOf(words, { clusterIP: 'None', clusterIPs: ['None'] }), slices },
      [packet('client', to, 'nobody')],
    ),
    objectRow(
      `${about}: type ExternalName has no address that anybody carries`,
      {
        service: { spec: { type: 'ExternalName', externalName: 'example.org' } },
        slices,
      },
      [packet('client', to, 'nobody')],
    ),
  ];
}

function portRows(words: RowWords): readonly ServiceRow[] {
  const { about, vip, protocol, node, a, b, packet } = words;
  const ports = [
    { name: 'web', port: 80, protocol, targetPort: 'web' },
    { name: 'more', port: 81, protocol, targetPort: 'more' },
  ];
  const named = (name: string, port: number, at: string): SliceText => ({
    ports: [{ name, port, protocol }],
    endpoints: [{ at }],
  });
  const hostPort = { name: 'web', containerPort: 8080, protocol, hostPort: 8088 };
  const ip = bare(a.slice(0, a.lastIndexOf(':')));
  return [
    objectRow(
      `${about}: each of several ports leads to the endpoints of its name`,
      {
        service: serviceOf(words, { ports }),
        slices: [named('web', 8080, a), named('more', 8080, b)],
      },
      [packet('client', `${vip}:80`, ['a']), packet('client', `${vip}:81`, ['b'])],
    ),
    objectRow(
      `${about}: a named target port is another number at each pod that says so`,
      { service: serviceOf(words), slices: [named('web', 8080, a), named('web', 9001, b)] },
      [packet('client', `${vip}:80`, ['a', 'b'])],
    ),
    objectRow(
      `${about}: hostPort of a pod leads to it`,
      {
        service: serviceOf(words),
        slices: [],
        pod: {
          spec: { nodeName: 'node-a', containers: [{ name: 'web', ports: [hostPort] }] },
          status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
        },
      },
      [packet('outside', `${node}:8088`, ['a'], { seenAs: 'itself' })],
    ),
  ];
}

function addressRows(words: RowWords): readonly ServiceRow[] {
  const { about, node, balancer, external, a, nodeRange, nobodysRange, outsideRange, packet } = words;
  const slices = [sliceOf(words, { at: a })];
  const nodePort = `${node}:30080`;
  const [given, asked] = [`${balancer}:80`, `${external}:80`];
  const at = (...ranges: readonly string[]) => ({ nodePortAddresses: ranges.map(parseCidr) });
  const status = (ipMode: string) => ({
    loadBalancer: { ingress: [{ ip: bare(balancer), ipMode }] },
  });
  const balanced = (spec: object, ipMode = 'VIP'): ObjectText => ({
    service: { ...serviceOf(words, { type: 'LoadBalancer', ...spec }), status: status(ipMode) },
    slices,
  });
  const asking = serviceOf(words, { externalIPs: [bare(external)] });
  return [
    objectRow(
      `${about}: type NodePort answers at the node's addresses that nodePortAddresses hold`,
      { service: serviceOf(words, { type: 'NodePort' }), slices, settings: at(nodeRange) },
      [packet('outside', nodePort, ['a'], { seenAs: 'the node' })],
    ),
    objectRow(
      `${about}: type NodePort answers at no address that nodePortAddresses leave out`,
      { service: serviceOf(words, { type: 'NodePort' }), slices, settings: at(nobodysRange) },
      [packet('outside', nodePort, 'refused')],
    ),
    objectRow(`${about}: type LoadBalancer answers at the address of its status`, balanced({}), [
      packet('outside', given, ['a'], { seenAs: 'the node' }),
      packet('client', given, ['a'], { seenAs: 'itself' }),
    ]),
    objectRow(
      `${about}: loadBalancerClass says who gives the address, and is carried as any other`,
      balanced({ loadBalancerClass: 'example.org/other' }),
      [packet('outside', given, ['a'])],
    ),
    objectRow(`${about}: ipMode Proxy leaves the address to the balancer`, balanced({}, 'Proxy'), [
      packet('outside', given, 'nobody'),
      packet('client', given, 'nobody'),
    ]),
    objectRow(
      `${about}: loadBalancerSourceRanges let in whom they hold`,
      balanced({ loadBalancerSourceRanges: [outsideRange] }),
      [packet('outside', given, ['a']), packet('client', given, 'dropped')],
    ),
    objectRow(
      `${about}: externalIPs are carried where the cluster allows them`,
      { service: asking, slices, settings: { allowsExternalIps: true } },
      [packet('outside', asked, ['a'])],
    ),
    objectRow(
      `${about}: externalIPs are nobody's where the cluster does not`,
      { service: asking, slices, settings: { allowsExternalIps: false } },
      [packet('outside', asked, 'nobody'), packet('client', asked, 'nobody')],
    ),
  ];
}
