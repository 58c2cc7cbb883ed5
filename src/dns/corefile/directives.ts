// Every directive of CoreDNS and what becomes of it here: read, done in any case, or not done, with what that means.

import type { BlockDraft } from './draft.ts';
import type { Directive } from './parser.ts';
import { readCache } from './read-cache.ts';
import { readForward } from './read-forward.ts';
import { readLog } from './read-log.ts';
import { readHosts, readKubernetes, readRewrite } from './read-names.ts';

/** What is said of a directive that is done in another way, or not at all. */
interface Remark {
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly fix?: string;
}

const READERS: Readonly<Record<string, (directive: Directive, draft: BlockDraft) => void>> = {
  cache: readCache,
  forward: readForward,
  hosts: readHosts,
  kubernetes: readKubernetes,
  log: readLog,
  rewrite: readRewrite,
  loadbalance: (directive, draft) => {
    const [policy] = directive.args;
    if (policy === undefined || policy.text === 'round_robin') return;
    draft.error(policy, 'addresses come in random order, none is preferred', 'write loadbalance alone');
  },
};

/** Done whether a file asks for it or not: nothing is to be said. */
const DONE = new Set(['autopath', 'errors', 'health', 'loop', 'minimal', 'ready', 'reload']);

const note = (message: string): Remark => ({ level: 'note', message });
const warning = (message: string, fix: string): Remark => ({ level: 'warning', message, fix });
const error = (message: string, fix: string): Remark => ({ level: 'error', message, fix });

const MOVED = 'take it away, or keep a CoreDNS for its names and forward them to it';
const OWN_DATA = error('names of its own are not answered', MOVED);
const SECURITY = error('questions and answers would be let through that it holds back', MOVED);

const REMARKS: Readonly<Record<string, Remark>> = {
  prometheus: note(
    "metrics are served where the process' configuration says (metricsPort), under the same names",
  ),
  bind: note('the cluster DNS addresses are listened on, by each node'),
  bufsize: note('answers by UDP are 1232 bytes at most'),
  any: note('questions of type ANY are refused'),
  cancel: note('a question takes 5 seconds at most'),
  timeouts: note('idle connections are closed after 10 seconds'),
  multisocket: note('one socket is enough for a node'),
  shed: note('questions on their way are bounded'),
  debug: note('a failure does not end the process'),
  metadata: note('nothing here needs it'),
  geoip: warning('addresses have no places', 'take it away'),
  chaos: warning('questions of class CH are refused', 'take it away'),
  nsid: warning('answers do not name the server', 'take it away'),
  pprof: warning('there are no profiles', 'take it away'),
  trace: warning('questions are not traced', 'take it away'),
  dnstap: warning('questions are not written down', 'take it away'),
  root: note('files are named from the root'),
  acl: SECURITY,
  firewall: SECURITY,
  tsig: SECURITY,
  policy: SECURITY,
  view: error('all clients are answered alike', MOVED),
  header: error('flags of answers stay as they are', 'take it away'),
  template: error('answers are not made by a template', 'write lines of hosts or a rewrite, where they do'),
  dns64: error('no IPv6 addresses are made of IPv4 addresses', 'take it away, or forward to who makes them'),
  dnssec: error('answers are not signed', MOVED),
  sign: error('zones are not signed', MOVED),
  tls: error('clients are answered by UDP and TCP alone', 'take it away'),
  quic: error('clients are answered by UDP and TCP alone', 'take it away'),
  grpc: error('upstreams are asked by UDP, TCP and TLS alone', 'write forward'),
  proxy: error('it is a directive of old', 'write forward with the same zone and addresses'),
  upstream: error('it is a directive of old', 'take it away'),
  federation: error('it is a directive of old', 'take it away'),
  startup: error('no programs are started', 'take it away'),
  on: warning('no programs are started', 'take it away'),
  transfer: error('zones are not transferred', MOVED),
  local: error(
    'questions for localhost go on to the upstreams',
    'write lines of hosts for it, with fallthrough',
  ),
  k8s_external: OWN_DATA,
  k8s_gateway: OWN_DATA,
  file: OWN_DATA,
  auto: OWN_DATA,
  secondary: OWN_DATA,
  etcd: OWN_DATA,
  route53: OWN_DATA,
  azure: OWN_DATA,
  clouddns: OWN_DATA,
  nomad: OWN_DATA,
  unbound: OWN_DATA,
  alternate: error('an answer is not tried elsewhere', 'take it away'),
  fanout: error('one upstream is asked at a time', 'write forward'),
  dnsredir: error('names are not sorted by lists', 'write forward for each zone'),
  erratic: OWN_DATA,
  whoami: OWN_DATA,
};

export function readDirective(directive: Directive, draft: BlockDraft): void {
  const { name } = directive;
  const read = Object.hasOwn(READERS, name.text) ? READERS[name.text] : undefined;
  if (read !== undefined) return read(directive, draft);
  if (DONE.has(name.text)) return;
  const remark = Object.hasOwn(REMARKS, name.text) ? REMARKS[name.text] : undefined;
  if (remark === undefined) {
    return draft.error(name, `"${name.text}" is no directive that is known here`, 'take it away');
  }
  const message = `${name.text}: ${remark.message}`;
  if (remark.level === 'error') draft.error(name, message, remark.fix ?? 'take it away');
  else if (remark.level === 'warning') draft.warning(name, message, remark.fix);
  else draft.note(name, message);
}
