// The directive `forward`: upstreams of a zone and how they are asked.

import type { ForwardZoneFile } from '../forward-config.ts';
import { parseUpstream } from '../upstream.ts';
import { listText, readCount, readDurationMs, readZone, within, type BlockDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Directive } from './parser.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Replies after which another upstream is asked in any case. */
const FAILED_OVER = new Set(['SERVFAIL', 'REFUSED', 'NOTIMP', 'NOTIMPL']);
const POLICIES = ['random', 'round_robin', 'sequential'] as const;

export function readForward(directive: Directive, draft: BlockDraft): void {
  const [from, ...targets] = directive.args;
  if (from === undefined || targets.length === 0) {
    draft.error(directive.name, 'forward names no upstream', 'write forward ZONE ADDRESS...');
    return;
  }
  const zone = draft.value(from, 'a zone', readZone);
  const names = new Set<string>();
  const upstreams = readTargets(targets, draft, names);
  if (zone === undefined || upstreams === undefined) return;
  const file: Mutable<ForwardZoneFile> = { zone, upstreams };
  readOptions(directive, draft, file, names);
  const [serverName, ...others] = names;
  if (others.length > 0) {
    const fix = 'forward to one of them here, and to the others for zones of their own';
    draft.error(directive.name, `certificates of several names: ${listText([...names])}`, fix);
  }
  if (serverName !== undefined) file.tlsServerName = serverName;
  draft.forwards.push({ at: directive.name, file });
}

/** Undefined where one of them is none. */
function readTargets(
  words: readonly Word[],
  draft: BlockDraft,
  names: Set<string>,
): 'host' | readonly string[] | undefined {
  const isHost = words.some(({ text }) => text === '/etc/resolv.conf');
  if (isHost && words.length === 1) return 'host';
  const targets = words.map((word) => readTarget(word, draft, names));
  const known = targets.filter((it) => it !== undefined);
  return known.length === targets.length ? known : undefined;
}

function readTarget(word: Word, draft: BlockDraft, names: Set<string>): string | undefined {
  const plain = word.text.replace(/^dns:\/\//, '');
  // "tls://9.9.9.9%dns.quad9.net:853": the certificate's name behind the address.
  const [, address = '', name, port = ''] = /^(tls:\/\/[^%]+)%([A-Za-z0-9.-]+)(:\d+)?$/.exec(plain) ?? [
    '',
    plain,
  ];
  try {
    parseUpstream(`${address}${port}`);
    if (name !== undefined) names.add(name);
    return `${address}${port}`;
  } catch {
    draft.error(word, `"${word.text}" cannot be asked`, fixOfTarget(plain));
    return undefined;
  }
}

function fixOfTarget(text: string): string {
  if (/^(https|quic|grpc|h3):/.test(text)) return 'ask it by tls:// or plainly';
  if (text === '/etc/resolv.conf') return "leave it alone, or write the host's nameservers beside the others";
  if (text.startsWith('/')) return 'write the addresses that the file holds: only /etc/resolv.conf is read';
  return 'write its address: names are not looked up for this';
}

function readOptions(
  directive: Directive,
  draft: BlockDraft,
  file: Mutable<ForwardZoneFile>,
  names: Set<string>,
): void {
  const nothing = (): void => undefined;
  const otherwise = (why: string) => (option: Directive) => draft.note(option.name, why);
  draft.readOptions(directive, {
    except: (option) => (file.except = [...(file.except ?? []), ...draft.zoneNames(option.args)]),
    force_tcp: () => (file.forceTcp = true),
    // Upstreams are asked by UDP first, whoever asks us.
    prefer_udp: nothing,
    // So it is: a zone whose upstreams are all silent fails at once.
    failfast_all_unhealthy_upstreams: nothing,
    expire: otherwise('connections are kept for 10 seconds'),
    max_idle_conns: otherwise('one connection is kept for each upstream by TLS'),
    max_age: otherwise('connections are kept for 10 seconds without a question'),
    max_connect_attempts: otherwise('tries are bounded by time: 5 seconds for all of them'),
    max_fails: (option) => {
      const fails = draft.argument(option, 'a number', readCount);
      setDefined(file, 'maxFails', fails === undefined ? undefined : within(fails, [0, 100]));
    },
    max_concurrent: (option) => (draft.maxInFlight = draft.argument(option, 'a number', readCount)),
    policy: (option) => setDefined(file, 'policy', draft.argument(option, 'a policy', readPolicy)),
    tls_servername: (option) =>
      addDefined(
        names,
        draft.argument(option, 'a name', (text) => text),
      ),
    tls: (option) => readTls(option, draft, file),
    health_check: (option) => readHealthCheck(option, draft, file),
    failover: (option) => {
      for (const code of option.args.filter(({ text }) => !FAILED_OVER.has(text.toUpperCase()))) {
        const fix = 'take it away: SERVFAIL, REFUSED and NOTIMP are failed over in any case';
        draft.error(code, `no other upstream is asked after ${code.text}`, fix);
      }
    },
    next: (option) => draft.error(option.name, 'an answer is not tried elsewhere', 'take it away'),
    next_on_nodata: (option) => draft.error(option.name, 'an answer is not tried elsewhere', 'take it away'),
  });
}

function readPolicy(text: string): (typeof POLICIES)[number] | undefined {
  return POLICIES.find((it) => it === text);
}

function readTls({ name, args }: Directive, draft: BlockDraft, file: Mutable<ForwardZoneFile>): void {
  const [ca, ...more] = args;
  if (more.length > 0)
    draft.error(name, 'certificates of clients are not shown to upstreams', 'write tls [CA]');
  else if (ca !== undefined) {
    file.tlsCa = ca.text;
    draft.note(ca, `${ca.text} is read on each node`);
  }
}

function readHealthCheck(option: Directive, draft: BlockDraft, file: Mutable<ForwardZoneFile>): void {
  const [duration, ...more] = option.args;
  if (duration === undefined) return draft.error(option.name, 'no duration', 'write one, as 5s');
  const ms = draft.value(duration, 'a duration', readDurationMs);
  setDefined(file, 'healthCheckMs', ms === undefined ? undefined : within(ms, [50, 60_000]));
  if (more[0] !== undefined) draft.note(more[0], 'the name servers of the root are asked for, recursively');
}

function setDefined<T, K extends keyof T>(target: T, field: K, value: T[K] | undefined): void {
  if (value !== undefined) target[field] = value;
}

function addDefined<T>(set: Set<T>, value: T | undefined): void {
  if (value !== undefined) set.add(value);
}
