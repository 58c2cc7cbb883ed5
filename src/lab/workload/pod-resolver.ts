// Names as a pod resolves them: hosts file, then the nameservers of its resolv.conf with its search list, asked by UDP
// from the pod's own namespace. What libc does for processes, for stand-ins.

import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { tryParseIp, type Ip } from '../../base/ip.ts';
import { encodeQuestion, readAddresses, TYPE_A, TYPE_AAAA, type DnsAnswer } from './dns-question.ts';
import type { PodNet } from './pod-net.ts';
import { parseResolvConf, type ResolvConf } from '../resolv-conf.ts';
import type { WorkloadSpec } from './workload-spec.ts';

const TIMEOUT_MS = 2500;
const ATTEMPTS = 2;

/** IPv4 addresses first. Throws `not-found` where the name does not exist, `timeout` where no nameserver answers. */
export async function resolveForPod(
  spec: Pick<WorkloadSpec, 'hosts' | 'resolvConf'>,
  name: string,
  net: PodNet,
): Promise<readonly Ip[]> {
  const local = addressesInHosts(await readFile(spec.hosts, 'utf8'), name);
  if (local.length > 0) return local;
  const conf = parseResolvConf(await readFile(spec.resolvConf, 'utf8'));
  let failure: unknown;
  for (const candidate of candidatesOf(name, conf)) {
    try {
      const addresses = await ask(candidate, conf, net);
      if (addresses.length > 0) return addresses;
    } catch (error) {
      failure = error;
    }
  }
  const cause = failure === undefined ? 'no such host' : messageOf(failure);
  const code = failure instanceof FairleadError ? failure.code : 'not-found';
  throw new FairleadError(code, `Cannot resolve ${name}: ${cause}`, { details: { isDns: true } });
}

function addressesInHosts(text: string, name: string): readonly Ip[] {
  const found: Ip[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    const ip = tryParseIp(address);
    if (ip !== undefined && names.includes(name)) found.push(ip);
  }
  return found;
}

/** The order of glibc: a name with `ndots` dots is tried as it is first, one with fewer after the search list. */
export function candidatesOf(name: string, conf: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const searched = conf.searches.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndotsOf(conf) ? [name, ...searched] : [...searched, name];
}

function ndotsOf(conf: ResolvConf): number {
  const option = conf.options.find((it) => it.startsWith('ndots:'));
  return option === undefined ? 1 : Number(option.slice('ndots:'.length));
}

async function ask(name: string, conf: ResolvConf, net: PodNet): Promise<readonly Ip[]> {
  const answers = await Promise.all([askType(name, TYPE_A, conf, net), askType(name, TYPE_AAAA, conf, net)]);
  return answers.flatMap((it) => it.addresses);
}

async function askType(name: string, type: number, conf: ResolvConf, net: PodNet): Promise<DnsAnswer> {
  let failure: unknown = new FairleadError('not-found', 'no nameserver in resolv.conf');
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const nameserver of conf.nameservers) {
      try {
        const id = randomInt(65_536);
        const answer = await net.askUdp(nameserver, 53, encodeQuestion({ id, name, type }), TIMEOUT_MS);
        return readAddresses(answer, { id, name, type });
      } catch (error) {
        failure = error;
      }
    }
  }
  throw failure;
}
