// Which processes a cluster consists of, and the configuration file of each. Pure: one table, read by the supervisor and by `down`.

import { parseIp, type Ip } from '../../base/ip.ts';
import { NODE_LOCAL_DNS } from '../../base/node-local-dns.ts';
import { clusterPaths, nodePaths, type PathRoots } from '../../base/paths.ts';
import type { AgentConfigFile } from '../../agent/config.ts';
import type { ApiServerConfig } from '../../apiserver/config.ts';
import type { DnsConfigFile } from '../../dns/config.ts';
import type { ControllersConfig } from '../controllers/main.ts';
import type { ClusterConfig, LabNode } from './cluster-config.ts';

/** One process of the cluster: `fairlead <command> --config <file>`, in a node's namespace and cgroup where `node` is set. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly node: string | undefined;
  readonly config: object;
}

/** Folders of this clone that processes need. */
export interface Installation {
  readonly objectDir: string;
  readonly cniProgram: string;
  readonly runProgram: string;
  readonly program: string;
  /** The folder of all of it. */
  readonly home: string;
}

/** Every process but the supervisor, in the order of starting. */
export function processTable(
  cluster: ClusterConfig,
  roots: PathRoots,
  installation: Installation,
): readonly ProcessSpec[] {
  const perNode = cluster.nodes.flatMap((node) => [
    agentProcess(cluster, roots, { node, installation }),
    dnsProcess(cluster, roots, node),
    workloadProcess(cluster, roots, node),
  ]);
  return [
    apiServerProcess(cluster, roots),
    controllerProcess(cluster, roots, installation),
    kubeletProcess(cluster, roots, installation),
    resolverProcess(cluster, roots),
    ...perNode,
  ];
}

/** The kubeconfig file of a process's own identity. */
export function kubeconfigOf(roots: PathRoots, cluster: string, who: string): string {
  return `${clusterPaths(roots, cluster).pki}/${who}.kubeconfig`;
}

/** The folder of the authority that issues certificates of Gateways; clients trust its `ca.crt`. */
export function gatewayAuthorityOf(roots: PathRoots, cluster: string): string {
  return `${clusterPaths(roots, cluster).pki}/gateways`;
}

/** Of one file of the audit log. */
const AUDIT_BYTES = 16 * 1024 * 1024;

function apiServerProcess(cluster: ClusterConfig, roots: PathRoots): ProcessSpec {
  const paths = clusterPaths(roots, cluster.name);
  const port = cluster.apiPort;
  const loopback = parseIp('127.0.0.1');
  const config: ApiServerConfig = {
    database: `${paths.state}/api.db`,
    listen: [loopback, ...cluster.hostIps].map((host) => ({ host, port })),
    certFile: `${paths.pki}/apiserver.crt`,
    keyFile: `${paths.pki}/apiserver.key`,
    clientCaFile: `${paths.pki}/ca.crt`,
    serviceAccountKeyFile: `${paths.pki}/service-account.key`,
    kubeletSocket: paths.kubeletSocket,
    serviceCidrs: cluster.serviceCidrs,
    nodePortRange: [30000, 32767],
    clusterDomain: cluster.clusterDomain,
    defaultDualStack: true,
    advertise: { host: cluster.hostIps[0] ?? loopback, port },
    audit: { file: `${paths.log}/audit.log`, maxBytes: AUDIT_BYTES, maxFiles: 4 },
  };
  return { name: 'apiserver', command: 'apiserver', node: undefined, config };
}

function controllerProcess(cluster: ClusterConfig, roots: PathRoots, { home }: Installation): ProcessSpec {
  const config: ControllersConfig = {
    kubeconfig: kubeconfigOf(roots, cluster.name, 'controller'),
    podCidrs: cluster.podCidrs,
    nodePrefixLengths: { 4: 24, 6: 64 },
    clusterDomain: cluster.clusterDomain,
    announcedOn: cluster.hostLink,
    home,
    gatewayAuthority: gatewayAuthorityOf(roots, cluster.name),
  };
  return { name: 'controller', command: 'controller', node: undefined, config };
}

function kubeletProcess(cluster: ClusterConfig, roots: PathRoots, installation: Installation): ProcessSpec {
  return {
    name: 'kubelet',
    command: 'kubelet',
    node: undefined,
    config: {
      cluster: cluster.name,
      kubeconfig: kubeconfigOf(roots, cluster.name, 'kubelet'),
      roots,
      nodes: cluster.nodes.map((node) => ({
        ...node,
        labels: {},
        cniConfig: cniConfig(roots, cluster, node),
      })),
      clusterDomain: cluster.clusterDomain,
      dnsIps: cluster.dnsIps,
      cniProgram: installation.cniProgram,
      runProgram: installation.runProgram,
      podCapacity: 250,
    },
  };
}

/** What a container runtime would find in /etc/cni/net.d. */
function cniConfig(roots: PathRoots, cluster: ClusterConfig, node: LabNode): object {
  const socket = nodePaths(roots, cluster.name, node.name).cniSocket;
  return { cniVersion: '1.1.0', name: 'fairlead', plugins: [{ type: 'fairlead', socket }] };
}

function agentProcess(
  cluster: ClusterConfig,
  roots: PathRoots,
  of: { readonly node: LabNode; readonly installation: Installation },
): ProcessSpec {
  const paths = nodePaths(roots, cluster.name, of.node.name);
  const [metricsHost] = of.node.ips;
  const config: AgentConfigFile = {
    nodeName: of.node.name,
    kubeconfig: kubeconfigOf(roots, cluster.name, `node-${of.node.name}`),
    runDir: paths.run,
    stateDir: paths.state,
    pinDir: paths.bpf,
    cgroupPath: paths.cgroup,
    objectDir: of.installation.objectDir,
    cniSocket: paths.cniSocket,
    dnsSocket: paths.dnsSocket,
    learnSocket: paths.learnSocket,
    agentSocket: paths.agentSocket,
    network: cluster.network,
    clusterDomain: cluster.clusterDomain,
    podCidrs: cluster.podCidrs,
    serviceCidrs: cluster.serviceCidrs,
    dnsIps: cluster.dnsIps,
    nodeLocalDnsIps: nodeLocalDnsOf(cluster),
    metrics: metricsHost === undefined ? undefined : { host: metricsHost, port: 9876 },
    healthPort: 10256,
    nodePortAddresses: cluster.nodePortAddresses,
    allowsExternalIps: cluster.allowsExternalIps,
    iptablesFlavour: cluster.iptablesFlavour,
  };
  return { name: `agent-${of.node.name}`, command: 'agent', node: of.node.name, config };
}

function nodeLocalDnsOf({ hasNodeLocalDns }: ClusterConfig): readonly Ip[] {
  return hasNodeLocalDns === true ? NODE_LOCAL_DNS : [];
}

function dnsProcess(cluster: ClusterConfig, roots: PathRoots, node: LabNode): ProcessSpec {
  const paths = nodePaths(roots, cluster.name, node.name);
  const config: DnsConfigFile = {
    listen: [...cluster.dnsIps, ...nodeLocalDnsOf(cluster)],
    zoneFile: `${paths.state}/zone.json`,
    feedSocket: paths.dnsSocket,
    learnSocket: paths.learnSocket,
    upstreams: cluster.hostIps,
    clusterDomain: cluster.clusterDomain,
  };
  return { name: `dns-${node.name}`, command: 'dns', node: node.name, config };
}

/** Nodes cannot reach the host's nameservers (the host forwards nothing): this one asks them from the host's own namespace. */
function resolverProcess(cluster: ClusterConfig, roots: PathRoots): ProcessSpec {
  const paths = clusterPaths(roots, cluster.name);
  const config: DnsConfigFile = {
    listen: cluster.hostIps,
    zoneFile: `${paths.state}/resolver-zone.json`,
    feedSocket: `${paths.run}/resolver.sock`,
    upstreams: 'host',
    clusterDomain: cluster.clusterDomain,
  };
  return { name: 'resolver', command: 'dns', node: undefined, config };
}

function workloadProcess(cluster: ClusterConfig, roots: PathRoots, node: LabNode): ProcessSpec {
  const paths = nodePaths(roots, cluster.name, node.name);
  return {
    name: `workload-${node.name}`,
    command: 'workload',
    node: node.name,
    config: { socket: paths.workloadSocket, node: node.name },
  };
}
