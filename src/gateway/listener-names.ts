// Which listener of a port has a request, by the name that it is for. Pure.

import type { NamedListener, ProxyModel } from '../model/gateway.ts';
import { mostSpecific, patternOf } from './host-patterns.ts';

export class ListenerNames {
  readonly #ports: ReadonlyMap<number, ReadonlyMap<string, string>>;

  constructor({ ports }: Pick<ProxyModel, 'ports'>) {
    this.#ports = new Map(
      ports.map((port) => {
        const listeners: readonly NamedListener[] = port.kind === 'tcp' ? [port] : port.listeners;
        const named = listeners.map(({ id, hostname }) => [patternOf(hostname) ?? '', id] as const);
        return [port.port, new Map(named)];
      }),
    );
  }

  /** Its id; `host` in lower case. */
  of(port: number, host: string): string | undefined {
    const listeners = this.#ports.get(port);
    return listeners && mostSpecific(listeners, host);
  }
}
