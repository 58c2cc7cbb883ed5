// What a proxy is made of in the cluster: a Deployment of one pod in which HAProxy and its control keep running, and the Service by which it is reached. Pure.

import { createHash } from 'node:crypto';
import { METRICS_PORT } from '../../objects/gateway-api/common.ts';
import type { KubeObject, OwnerReference } from '../../objects/meta.ts';

/** How the containers are started where this cluster's pods come from. */
export interface GatewayPodSettings {
  readonly image: string;
  /** Of the pod: what a one-machine cluster asks for to run programs of the machine. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Where Fairlead is on the machine of its nodes; undefined where the image has it. */
  readonly hostFolder: string | undefined;
}

export interface PortOfProxy {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** Who a proxy is for. */
export interface ProxyWorkload {
  /** Of Deployment, Service and service account. */
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Those of `labels` that its pods alone have. */
  readonly selector: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
  /** What the process beside the proxy is told of whom it serves. */
  readonly subject: readonly [flag: string, value: string];
}

/** Of what an object was made of: what was made by an older Gateway or version is told by it. */
export const CONTENT_ANNOTATION = 'fairlead.dev/content';
/** Names of the labels, and of the annotations, that were given: "a,b". */
const LABELS_ANNOTATION = 'fairlead.dev/given-labels';
const ANNOTATIONS_ANNOTATION = 'fairlead.dev/given-annotations';
/** Where HAProxy and its control have their files and sockets; short, for the paths of sockets are. */
const FOLDER = '/run/gateway';
/** Where Fairlead is in its container. */
const INSTALLATION = '/opt/fairlead';
const MAX_NAME = 63;

/** A name that is long is cut, and stays one of its own. */
export function workloadName(whole: string): string {
  return whole.length <= MAX_NAME ? whole : `${whole.slice(0, MAX_NAME - 9)}-${hash(whole).slice(0, 8)}`;
}

export type WorkloadDraft = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
};

export function deploymentOf(
  workload: ProxyWorkload,
  settings: GatewayPodSettings,
  ports: readonly PortOfProxy[],
): WorkloadDraft {
  const { labels, annotations, selector } = workload;
  const spec = {
    replicas: 1,
    selector: { matchLabels: selector },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: { labels, annotations: { ...annotations, ...settings.annotations } },
      spec: podSpec(workload, settings, ports),
    },
  };
  return draft(workload, { spec });
}

function podSpec(
  { name, namespace, subject }: ProxyWorkload,
  { image, hostFolder }: GatewayPodSettings,
  ports: readonly PortOfProxy[],
): object {
  const isRouter = ports.some(({ protocol }) => protocol === 'UDP');
  const volumeMounts = [{ name: 'gateway', mountPath: FOLDER }];
  const files = hostFolder === undefined ? [] : [{ name: 'fairlead', hostPath: { path: hostFolder } }];
  const control = [
    `${INSTALLATION}/bin/fairlead`,
    'gateway',
    ...subject,
    `--service=${namespace}/${name}`,
    `--folder=${FOLDER}`,
    '--node=$(NODE_NAME)',
  ];
  const proxy = {
    name: 'proxy',
    image,
    command: ['/bin/sh', '-c', PROXY_LOOP, 'proxy', FOLDER, ...control],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    ports: [{ name: 'metrics', containerPort: METRICS_PORT }],
    readinessProbe: { tcpSocket: { port: METRICS_PORT }, periodSeconds: 1 },
    volumeMounts: [
      ...volumeMounts,
      ...files.map((it) => ({ name: it.name, mountPath: INSTALLATION, readOnly: true })),
    ],
    ...(isRouter ? { securityContext: { capabilities: { add: ['NET_ADMIN'] } } } : {}),
  };
  return {
    serviceAccountName: name,
    // Connections are waited for.
    terminationGracePeriodSeconds: 60,
    containers: [proxy],
    ...(isRouter ? { securityContext: { sysctls: FORWARDING } } : {}),
    volumes: [{ name: 'gateway', emptyDir: {} }, ...files],
  };
}

/** Datagrams are led by the pod's own kernel; /proc/sys of a container cannot be written. */
const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'].map((name) => ({
  name,
  value: '1',
}));

/**
 * Keeps both running, each by itself: HAProxy from the files that control wrote last, also while control is away. One container, because a pod of which a
 * container is away gets no traffic. HAProxy stops accepting at SIGTERM and ends when its connections have ended (HAProxy management guide, "Stopping and
 * restarting HAProxy"). Its output is the pipe of requests (src/gateway/request-line.ts), open for both directions so that nobody waits for control.
 */
const PROXY_LOOP = `
folder=$1
shift
[ -p "$folder/requests.fifo" ] || mkfifo -m 600 "$folder/requests.fifo"
(
  trap 'kill "$child" 2>/dev/null; exit 0' TERM
  while :; do
    "$@" &
    child=$!
    echo "$child" >"$folder/control.pid"
    wait "$child"
    sleep 0.2
  done
) &
control=$!
haproxy=
isEnding=
trap 'isEnding=1; kill "$control"; [ -z "$haproxy" ] || kill -USR1 "$haproxy"' TERM INT
while [ -z "$isEnding" ]; do
  if [ -e "$folder/haproxy.cfg" ]; then
    haproxy -W -S "$folder/master.sock,level,admin" -f "$folder/haproxy.cfg" 1<>"$folder/requests.fifo" &
    haproxy=$!
    wait "$haproxy"
    while kill -0 "$haproxy" 2>/dev/null; do wait "$haproxy"; done
    haproxy=
  fi
  [ -n "$isEnding" ] || sleep 0.1
done
`;

/** `addresses`: those that are asked for; any where there are none. */
export function serviceOf(
  workload: ProxyWorkload,
  ports: readonly PortOfProxy[],
  addresses: readonly string[] = [],
): WorkloadDraft {
  const spec = {
    type: 'LoadBalancer',
    // The proxy sees who asks.
    externalTrafficPolicy: 'Local',
    ipFamilyPolicy: 'PreferDualStack',
    selector: workload.selector,
    ports: ports.map(({ port, protocol }) => ({
      name: `${protocol.toLowerCase()}-${port}`,
      port,
      protocol,
      targetPort: port,
    })),
  };
  const asked: Record<string, string> =
    addresses.length === 0 ? {} : { 'fairlead.dev/load-balancer-ips': addresses.join(',') };
  return draft(workload, { spec }, asked);
}

export function serviceAccountOf(workload: ProxyWorkload): WorkloadDraft {
  return draft(workload, {});
}

function draft(
  { name, namespace, labels, annotations, owner }: ProxyWorkload,
  content: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, string>> = {},
): WorkloadDraft {
  const metadata = {
    name,
    namespace,
    labels,
    annotations: { ...annotations, ...more },
    ownerReferences: [owner],
  };
  const content256 = hash(JSON.stringify([metadata, content]));
  const given = {
    [CONTENT_ANNOTATION]: content256,
    [LABELS_ANNOTATION]: Object.keys(labels).join(','),
    [ANNOTATIONS_ANNOTATION]: Object.keys(metadata.annotations).join(','),
  };
  return { ...content, metadata: { ...metadata, annotations: { ...metadata.annotations, ...given } } };
}

/** Of the labels that the object was given when it was last brought to what is wanted. */
export function labelNamesOf(found: KubeObject): readonly string[] {
  return namesIn(found, LABELS_ANNOTATION);
}

export function annotationNamesOf(found: KubeObject): readonly string[] {
  return namesIn(found, ANNOTATIONS_ANNOTATION);
}

function namesIn({ metadata }: KubeObject, annotation: string): readonly string[] {
  return (metadata.annotations?.[annotation] ?? '').split(',').filter((it) => it !== '');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
