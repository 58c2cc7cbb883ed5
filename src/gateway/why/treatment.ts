// What a rule does to a request beside choosing a backend, a line for each.

import type { GrpcRule } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpRule } from '../../objects/gateway-api/http-route.ts';
import { backendText, filterText } from './words.ts';

export function treatmentOf(rule: HttpRule | GrpcRule): readonly string[] {
  const ofBackends = rule.backends.flatMap((it) =>
    it.filters.map((filter) => `of ${backendText(it)} alone: ${filterText(filter)}`),
  );
  const { persistence } = rule;
  return [
    ...rule.filters.map(filterText),
    ...ofBackends,
    ...('timeouts' in rule ? limitsOf(rule) : []),
    ...(persistence === undefined ? [] : [`sessions by a ${persistence.type}`]),
  ];
}

function limitsOf({ timeouts: { requestMs, backendRequestMs }, retry }: HttpRule): readonly string[] {
  return [
    ...(requestMs === undefined || requestMs === 0 ? [] : [`timeout: ${requestMs} ms for the whole`]),
    ...(backendRequestMs === undefined || backendRequestMs === 0
      ? []
      : [`timeout: ${backendRequestMs} ms for each try`]),
    ...(retry === undefined
      ? []
      : [`retries: ${retry.attempts ?? 1}, after ${retry.codes.join(', ')} or no connection`]),
  ];
}
