// What this node's kernel holds for one Service, since when and for which state of the API: the answer behind `fairlead service show`.

import { frontendKey, type Frontend, type NodeView } from '../model/network.ts';
import type { Engine } from '../reconcile/engine.ts';
import type { KeyFailure, KeyView } from '../reconcile/status.ts';
import type { AgentView } from './agent-view.ts';
import type { ProgrammedVersions } from './receipt.ts';
import type { BackendChoice } from './backend-choice.ts';
import { unheededOptions } from './unheeded-options.ts';

export interface ServiceReceipt {
  readonly node: string;
  readonly backend: string | undefined;
  /** The API's resource versions up to which all of the node is programmed. */
  readonly programmed: ProgrammedVersions;
  readonly frontends: readonly FrontendReceipt[];
  /** What the Service asks for and does not get here. */
  readonly notes: readonly string[];
}

export interface FrontendReceipt extends Pick<Frontend, 'scope' | 'portName' | 'kind'> {
  readonly key: string;
  /** `left-alone`: the node itself serves it. */
  readonly state: KeyView['state'] | 'left-alone';
  readonly lines: readonly string[];
  readonly writtenAtMs: number | undefined;
  /** With state `error`: what the kernel said, since when, and when it is tried again. */
  readonly failure: Omit<KeyFailure, 'key'> | undefined;
  /** Endpoints for clients inside and outside. */
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}

export interface ReceiptParts {
  readonly engine: Engine<AgentView>;
  readonly choice: BackendChoice;
  readonly programmed: () => ProgrammedVersions;
  /** The newest view, undefined before the first one. */
  readonly view: () => NodeView | undefined;
  readonly node: string;
}

export async function serviceReceipt(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { engine, choice, programmed, view, node }: ReceiptParts,
  signal: AbortSignal,
): Promise<ServiceReceipt> {
  const { carrier, next } = choice.status();
  const backend = carrier ?? next;
  const all = [...(view()?.frontends.values() ?? [])];
  const frontends = all.filter(
    (it) => it.namespace === namespace && it.service === name && it.scope !== 'host-port',
  );
  const keys = frontends.map(frontendKey);
  const shown = await engine.show(`service-${backend}`, keys, signal);
  return {
    node,
    backend,
    programmed: programmed(),
    frontends: frontends.map((it, at) => receiptOf(it, shown[at])),
    notes: unheededOptions(backend, frontends),
  };
}

function receiptOf(frontend: Frontend, shown: KeyView | undefined): FrontendReceipt {
  const { kind, scope, portName, inside, outside } = frontend;
  return {
    key: frontendKey(frontend),
    kind,
    scope,
    portName,
    state: kind === 'node-local' ? 'left-alone' : (shown?.state ?? 'pending'),
    lines: shown?.lines ?? [],
    writtenAtMs: shown?.written?.atMs,
    failure: shown?.failure,
    inside: inside.endpoints.map((it) => `${it.ip} ${it.port}`),
    outside: outside.endpoints.map((it) => `${it.ip} ${it.port}`),
  };
}
