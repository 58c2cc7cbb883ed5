// How many requests each rule has had, how they ended and how long they took: for Prometheus. What clients say makes no label.

import { Registry, type MetricValue } from 'prom-client';
import { registerTally, TallyHistogram, type TallyMetric } from '../base/tally.ts';
import { unescaped, type RequestLine } from './request-line.ts';

/** Seconds. HAProxy counts whole milliseconds. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DURATION = 'fairlead_gateway_request_duration_seconds';

interface RuleTally {
  readonly labels: RuleLabels;
  /** By class: "2xx". */
  readonly requests: Map<string, number>;
  readonly durations: TallyHistogram;
  requestBytes: number;
  responseBytes: number;
}

export interface RuleLabels extends Readonly<Record<string, string>> {
  /** "HTTPRoute shop/web"; "none" for requests that no rule had. */
  readonly route: string;
  /** What is left of the rule's id: its number. */
  readonly rule: string;
}

export class RequestTallies {
  readonly registry = new Registry();
  readonly #rules = new Map<string, RuleTally>();
  #unread = 0;
  #lost = 0;

  constructor() {
    const perRule = (name: string, help: string, value: (it: RuleTally) => number): void =>
      this.#register({
        name: `fairlead_gateway_${name}_total`,
        help,
        type: 'counter',
        values: () => [...this.#rules.values()].map((it) => ({ labels: it.labels, value: value(it) })),
      });
    this.#register({
      name: 'fairlead_gateway_requests_total',
      help: 'Requests, by the class of their answer\'s status; "none" where there was no answer.',
      type: 'counter',
      values: () => [...this.#rules.values()].flatMap(requestsOf),
    });
    this.#register({
      name: DURATION,
      help: "From a request's first byte to its answer's last one, in whole milliseconds.",
      type: 'histogram',
      values: () => [...this.#rules.values()].flatMap((it) => it.durations.values(DURATION, it.labels)),
    });
    perRule('request_bytes', 'Bytes that clients sent, with headers.', (it) => it.requestBytes);
    perRule('response_bytes', 'Bytes that clients were sent, with headers.', (it) => it.responseBytes);
    const single = (name: string, help: string, value: () => number): void =>
      this.#register({ name, help, type: 'counter', values: () => [{ labels: {}, value: value() }] });
    single(
      'fairlead_gateway_unread_lines_total',
      'Lines of the proxy that could not be read. Those that it could not write: haproxy_process_dropped_logs_total.',
      () => this.#unread,
    );
    single(
      'fairlead_gateway_lost_log_lines_total',
      'Lines of the log of accesses that could not be written.',
      () => this.#lost,
    );
  }

  add({ rule, status, totalMs, requestBytes, responseBytes }: RequestLine): void {
    const tally = this.#tallyOf(rule);
    const code = /^[1-5]\d\d$/.test(status) ? `${status[0]}xx` : 'none';
    tally.requests.set(code, (tally.requests.get(code) ?? 0) + 1);
    tally.durations.add(count(totalMs) / 1000);
    tally.requestBytes += count(requestBytes);
    tally.responseBytes += count(responseBytes);
  }

  unread(): void {
    this.#unread++;
  }

  /** Of the log of accesses. */
  lost(lines: number): void {
    this.#lost += lines;
  }

  /** Drops the others: routes that are gone are not told of for ever. */
  keep(isKept: (rule: string) => boolean): void {
    for (const rule of this.#rules.keys()) if (rule !== NO_RULE && !isKept(rule)) this.#rules.delete(rule);
  }

  /** Who is counted is what the proxy says: its rules are ours, and there are no more of them than routes have. */
  #tallyOf(id: string): RuleTally {
    const rule = unescaped(id);
    let tally = this.#rules.get(rule);
    if (tally === undefined) {
      const durations = new TallyHistogram(DURATION_BOUNDS);
      tally = { labels: labelsOf(rule), requests: new Map(), durations, requestBytes: 0, responseBytes: 0 };
      this.#rules.set(rule, tally);
    }
    return tally;
  }

  #register(metric: TallyMetric): void {
    registerTally(this.registry, metric);
  }
}

const NO_RULE = '-';

/** `rule` is an id of the model, or "-". */
export function labelsOf(rule: string): RuleLabels {
  if (rule === NO_RULE) return { route: 'none', rule: '' };
  const [kind = '', namespace, name, ...rest] = rule.split('/');
  // What all Ingresses share has no namespace.
  if (name === undefined) return { route: [kind, namespace ?? ''].join(' '), rule: '' };
  return { route: `${kind} ${namespace}/${name}`, rule: rest.join('/') };
}

function requestsOf({ labels, requests }: RuleTally): readonly MetricValue<string>[] {
  return [...requests].map(([code, value]) => ({ labels: { ...labels, code }, value }));
}

function count(word: string): number {
  return Math.max(0, Number.parseInt(word, 10) || 0);
}
