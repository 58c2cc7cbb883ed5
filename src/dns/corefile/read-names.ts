// The directives `kubernetes`, `hosts` and `rewrite`: names that are answered here, or asked for under others.

import { tryParseIp } from '../../base/ip.ts';
import { ConfigFields } from '../config-fields.ts';
import type { HostsFile } from '../override-config.ts';
import { parseRewrite, REWRITE_MATCHES, type RewriteFile } from '../rewrite.ts';
import { messageOf } from '../../base/errors.ts';
import { readCount, type BlockDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Directive } from './parser.ts';

export function readKubernetes(directive: Directive, draft: BlockDraft): void {
  const zones = directive.args.length === 0 ? draft.zones : draft.zoneNames(directive.args);
  const names = zones.filter((it) => !isReverse(it));
  for (const zone of names.filter((it) => it !== draft.clusterDomain)) {
    const fix = `write ${draft.clusterDomain}, the domain of this cluster`;
    draft.error(directive.name, `names of the cluster are not answered below "${zone}"`, fix);
  }
  if (names.length === 0) {
    draft.warning(directive.name, 'names of the cluster are answered as well', `name ${draft.clusterDomain}`);
  }
  draft.hasKubernetes = true;
  // As in CoreDNS where it is not said.
  if (names.length > 0) draft.pods ??= 'disabled';
  const ours = (option: Directive): void =>
    draft.note(option.name, 'the agent of each node follows the cluster, with access of its own');
  const error = (what: string) => (option: Directive) => draft.error(option.name, what, 'take it away');
  draft.readOptions(directive, {
    pods: (option) => readPods(option, draft),
    ttl: (option) => (draft.ttlS = draft.argument(option, 'a number of seconds up to 3600', readTtl)),
    fallthrough: (option) => readFallthrough(option, draft),
    endpoint: ours,
    tls: ours,
    kubeconfig: ours,
    resyncperiod: ours,
    apiserver_qps: ours,
    apiserver_burst: ours,
    apiserver_max_inflight: ours,
    startup_timeout: ours,
    upstream: (option) => draft.note(option.name, 'ExternalNames are looked up here, as any name is'),
    namespaces: error('names of all namespaces are answered'),
    namespace_labels: error('names of all namespaces are answered'),
    labels: error('names of all Services are answered'),
    endpoint_pod_names: error('endpoints have their hostname or address as a name, never that of the pod'),
    noendpoints: error('endpoints have names'),
    ignore: error('Services without endpoints have names'),
    transfer: error('zones are not transferred'),
    multicluster: error('names of other clusters are not known here'),
    zonal: error('endpoints have no names by zone'),
  });
  draft.words.push(
    `names of ${draft.clusterDomain} are answered from the cluster, kept for ${draft.ttlS ?? 5} s`,
  );
}

function readTtl(text: string): number | undefined {
  const seconds = readCount(text);
  return seconds !== undefined && seconds <= 3600 ? seconds : undefined;
}

function readPods(option: Directive, draft: BlockDraft): void {
  const mode = draft.argument(option, 'disabled, insecure or verified', (text) =>
    (['disabled', 'insecure', 'verified'] as const).find((it) => it === text),
  );
  // A node's DNS would have to be told of every pod of the cluster.
  if (mode === 'verified')
    draft.warning(option.name, 'any address has a name, whether a pod has it or not', 'write pods insecure');
  draft.pods = mode === 'verified' ? 'insecure' : mode;
}

/** Addresses that the cluster does not have are asked for elsewhere in any case; names of its own never. */
function readFallthrough(option: Directive, draft: BlockDraft): void {
  const zones = draft.zoneNames(option.args);
  if (zones.length > 0 && zones.every(isReverse)) return;
  const fix = 'write fallthrough in-addr.arpa ip6.arpa';
  draft.error(option.name, `names that ${draft.clusterDomain} lacks are not asked for elsewhere`, fix);
}

function isReverse(zone: string): boolean {
  return zone === 'in-addr.arpa' || zone === 'ip6.arpa' || /\.(in-addr|ip6)\.arpa$/.test(zone);
}

export function readHosts(directive: Directive, draft: BlockDraft): void {
  const [path, ...zoneWords] = directive.args;
  if (draft.hosts !== undefined) {
    return draft.error(directive.name, 'hosts is there twice in its block', 'put the lines together');
  }
  const isInline = (it: Directive): boolean => tryParseIp(it.name.text) !== undefined;
  const lines = directive.options.filter(isInline);
  const hosts: { -readonly [K in keyof HostsFile]: HostsFile[K] } = {
    zones: zoneWords.length > 0 ? draft.zoneNames(zoneWords) : draft.zones,
    lines: lines.map(({ name, args }) => [name, ...args].map((it) => it.text).join(' ')),
  };
  if (path !== undefined && path.text.startsWith('/')) {
    hosts.file = path.text;
    draft.note(path, `${path.text} is read on each node`);
  } else if (path !== undefined) {
    draft.error(path, 'a path without a start', 'write it from the root, or write the lines here');
  } else draft.note(directive.name, "/etc/hosts is not read: the one of CoreDNS' pod is not here");
  const others = { ...directive, options: directive.options.filter((it) => !isInline(it)) };
  draft.readOptions(others, {
    ttl: (option) => {
      const seconds = draft.argument(option, 'a number of seconds', readCount);
      if (seconds !== undefined) hosts.ttlS = seconds;
    },
    no_reverse: () => (hosts.noReverse = true),
    reload: (option) => draft.note(option.name, 'a file is looked at every 5 seconds'),
    fallthrough: (option) =>
      (hosts.fallthrough = option.args.length > 0 ? draft.zoneNames(option.args) : ['.']),
    fallthrough_unsupported: (option) =>
      draft.error(option.name, 'names with lines have no records of other types', 'take it away'),
  });
  draft.hosts = hosts;
  draft.words.push(`${lines.length} lines of hosts are answered first`);
}

/** [continue|stop] FIELD ..., on one line or, of a name and its answer, in braces. */
export function readRewrite(directive: Directive, draft: BlockDraft): void {
  const [mode] = directive.args;
  const hasMode = mode?.text === 'continue' || mode?.text === 'stop';
  const words = hasMode ? directive.args.slice(1) : directive.args;
  const all = [...words, ...directive.options.flatMap(({ name, args }) => [name, ...args])];
  const [field, ...rest] = all;
  const continues = mode?.text === 'continue';
  if (field?.text === 'name') return readNameRule(field, rest, draft, continues);
  if (field?.text === 'ttl') return readTtlRule(field, rest, draft, continues);
  const what = field === undefined ? 'nothing is rewritten' : `"${field.text}" is not rewritten`;
  draft.error(field ?? directive.name, what, 'take it away: name and ttl are');
}

function readNameRule(field: Word, words: readonly Word[], draft: BlockDraft, continues: boolean): void {
  const { match, rest } = matchOf(words);
  const [from, to, ...answerWords] = rest;
  if (from === undefined || to === undefined) {
    return draft.error(field, 'a name rule without its two names', 'write name [MATCH] FROM TO');
  }
  const answers = readAnswers(answerWords, draft);
  push(draft, field, { match, from: from.text, to: to.text, answers, continues });
}

function readAnswers(words: readonly Word[], draft: BlockDraft): { from: string; to: string }[] {
  const answers: { from: string; to: string }[] = [];
  for (let at = 0; at < words.length;) {
    const [answer, what, from, to] = words.slice(at, at + 4);
    const isOf = answer?.text === 'answer';
    if (isOf && (what?.text === 'auto' || what?.text === 'question')) at += 2;
    else if (isOf && what?.text === 'name' && from !== undefined && to !== undefined) {
      answers.push({ from: from.text, to: to.text });
      at += 4;
    } else {
      if (answer !== undefined)
        draft.error(answer, 'no rule for answers', 'write answer name FROM TO, or answer auto');
      return answers;
    }
  }
  return answers;
}

function readTtlRule(field: Word, words: readonly Word[], draft: BlockDraft, continues: boolean): void {
  const { match, rest } = matchOf(words);
  const [from, seconds] = rest;
  const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(seconds?.text ?? '');
  if (from === undefined || range === null) {
    return draft.error(field, 'a ttl rule without its seconds', 'write ttl [MATCH] NAME SECONDS[-SECONDS]');
  }
  const minS = Number(range[1]);
  push(draft, field, { match, from: from.text, ttlS: [minS, Number(range[2] ?? minS)], continues });
}

function matchOf(words: readonly Word[]): { match: RewriteFile['match']; rest: readonly Word[] } {
  const match = REWRITE_MATCHES.find((it) => it === words[0]?.text.toLowerCase());
  return match === undefined ? { match: 'exact', rest: words } : { match, rest: words.slice(1) };
}

/** Where the rule cannot be used, its own reader says why. */
function push(draft: BlockDraft, at: Word, rule: RewriteFile): void {
  try {
    parseRewrite(new ConfigFields(rule));
    draft.rewrite.push(rule);
  } catch (error) {
    draft.error(at, messageOf(error), 'write it in another way');
  }
}
