// A report for people: the verdict, what has the request, what came near, the nearest first.

import type { BackendReport, EndpointReport, NearReport, Placed, RouteReport } from './report.ts';
import { percentText } from './words.ts';

/** A Gateway may have thousands of rules: JSON has them all. */
const MAX_NEAR = 10;
const MAX_ENDPOINTS = 4;

export function reportText(report: RouteReport): string {
  const { request, verdict, near } = report;
  const rest = near.length - MAX_NEAR;
  return [
    `${request}: ${verdict}`,
    ...partsOf(report).map(([label, text]) => `  ${label.padEnd(9)} ${text}`),
    ...(near.length === 0 ? [] : ['  others, the nearest first', ...nearLines(near.slice(0, MAX_NEAR))]),
    ...(rest > 0 ? [`    and ${rest} more, which -o json has`] : []),
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

function endpointsText(endpoints: readonly EndpointReport[] | undefined): string {
  if (endpoints === undefined) return 'endpoints unknown (no manifest has them)';
  const shown = endpoints.slice(0, MAX_ENDPOINTS).map(({ at, state }) => {
    const [ip = '', port = ''] = at.split(' ');
    const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
    return state === 'ready' ? address : `${address} (${state})`;
  });
  const rest = endpoints.length - shown.length;
  return `${shown.join(' ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function nearLines(near: readonly NearReport[]): readonly string[] {
  const width = Math.max(...near.map((it) => it.text.length));
  return near.map(
    ({ text, because, at }) => `    ${text.padEnd(width)}  ${placedText({ text: because, at })}`,
  );
}
