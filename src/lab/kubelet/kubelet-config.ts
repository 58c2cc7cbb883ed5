// The configuration file of the kubelet part and its door.

import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { parseIp, type Ip } from '../../base/ip.ts';
import type { PathRoots } from '../../base/paths.ts';
import type { CniConfig } from './cni-runtime.ts';

export interface KubeletNode {
  readonly name: string;
  readonly ips: readonly Ip[];
  readonly zone: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** A configuration list, or the path of one. */
  readonly cniConfig: CniConfig;
}

export interface KubeletConfig {
  readonly cluster: string;
  readonly kubeconfig: string;
  readonly roots: PathRoots;
  readonly nodes: readonly KubeletNode[];
  readonly clusterDomain: string;
  readonly dnsIps: readonly Ip[];
  /** The program for plugins of type "fairlead"; others are found beside it and in `cniPath`. */
  readonly cniProgram: string;
  readonly cniPath: readonly string[];
  /** Path of fairlead-run; by default beside the CNI program. */
  readonly runProgram: string;
  readonly podCapacity: number;
}

const DEFAULT_POD_CAPACITY = 500;
const DEFAULT_CNI_PATH = ['/opt/cni/bin', '/usr/lib/cni'];

/** Throws `invalid` naming file and field. */
export async function readKubeletConfig(file: string): Promise<KubeletConfig> {
  const raw = await readJson(file);
  const text = (key: string): string => {
    const value = raw[key];
    if (typeof value !== 'string' || value === '') throw invalid(file, key, 'must be a text');
    return value;
  };
  const cniProgram = text('cniProgram');
  const beside = cniProgram.slice(0, cniProgram.lastIndexOf('/'));
  const runProgram = raw['runProgram'];
  const capacity = raw['podCapacity'] ?? DEFAULT_POD_CAPACITY;
  if (typeof capacity !== 'number') throw invalid(file, 'podCapacity', 'must be a number');
  return {
    cluster: text('cluster'),
    kubeconfig: text('kubeconfig'),
    roots: rootsOf(file, raw['roots']),
    nodes: await nodesOf(file, raw['nodes']),
    clusterDomain: text('clusterDomain'),
    dnsIps: textsOf(file, 'dnsIps', raw['dnsIps']).map(parseIp),
    cniProgram,
    cniPath: raw['cniPath'] === undefined ? DEFAULT_CNI_PATH : textsOf(file, 'cniPath', raw['cniPath']),
    runProgram: typeof runProgram === 'string' ? runProgram : `${beside}/fairlead-run`,
    podCapacity: capacity,
  };
}

type Raw = Readonly<Record<string, unknown>>;

async function readJson(file: string): Promise<Raw> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (isObject(value)) return value;
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new FairleadError('invalid', `Cannot read ${file}: not a JSON object`);
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rootsOf(file: string, value: unknown): PathRoots {
  const raw = isObject(value) ? value : {};
  const { run, state, cgroup, netns } = raw;
  if (
    typeof run === 'string' &&
    typeof state === 'string' &&
    typeof cgroup === 'string' &&
    typeof netns === 'string'
  ) {
    return { run, state, cgroup, netns };
  }
  throw invalid(file, 'roots', 'must have run, state, cgroup and netns');
}

async function nodesOf(file: string, value: unknown): Promise<readonly KubeletNode[]> {
  if (!Array.isArray(value) || value.length === 0) throw invalid(file, 'nodes', 'must be a list of nodes');
  return Promise.all(value.map((raw: unknown, index) => nodeOf(file, raw, `nodes[${index}]`)));
}

async function nodeOf(file: string, value: unknown, at: string): Promise<KubeletNode> {
  const raw = isObject(value) ? value : {};
  const { name, zone, labels, cniConfig } = raw;
  if (typeof name !== 'string') throw invalid(file, `${at}.name`, 'must be a text');
  const config = typeof cniConfig === 'string' ? await readJson(cniConfig) : cniConfig;
  if (!isObject(config) || typeof config['name'] !== 'string' || typeof config['cniVersion'] !== 'string') {
    throw invalid(file, `${at}.cniConfig`, 'must be a CNI configuration with name and cniVersion');
  }
  const { name: network, cniVersion, plugins } = config;
  return {
    name,
    ips: textsOf(file, `${at}.ips`, raw['ips']).map(parseIp),
    zone: typeof zone === 'string' ? zone : undefined,
    // Label values are checked by the API server.
    labels: isObject(labels) ? (labels as Readonly<Record<string, string>>) : {},
    // A configuration of one plugin is a list of one; the plugins check their own fields.
    cniConfig: {
      name: network,
      cniVersion,
      plugins: (Array.isArray(plugins) ? plugins : [config]) as CniConfig['plugins'],
    },
  };
}

function textsOf(file: string, field: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((it): it is string => typeof it === 'string')) {
    throw invalid(file, field, 'must be a list of texts');
  }
  return value;
}

function invalid(file: string, field: string, cause: string): FairleadError {
  return new FairleadError('invalid', `Cannot read ${file}: ${field} ${cause}`);
}
