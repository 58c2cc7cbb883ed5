// The maps of a node that user space reads or writes, typed; made of any `BpfMap`, so that tests put fakes below.

import type { BpfMap } from '../../sys/bpf-map.ts';
import { BPF_MAPS } from '../../wire/bpf-maps.ts';
import { typedMap } from './typed-map.ts';

export type NodeMaps = ReturnType<typeof typedNodeMaps>;

/** `open` gives the map of a name. */
// The return type is the table's: writing it out again would be the second place to change.
// oxlint-disable-next-line typescript/explicit-module-boundary-types
export function typedNodeMaps(open: (name: string) => BpfMap) {
  return {
    addresses: typedMap(BPF_MAPS.service_addresses, open('service_addresses')),
    frontends: typedMap(BPF_MAPS.frontends, open('frontends')),
    sourceRanges: typedMap(BPF_MAPS.source_ranges, open('source_ranges')),
    endpoints: typedMap(BPF_MAPS.endpoints, open('endpoints')),
    members: typedMap(BPF_MAPS.members, open('members')),
    maglevTables: typedMap(BPF_MAPS.maglev_tables, open('maglev_tables')),
    allocator: typedMap(BPF_MAPS.allocator, open('allocator')),
    affinities: typedMap(BPF_MAPS.affinities, open('affinities')),
    podInterfaces: typedMap(BPF_MAPS.pod_interfaces, open('pod_interfaces')),
    nodeLinks: typedMap(BPF_MAPS.node_links, open('node_links')),
    nodeAddresses: typedMap(BPF_MAPS.node_addresses, open('node_addresses')),
    tunnelPeers: typedMap(BPF_MAPS.tunnel_peers, open('tunnel_peers')),
    peerAddresses: typedMap(BPF_MAPS.peer_addresses, open('peer_addresses')),
    flows: typedMap(BPF_MAPS.flows, open('flows')),
    policyAddresses: typedMap(BPF_MAPS.policy_addresses, open('policy_addresses')),
    policyPeers: typedMap(BPF_MAPS.policy_peers, open('policy_peers')),
    policyPorts: typedMap(BPF_MAPS.policy_ports, open('policy_ports')),
    policyFlows: typedMap(BPF_MAPS.policy_flows, open('policy_flows')),
    policyState: typedMap(BPF_MAPS.policy_state, open('policy_state')),
    dnsServers: typedMap(BPF_MAPS.dns_servers, open('dns_servers')),
    dnsZone: typedMap(BPF_MAPS.dns_zone, open('dns_zone')),
    dnsNames: typedMap(BPF_MAPS.dns_names, open('dns_names')),
    dnsAddresses: typedMap(BPF_MAPS.dns_addresses, open('dns_addresses')),
    dnsAsked: typedMap(BPF_MAPS.dns_asked, open('dns_asked')),
    settings: typedMap(BPF_MAPS.settings, open('settings')),
    nodeUdpPeers: typedMap(BPF_MAPS.node_udp_peers, open('node_udp_peers')),
    socketFlows: typedMap(BPF_MAPS.socket_flows, open('socket_flows')),
  } as const;
}
