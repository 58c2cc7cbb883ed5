// The /etc/hosts of a pod, as kubelet writes it: loopback, the pod's own name, hostAliases. Pure text.

import type { Pod } from '../../objects/api-types.ts';

/** Host name as processes of the pod see it: at most 63 characters, never ending in "-" or "."; with the node's network, the node's. */
export function hostnameOf(pod: Pod): string {
  if (pod.spec?.hostNetwork === true) return pod.spec.nodeName ?? '';
  const wanted = pod.spec?.hostname ?? '';
  const name = wanted === '' ? (pod.metadata?.name ?? '') : wanted;
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** `host` is the node's own file, used as it is by pods with the node's network. */
export function podHosts(pod: Pod, ips: readonly string[], clusterDomain: string, host: string): string {
  if (pod.spec?.hostNetwork === true) return host + aliases(pod);
  const hostname = hostnameOf(pod);
  const subdomain = pod.spec?.subdomain ?? '';
  const fqdn = `${hostname}.${subdomain}.${pod.metadata?.namespace ?? 'default'}.svc.${clusterDomain}`;
  const names = subdomain === '' ? hostname : `${fqdn}\t${hostname}`;
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'fe00::\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...ips.map((ip) => `${ip}\t${names}`),
  ];
  return `${lines.join('\n')}\n${aliases(pod)}`;
}

function aliases(pod: Pod): string {
  const list = pod.spec?.hostAliases ?? [];
  if (list.length === 0) return '';
  const lines = list.map((it) => `${it.ip ?? ''}\t${(it.hostnames ?? []).join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
