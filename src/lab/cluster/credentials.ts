// Writes the PKI folder of a cluster: the authority, the API server's certificate, and a kubeconfig per identity.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { cidrIpAt } from '../../base/cidr.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { stringify } from 'yaml';
import type { ClusterConfig } from './cluster-config.ts';
import { CertificateAuthority, type ClientIdentity, type KeyPair } from './pki.ts';
import { kubeconfigOf } from './process-table.ts';

/** Makes what is missing; the admin's kubeconfig is written last, so its presence says that all is there. */
export async function writeCredentials(cluster: ClusterConfig, roots: PathRoots): Promise<void> {
  const paths = clusterPaths(roots, cluster.name);
  if (existsSync(paths.kubeconfig)) return;
  const authority = await CertificateAuthority.open(paths.pki);
  const server = await authority.server('kube-apiserver', serverNames(cluster));
  writeFileSync(`${paths.pki}/apiserver.key`, server.key, { mode: 0o600 });
  writeFileSync(`${paths.pki}/apiserver.crt`, server.certificate);
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signerPem = signer.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(`${paths.pki}/service-account.key`, signerPem, { mode: 0o600 });
  const loopback = `https://127.0.0.1:${cluster.apiPort}`;
  const fabric = `https://${cluster.hostIps[0] ?? '127.0.0.1'}:${cluster.apiPort}`;
  for (const { who, identity, isOnNode } of identities(cluster)) {
    const text = kubeconfigText(cluster, {
      user: identity.user,
      server: isOnNode ? fabric : loopback,
      authority: authority.certificatePem,
      pair: await authority.client(identity),
    });
    writeFileSync(kubeconfigOf(roots, cluster.name, who), text, { mode: 0o600 });
  }
  const admin = await authority.client({ user: 'kubernetes-admin', groups: ['system:masters'] });
  const text = kubeconfigText(cluster, {
    user: 'kubernetes-admin',
    server: loopback,
    authority: authority.certificatePem,
    pair: admin,
  });
  writeFileSync(`${paths.kubeconfig}.new`, text, { mode: 0o600 });
  renameSync(`${paths.kubeconfig}.new`, paths.kubeconfig);
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
    identity: { user: `system:node:${name}`, groups: ['system:nodes'] },
    isOnNode: true,
  }));
  return [
    {
      who: 'controller',
      identity: { user: 'system:kube-controller-manager', groups: ['system:masters'] },
      isOnNode: false,
    },
    {
      who: 'kubelet',
      identity: { user: 'fairlead:kubelet', groups: ['system:nodes', 'system:masters'] },
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
