// A Gateway as the one whom a proxy is for.

import { timeText, type Clock } from '../base/clock.ts';
import { GatewayCompiler } from '../compile/gateway/gateway-compiler.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import type { ProxySubject } from './control.ts';
import { DueRoutes } from './due-routes.ts';
import { statusWrites } from './gateway-status.ts';
import { expiryProblems } from './certificate-expiry.ts';
import type { ProblemEvents } from './problem-events.ts';
import { gatewayObjectsOf } from './gateway-watch.ts';
import { serviceAddresses, zoneOfNode } from './shared-kinds.ts';
import type { StatusWriter } from './status-writer.ts';

export interface SubjectOptions {
  /** Key of the Service by which the proxy is reached. */
  readonly service: string;
  /** The node that the proxy runs on. */
  readonly node: string;
  readonly watch: ClusterWatch;
  readonly writer: StatusWriter;
  readonly events: ProblemEvents;
  readonly clock: Clock;
}

/** `gateway` is "namespace/name". */
export function gatewaySubject(gateway: string, options: SubjectOptions): ProxySubject {
  const { service, node, watch, writer, events, clock } = options;
  const compiler = new GatewayCompiler(gateway);
  const routes = new DueRoutes();
  return {
    compile(snapshot) {
      const objects = gatewayObjectsOf(snapshot);
      const place = { node: { name: node, zone: zoneOfNode(snapshot, node) } };
      const compiled = objects && compiler.compile(objects, place);
      if (compiled === undefined) return undefined;
      const { model, verdict } = compiled;
      return {
        model,
        say: async (findings) => {
          const parts = statusWrites({
            verdict,
            findings,
            certificates: model.certificates,
            addresses: serviceAddresses(watch.store.live(), service),
            seen: watch.seen,
            now: timeText(clock.nowMs()),
            routes,
          });
          let isWritten = true;
          for (const writes of parts) {
            isWritten = (await writer.write(writes)) && isWritten;
            // A change that came meanwhile goes first.
            await new Promise((resolve) => setImmediate(resolve));
          }
          return (await events.tell(expiryProblems(model.certificates.values(), clock.nowMs()))) && isWritten;
        },
      };
    },
  };
}
