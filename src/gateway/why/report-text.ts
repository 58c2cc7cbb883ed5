// A report for people: the verdict, what has the request, what came near, the nearest first.

import { endpointText } from './backend-report.ts';
import type { BackendReport, EndpointReport, NearReport, Placed, RouteReport } from './report.ts';
import { percentText } from './words.ts';

/** A Gateway may have thousands of rules: JSON has them all. */
const MAX_NEAR = 10;
const MAX_ENDPOINTS = 4;

export function reportText(report: RouteReport): string {
  const { request, verdict, rule } = report;
  // What is for other names is worth a line where nothing is for this one.
  const near = report.near.filter((it) => rule === undefined || it.kind !== 'hostnames');
  const rest = report.near.length - Math.min(near.length, MAX_NEAR);
  return [
    `${request}: ${verdict}`,
    ...partsOf(report).map(([label, text]) => `  ${label.padEnd(9)} ${text}`),
    ...(near.length === 0 ? [] : ['  others, the nearest first', ...nearLines(near.slice(0, MAX_NEAR))]),
    ...(near.length > 0 && rest > 0 ? [`    and ${rest} more, which -o json has`] : []),
    ...report.notes.map((it) => `  note: ${it}`),
    '',
  ].join('\n');
}

/** A label stands at the first line of its own alone. */
function partsOf(report: RouteReport): readonly (readonly [label: string, text: string])[] {
  const { subject, listener, tls, rule, treatment, backends, listeners } = report;
  const labelled = (label: string, texts: readonly string[]): readonly (readonly [string, string])[] =>
    texts.map((text, at) => [at === 0 ? label : '', text]);
  return [
    ...labelled('at', [subject]),
    ...labelled('listener', listener === undefined ? [] : [placedText(listener)]),
    ...labelled('TLS', tls === undefined ? [] : [tls]),
    ...labelled(
      'rule',
      rule === undefined
        ? []
        : [
            placedText({
              ...rule,
              text: [rule.text, rule.match].filter((it) => it !== undefined).join(': '),
            }),
          ],
    ),
    ...labelled('filters', treatment),
    ...labelled('to', backendLines(backends)),
    ...labelled(listener === undefined ? 'listeners' : 'beside it', listeners.map(placedText)),
  ];
}

function placedText({ text, at }: Placed): string {
  return at === undefined ? text : `${text}  (${at})`;
}

function backendLines(backends: readonly BackendReport[]): readonly string[] {
  const shares = backends.map(({ share }) => (share === 1 ? '' : `${percentText(share)} `));
  const [shareWidth, nameWidth] = [shares, backends.map((it) => it.backend)].map((texts) =>
    Math.max(0, ...texts.map((it) => it.length)),
  );
  return backends.map(({ backend, result }, at) => {
    const head = `${(shares[at] ?? '').padStart(shareWidth ?? 0)}${backend.padEnd(nameWidth ?? 0)}`;
    if (result.kind === 'answer') return `${head}  ${result.answer}: ${result.because}`;
    const { protocol, host, target, endpoints } = result;
    const changed = target === undefined ? '' : `, as ${host ?? ''}${target}`;
    return `${head}  ${protocol}${changed}, ${endpointsText(endpoints)}`;
  });
}

/** "3 ready: 10.0.0.1:80 10.0.0.2:80 10.0.0.3:80, 1 not ready: 10.0.0.4:80" */
function endpointsText(endpoints: readonly EndpointReport[] | undefined): string {
  if (endpoints === undefined) return 'endpoints unknown (no manifest has them)';
  return (['ready', 'ending', 'not ready'] as const)
    .map((state) => ({ state, own: endpoints.filter((it) => it.state === state) }))
    .filter(({ own }) => own.length > 0)
    .map(({ state, own }) => `${own.length} ${state}: ${addressesText(own)}`)
    .join(', ');
}

function addressesText(endpoints: readonly EndpointReport[]): string {
  const rest = endpoints.length - MAX_ENDPOINTS;
  return `${endpoints
    .slice(0, MAX_ENDPOINTS)
    .map((it) => endpointText(it.at))
    .join(' ')}${rest > 0 ? ' ...' : ''}`;
}

function nearLines(near: readonly NearReport[]): readonly string[] {
  const width = Math.max(...near.map((it) => it.text.length));
  return near.map(
    ({ text, because, at }) => `    ${text.padEnd(width)}  ${placedText({ text: because, at })}`,
  );
}
