// What `up` says at the end: nodes, pods, Services, how to reach the cluster, and the result of its own check.

import { NODES, PODS, SERVICES } from '../kube/resource.ts';
import type { Pod, Service } from '../objects/api-types.ts';
import {
  countServedBy,
  servedByOfPod,
  servedByText,
  type ServedBy,
  type ServedByCounts,
} from '../objects/served-by.ts';
import type { UpReport } from '../lab/cluster/up.ts';
import type { Applied } from '../lab/manifests/apply.ts';
import type { CheckReport } from '../lab/connectivity/check.ts';
import { packetCountText, type PacketResult } from '../policy/packet-results.ts';
import { textReport } from '../policy/reports/text.ts';
import { gatewayRows, type GatewayRow } from './gateway-rows.ts';
import { table } from './output.ts';
import { machineForm } from './policy-test.ts';
import { servedByLine } from './served-by-line.ts';

export interface UpSummary {
  readonly cluster: string;
  readonly isNew: boolean;
  readonly seconds: number;
  /** How many objects of the manifests had which outcome, and which ones changed. */
  readonly applied: Readonly<Record<Applied, number>>;
  readonly changes: UpReport['applied'];
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly podCidrs: readonly string[];
    readonly pods: number;
  }[];
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly node: string;
    readonly ips: readonly string[];
    readonly image: string;
    readonly servedBy: readonly ServedBy[];
  }[];
  readonly services: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly ips: readonly string[];
    readonly ports: readonly string[];
  }[];
  readonly gateways: readonly GatewayRow[];
  /** How many containers run what in the place of their images. */
  readonly servedBy: ServedByCounts;
  readonly kubeconfig: string;
  /** The certificate that clients of Gateways trust whose certificates the cluster issues. */
  readonly gatewayAuthority: string;
  readonly connectivity: CheckReport | undefined;
  /** Of the tests of policies that lay among the manifests. */
  readonly policyTests: readonly object[];
}

export async function summarize(
  report: UpReport,
  facts: {
    readonly check: CheckReport | undefined;
    readonly policyTests: readonly PacketResult[];
    readonly kubeconfig: string;
    readonly gatewayAuthority: string;
    readonly seconds: number;
  },
): Promise<UpSummary> {
  const [nodes, pods, services, gateways] = await Promise.all([
    report.client.list(NODES),
    report.client.list(PODS),
    report.client.list(SERVICES),
    gatewayRows(report.client),
  ]);
  return {
    cluster: report.cluster.name,
    isNew: report.isNew,
    seconds: Number(facts.seconds.toFixed(1)),
    applied: {
      created: count(report, 'created'),
      configured: count(report, 'configured'),
      unchanged: count(report, 'unchanged'),
    },
    changes: report.applied.filter((it) => it.outcome !== 'unchanged'),
    nodes: nodes.items.map((node) => ({
      name: node.metadata.name,
      address: node.status?.addresses?.find((it) => it.type === 'InternalIP')?.address ?? '',
      podCidrs: node.spec?.podCIDRs ?? [],
      pods: pods.items.filter((pod) => pod.spec?.nodeName === node.metadata.name).length,
    })),
    pods: pods.items.map(podRow),
    services: services.items.map(serviceRow),
    gateways,
    servedBy: countServedBy(pods.items),
    kubeconfig: facts.kubeconfig,
    gatewayAuthority: facts.gatewayAuthority,
    connectivity: facts.check,
    policyTests: facts.policyTests.map(machineForm),
  };
}

function count(report: UpReport, outcome: Applied): number {
  return report.applied.filter((it) => it.outcome === outcome).length;
}

function podRow(pod: Pod): UpSummary['pods'][number] {
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    node: pod.spec?.nodeName ?? '',
    ips: (pod.status?.podIPs ?? []).map((it) => it.ip ?? ''),
    image: (pod.spec?.containers ?? []).map((container) => container.image ?? '').join(', '),
    servedBy: servedByOfPod(pod.status),
  };
}

function serviceRow(service: Service): UpSummary['services'][number] {
  return {
    namespace: service.metadata.namespace ?? '',
    name: service.metadata.name,
    ips: [
      ...(service.spec?.clusterIPs ?? []),
      ...(service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
    ],
    ports: (service.spec?.ports ?? []).map((port) => `${port.port}/${port.protocol ?? 'TCP'}`),
  };
}

/** `isWide` adds the images of the pods and every object that the manifests changed in a new cluster too. */
export function summaryText(
  summary: UpSummary,
  policyTests: readonly PacketResult[],
  isWide: boolean,
): string {
  const podHeader = ['NAMESPACE', 'POD', 'NODE', 'ADDRESSES', ...(isWide ? ['IMAGE', 'SERVED BY'] : [])];
  const pods = summary.pods.map((it) => [
    it.namespace,
    it.name,
    it.node,
    it.ips.join(' '),
    ...(isWide ? [it.image, it.servedBy.map(servedByText).join(', ')] : []),
  ]);
  return [
    `\n${table(
      ['NODE', 'ADDRESS', 'POD SUBNETS', 'PODS'],
      summary.nodes.map((it) => [it.name, it.address, it.podCidrs.join(' '), String(it.pods)]),
    )}`,
    pods.length === 0 ? '' : `\n${table(podHeader, pods)}`,
    `\n${table(
      ['NAMESPACE', 'SERVICE', 'ADDRESSES', 'PORTS'],
      summary.services.map((it) => [it.namespace, it.name, it.ips.join(' '), it.ports.join(' ')]),
    )}`,
    gatewaysText(summary),
    changesText(summary, isWide),
    `\n${servedByLine(summary.servedBy)}`,
    connectivityText(summary.connectivity),
    policyTests.length === 0
      ? ''
      : `Policies: ${textReport(policyTests, isWide)}${packetCountText(policyTests)}\n`,
    verdict(summary),
    `\n  export KUBECONFIG=${summary.kubeconfig}\n  kubectl get pods -A -o wide\n`,
  ].join('');
}

function gatewaysText({ gateways, gatewayAuthority }: UpSummary): string {
  if (gateways.length === 0) return '';
  const rows = gateways.map((it) => [
    it.namespace,
    it.name,
    it.addresses.length === 0 ? 'none yet' : it.addresses.join(' '),
    it.listeners.join(', '),
    it.isProgrammed ? 'yes' : 'no',
  ]);
  const trust = gateways.some((it) => it.isLocallyIssued)
    ? `Clients of the cluster's own certificates trust ${gatewayAuthority} (curl --cacert).\n`
    : '';
  return `\n${table(['NAMESPACE', 'GATEWAY', 'ADDRESSES', 'LISTENERS', 'PROGRAMMED'], rows)}${trust}`;
}

/** In a new cluster everything is new: only an old one is worth a list. */
function changesText(summary: UpSummary, isWide: boolean): string {
  if (summary.changes.length === 0 || (summary.isNew && !isWide)) return '';
  const rows = summary.changes.map((it) => [it.outcome, it.kind, it.namespace ?? '', it.name]);
  return `\n${table(['CHANGE', 'KIND', 'NAMESPACE', 'NAME'], rows)}`;
}

function verdict(summary: UpSummary): string {
  const { created, configured, unchanged } = summary.applied;
  const applied =
    created + configured + unchanged === 0
      ? ''
      : `; manifests: ${created} created, ${configured} configured, ${unchanged} unchanged`;
  const is = summary.isNew
    ? 'is up'
    : created + configured === 0
      ? 'stood already and nothing had to change'
      : 'is changed';
  return `Cluster "${summary.cluster}" ${is}${applied} (${summary.seconds} s).\n`;
}

/** Shared with `fairlead connectivity test`. */
export function connectivityText(report: CheckReport | undefined): string {
  if (report === undefined) return 'Connectivity was not checked.\n';
  if (report.probes === 0) return 'Connectivity: nothing to check, there is no ready pod.\n';
  const what = `${report.probes} connections by name from ${report.pods} pods to ${report.services} Services, ${report.acrossNodes} with endpoints on other nodes`;
  const { denied, partlyDenied } = report;
  const policies =
    denied + partlyDenied === 0
      ? ''
      : `; policies deny ${denied} of them, which get no answer, and ${partlyDenied} to some endpoints`;
  if (report.failures.length === 0)
    return `Connectivity: all good. ${what}${policies}; median ${report.medianMs.toFixed(1)} ms.\n`;
  const shown = report.failures
    .slice(0, 20)
    .map((it) => `  ${it.from} -> ${it.to}/${it.protocol}: ${it.reason}\n`);
  const more =
    report.failures.length > shown.length ? `  and ${report.failures.length - shown.length} more\n` : '';
  return `Connectivity: ${report.failures.length} FAILED of ${what}:\n${shown.join('')}${more}`;
}
