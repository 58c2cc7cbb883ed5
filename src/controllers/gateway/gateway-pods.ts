// What a Gateway's proxy is made of in the cluster: a Deployment of one pod, two containers that share a folder, and the Service by which it is
// reached (GEP-1762 names and labels). Pure.

import { createHash } from 'node:crypto';
import { apiVersionOf } from '../../objects/resources.ts';
import { GATEWAYS } from '../../kube/resource.ts';
import { GATEWAY_GROUP, METRICS_PORT } from '../../objects/gateway-api/common.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import type { OwnerReference } from '../../objects/meta.ts';

/** How the containers are started where this cluster's pods come from. */
export interface GatewayPodSettings {
  readonly image: string;
  /** Of the pod: what a one-machine cluster asks for to run programs of the machine. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Where Fairlead is on the machine of its nodes; undefined where the image has it. */
  readonly hostFolder: string | undefined;
}

export interface PortOfGateway {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

export const GATEWAY_NAME_LABEL = `${GATEWAY_GROUP}/gateway-name`;
const CLASS_NAME_LABEL = `${GATEWAY_GROUP}/gateway-class-name`;
/** Of what an object was made of: what was made by an older Gateway or version is told by it. */
export const CONTENT_ANNOTATION = 'fairlead.dev/content';
/** Where both containers have their files and sockets; short, for the paths of sockets are. */
const FOLDER = '/run/gateway';
/** Where Fairlead is in its containers. */
const INSTALLATION = '/opt/fairlead';
const MAX_NAME = 63;

/** "public-fairlead": of Deployment, Service and service account. */
export function infrastructureName({ name, className }: Pick<Gateway, 'name' | 'className'>): string {
  const whole = `${name}-${className}`;
  return whole.length <= MAX_NAME ? whole : `${whole.slice(0, MAX_NAME - 9)}-${hash(whole).slice(0, 8)}`;
}

type Draft = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
};

export function deploymentOf(gateway: Gateway, settings: GatewayPodSettings): Draft {
  const selector = { [GATEWAY_NAME_LABEL]: gateway.name };
  const { labels, annotations } = extras(gateway);
  const spec = {
    replicas: 1,
    selector: { matchLabels: selector },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: {
        labels: { ...labels, ...ownLabels(gateway) },
        annotations: { ...annotations, ...settings.annotations },
      },
      spec: podSpec(gateway, settings),
    },
  };
  return draft(gateway, { spec });
}

function podSpec(gateway: Gateway, { image, hostFolder }: GatewayPodSettings): object {
  const volumeMounts = [{ name: 'gateway', mountPath: FOLDER }];
  const files = hostFolder === undefined ? [] : [{ name: 'fairlead', hostPath: { path: hostFolder } }];
  const proxy = {
    name: 'proxy',
    image,
    command: ['/bin/sh', '-c', PROXY_LOOP, 'proxy', FOLDER],
    ports: [{ name: 'metrics', containerPort: METRICS_PORT }],
    readinessProbe: { tcpSocket: { port: METRICS_PORT }, periodSeconds: 1 },
    volumeMounts,
  };
  const control = {
    name: 'control',
    image,
    command: [
      `${INSTALLATION}/bin/fairlead`,
      'gateway',
      `--gateway=${gateway.namespace}/${gateway.name}`,
      `--service=${infrastructureName(gateway)}`,
      `--folder=${FOLDER}`,
      '--node=$(NODE_NAME)',
    ],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    volumeMounts: [
      ...volumeMounts,
      ...files.map(({ name }) => ({ name, mountPath: INSTALLATION, readOnly: true })),
    ],
  };
  return {
    serviceAccountName: infrastructureName(gateway),
    // Connections are waited for.
    terminationGracePeriodSeconds: 60,
    containers: [proxy, control],
    volumes: [{ name: 'gateway', emptyDir: {} }, ...files],
  };
}

/**
 * Keeps HAProxy running, from the files that control wrote last, also while control is away. It stops accepting at SIGTERM and ends when its
 * connections have ended (HAProxy management guide, "Stopping and restarting HAProxy").
 */
const PROXY_LOOP = `
folder=$1
child=
isEnding=
trap 'isEnding=1; [ -z "$child" ] || kill -USR1 "$child"' TERM INT
while [ -z "$isEnding" ]; do
  if [ -e "$folder/haproxy.cfg" ]; then
    haproxy -W -S "$folder/master.sock,level,admin" -f "$folder/haproxy.cfg" &
    child=$!
    wait "$child"
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done
    child=
  fi
  [ -n "$isEnding" ] || sleep 0.1
done
`;

export function serviceOf(gateway: Gateway, ports: readonly PortOfGateway[]): Draft {
  const asked = gateway.addresses.flatMap(({ type, value }) =>
    type === 'IPAddress' && value ? [value] : [],
  );
  const spec = {
    type: 'LoadBalancer',
    // The proxy sees who asks.
    externalTrafficPolicy: 'Local',
    ipFamilyPolicy: 'PreferDualStack',
    selector: { [GATEWAY_NAME_LABEL]: gateway.name },
    ports: ports.map(({ port, protocol }) => ({
      name: `${protocol.toLowerCase()}-${port}`,
      port,
      protocol,
      targetPort: port,
    })),
  };
  const annotations: Record<string, string> =
    asked.length === 0 ? {} : { 'fairlead.dev/load-balancer-ips': asked.join(',') };
  return draft(gateway, { spec }, annotations);
}

export function serviceAccountOf(gateway: Gateway): Draft {
  return draft(gateway, {});
}

function draft(
  gateway: Gateway,
  content: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, string>> = {},
): Draft {
  const { labels, annotations } = extras(gateway);
  const metadata = {
    name: infrastructureName(gateway),
    namespace: gateway.namespace,
    labels: { ...labels, ...ownLabels(gateway) },
    annotations: { ...annotations, ...more },
    ownerReferences: [ownerOf(gateway)],
  };
  const content256 = hash(JSON.stringify([metadata, content]));
  return {
    ...content,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [CONTENT_ANNOTATION]: content256 } },
  };
}

function ownLabels({ name, className }: Gateway): Readonly<Record<string, string>> {
  return { [GATEWAY_NAME_LABEL]: name, [CLASS_NAME_LABEL]: className };
}

function extras({ infrastructure }: Gateway): {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
} {
  return {
    labels: Object.fromEntries(infrastructure.labels),
    annotations: Object.fromEntries(infrastructure.annotations),
  };
}

function ownerOf({ name, uid }: Gateway): OwnerReference {
  const { kind } = GATEWAYS;
  return { apiVersion: apiVersionOf(GATEWAYS), kind, name, uid, controller: true, blockOwnerDeletion: true };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
