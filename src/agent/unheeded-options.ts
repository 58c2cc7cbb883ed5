// What a Service asks for and the backend that carries it does not have. Pure.

import { SERVICE_BACKENDS } from '../backends/registry.ts';
import type { ServiceBackend } from '../backends/shared-node/service-backend.ts';
import type { Frontend, FrontendOptions } from '../model/network.ts';

/** A sentence for each option of these frontends that goes unheeded, for the frontends that a heeded one does not apply to, and for whoever does not reach one. */
export function unheededOptions(
  backend: string | undefined,
  frontends: readonly Frontend[],
): readonly string[] {
  const carrier = SERVICE_BACKENDS.find(({ name }) => name === backend);
  if (carrier === undefined) return [];
  const notes = frontends.flatMap((frontend) => [
    ...[carrier.limitOf?.(frontend)].filter((it) => it !== undefined),
    ...optionNotes(carrier, frontend),
  ]);
  return [...new Set(notes)];
}

function optionNotes(carrier: ServiceBackend, { options, scope, ip, direct }: Frontend): readonly string[] {
  return [
    ...askedOptions(options)
      .filter(([option]) => !carrier.heeds.includes(option))
      .map(([, words]) => `${words} is asked for: ${carrier.name} has none and carries as usual`),
    ...(options.isDirectReturn && carrier.heeds.includes('isDirectReturn') && direct === undefined
      ? [`direct server return does not apply to ${scope} ${ip}: carried as usual`]
      : []),
  ];
}

type AskedOption = readonly [option: keyof FrontendOptions, words: string];

function askedOptions(asked: FrontendOptions): readonly AskedOption[] {
  return [
    ...optionIf(asked.ipvsScheduler !== undefined, 'ipvsScheduler', `scheduler ${asked.ipvsScheduler}`),
    ...optionIf(asked.isMaglev, 'isMaglev', 'Maglev'),
    ...optionIf(asked.isDirectReturn, 'isDirectReturn', 'direct server return'),
  ];
}

function optionIf(isAsked: boolean, ...option: AskedOption): readonly AskedOption[] {
  return isAsked ? [option] : [];
}
