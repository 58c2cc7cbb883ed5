// Reads kubeconfig files and the service account of a pod. The common forms are read here; exec plugins and the like
// are left to @kubernetes/client-node, which is loaded only then (it costs more memory than a whole agent may use).

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { FairleadError, messageOf } from '../base/errors.ts';
import type { ClusterAccess, Credentials } from './cluster-access.ts';

/** Token files are renewed by the kubelet at 80 percent of an hour and more; a minute of cache is far from the end of any. */
const TOKEN_CACHE_MS = 60_000;
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

interface KubeConfigFile {
  readonly 'current-context'?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: ContextEntry }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: ClusterEntry }[];
  readonly users?: readonly { readonly name: string; readonly user?: UserEntry | null }[];
}

interface ContextEntry {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

interface ClusterEntry {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'tls-server-name'?: string;
  readonly 'proxy-url'?: string;
}

interface UserEntry {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly exec?: unknown;
  readonly 'auth-provider'?: unknown;
}

/** Access by a kubeconfig file and one of its contexts (the current one where `context` is undefined). Throws `invalid` naming file and entry. */
export async function loadKubeConfig(file: string, context?: string): Promise<ClusterAccess> {
  const config = await readConfig(file);
  const wanted = context ?? config['current-context'] ?? '';
  const entry = named(config.contexts, wanted, `context "${wanted}"`, file).context;
  const { cluster } = named(config.clusters, entry.cluster, `cluster "${entry.cluster}"`, file);
  const user = config.users?.find((each) => each.name === entry.user)?.user ?? {};
  if (cluster['proxy-url'] !== undefined) {
    throw new FairleadError('unsupported', `Cannot use kubeconfig ${file}: proxy-url is not supported`);
  }
  const folder = path.dirname(file);
  return {
    server: parseServer(cluster.server, file),
    authorities: await pemOf(cluster, 'certificate-authority', folder),
    serverName: cluster['tls-server-name'],
    isInsecure: cluster['insecure-skip-tls-verify'] === true,
    namespace: entry.namespace ?? 'default',
    credentials: await credentialsOf(user, folder, { file, context: wanted }),
  };
}

/** Access as a pod's own service account has it. Throws `unavailable` outside of a pod. */
export async function loadInClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = SERVICE_ACCOUNT,
): Promise<ClusterAccess> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined) {
    throw new FairleadError('unavailable', 'Cannot find the API server: KUBERNETES_SERVICE_HOST is not set');
  }
  const name = host.includes(':') ? `[${host}]` : host;
  const token = cachedFile(`${folder}/token`);
  return {
    server: new URL(`https://${name}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`),
    authorities: await readFile(`${folder}/ca.crt`, 'utf8'),
    isInsecure: false,
    namespace: (await readFile(`${folder}/namespace`, 'utf8').catch(() => 'default')).trim(),
    credentials: async () => ({ authorization: `Bearer ${await token()}` }),
  };
}

async function readConfig(file: string): Promise<KubeConfigFile> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new FairleadError('not-found', `Cannot read kubeconfig ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  });
  try {
    // JSON is what our own tools write; the YAML reader costs 10 MB and 40 ms, so only YAML pays for it.
    const content: unknown = text.trimStart().startsWith('{')
      ? JSON.parse(text)
      : (await import('yaml')).parse(text);
    if (typeof content !== 'object' || content === null) throw new TypeError('not a mapping');
    return content;
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read kubeconfig ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function named<T extends { readonly name: string }>(
  entries: readonly T[] | undefined,
  name: string,
  what: string,
  file: string,
): T {
  const found = entries?.find((each) => each.name === name);
  if (found === undefined) throw new FairleadError('invalid', `Cannot use kubeconfig ${file}: no ${what}`);
  return found;
}

function parseServer(server: string | undefined, file: string): URL {
  const url = URL.parse(server ?? '');
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new FairleadError('invalid', `Cannot use kubeconfig ${file}: server "${server ?? ''}" is no URL`);
  }
  return url;
}

async function credentialsOf(
  user: UserEntry,
  folder: string,
  origin: { readonly file: string; readonly context: string },
): Promise<() => Promise<Credentials>> {
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    const { exoticCredentials } = await import('./exotic-credentials.ts');
    return exoticCredentials(origin);
  }
  const certificate = await pemOf(user, 'client-certificate', folder);
  const key = await pemOf(user, 'client-key', folder);
  const token = user.tokenFile === undefined ? undefined : cachedFile(path.resolve(folder, user.tokenFile));
  return async () => {
    const bearer = token === undefined ? user.token : await token();
    return { certificate, key, authorization: bearer === undefined ? undefined : `Bearer ${bearer}` };
  };
}

/** The PEM text of "<field>-data" (base64), or of the file that "<field>" names relative to the kubeconfig. */
async function pemOf(
  entry: Readonly<Record<string, unknown>> | ClusterEntry | UserEntry,
  field: string,
  folder: string,
): Promise<string | undefined> {
  const fields = entry as Readonly<Record<string, unknown>>; // Read by computed names.
  const data = fields[`${field}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString();
  const file = fields[field];
  return typeof file === 'string' ? readFile(path.resolve(folder, file), 'utf8') : undefined;
}

function cachedFile(file: string): () => Promise<string> {
  let text = '';
  let readAtMs = -Infinity;
  return async () => {
    if (performance.now() - readAtMs > TOKEN_CACHE_MS) {
      text = (await readFile(file, 'utf8')).trim();
      readAtMs = performance.now();
    }
    return text;
  };
}
