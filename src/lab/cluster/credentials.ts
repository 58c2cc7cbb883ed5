// Writes the PKI folder of a cluster: the authority, the API server's certificate, and a kubeconfig per identity.

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cidrIpAt } from '../../base/cidr.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { AGENTS, CONTROLLERS, KUBELETS } from '../../objects/access/fairlead-roles.ts';
import { stringify } from 'yaml';
import type { ClusterConfig } from './cluster-config.ts';
import { CertificateAuthority, type ClientIdentity, type KeyPair } from './pki.ts';
import { kubeconfigOf } from './process-table.ts';

/** Makes what is missing; the admin's kubeconfig is written last, so its presence says that the server's files are there. */
export async function writeCredentials(cluster: ClusterConfig, roots: PathRoots): Promise<void> {
  const paths = clusterPaths(roots, cluster.name);
  const authority = await CertificateAuthority.open(paths.pki);
  const isNew = !existsSync(paths.kubeconfig);
  if (isNew) await writeServerFiles(cluster, authority, paths.pki);
  const loopback = `https://127.0.0.1:${cluster.apiPort}`;
  const fabric = `https://${cluster.hostIps[0] ?? '127.0.0.1'}:${cluster.apiPort}`;
  for (const { who, identity, isOnNode } of identities(cluster)) {
    const file = kubeconfigOf(roots, cluster.name, who);
    // An older version gave its processes other names.
    if (speaksFor(file, identity)) continue;
    await writeKubeconfig(file, cluster, { identity, server: isOnNode ? fabric : loopback, authority });
  }
  const identity = { user: 'kubernetes-admin', groups: ['system:masters'] };
  if (isNew) await writeKubeconfig(paths.kubeconfig, cluster, { identity, server: loopback, authority });
}

async function writeServerFiles(
  cluster: ClusterConfig,
  authority: CertificateAuthority,
  folder: string,
): Promise<void> {
  const server = await authority.server('kube-apiserver', serverNames(cluster));
  writeFileSync(`${folder}/apiserver.key`, server.key, { mode: 0o600 });
  writeFileSync(`${folder}/apiserver.crt`, server.certificate);
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signerPem = signer.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(`${folder}/service-account.key`, signerPem, { mode: 0o600 });
}

/** Whole or not at all. */
async function writeKubeconfig(
  file: string,
  cluster: ClusterConfig,
  of: {
    readonly identity: ClientIdentity;
    readonly server: string;
    readonly authority: CertificateAuthority;
  },
): Promise<void> {
  const { identity, server, authority } = of;
  const text = kubeconfigText(cluster, {
    user: identity.user,
    server,
    authority: authority.certificatePem,
    pair: await authority.client(identity),
  });
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** True where the file's certificate is of that user and those groups. */
function speaksFor(file: string, { user, groups }: ClientIdentity): boolean {
  if (!existsSync(file)) return false;
  const data = /client-certificate-data: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  try {
    const { subject } = new X509Certificate(Buffer.from(data, 'base64'));
    return subject === [`CN=${user}`, ...groups.map((it) => `O=${it}`)].join('\n');
  } catch {
    // Half a file of an `up` that ended.
    return false;
  }
}

function serverNames(cluster: ClusterConfig): { dns: readonly string[]; ips: readonly string[] } {
  const serviceIps = cluster.serviceCidrs.map((cidr) => cidrIpAt(cidr, 1));
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${cluster.clusterDomain}`,
  ];
  return { dns: ['localhost', ...names], ips: ['127.0.0.1', '::1', ...cluster.hostIps, ...serviceIps] };
}

interface Identity {
  readonly who: string;
  readonly identity: ClientIdentity;
  readonly isOnNode: boolean;
}

function identities(cluster: ClusterConfig): readonly Identity[] {
  const nodes = cluster.nodes.map(({ name }) => ({
    who: `node-${name}`,
    identity: { user: `fairlead:agent:${name}`, groups: [AGENTS] },
    isOnNode: true,
  }));
  return [
    {
      who: 'controller',
      identity: { user: 'fairlead:controller', groups: [CONTROLLERS] },
      isOnNode: false,
    },
    {
      who: 'kubelet',
      identity: { user: 'fairlead:kubelet', groups: [KUBELETS] },
      isOnNode: false,
    },
    ...nodes,
  ];
}

interface KubeconfigParts {
  readonly user: string;
  readonly server: string;
  readonly authority: string;
  readonly pair: KeyPair;
}

function kubeconfigText(cluster: ClusterConfig, parts: KubeconfigParts): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const name = `fairlead-${cluster.name}`;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: parts.server, 'certificate-authority-data': base64(parts.authority) } },
    ],
    users: [
      {
        name: parts.user,
        user: {
          'client-certificate-data': base64(parts.pair.certificate),
          'client-key-data': base64(parts.pair.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: parts.user } }],
    'current-context': name,
  });
}
