// Whether a port can be opened: asked before HAProxy is told to, which opens all of its ports or does not start.

import { closeSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Port } from '../base/port.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { listenTcp } from '../sys/socket.ts';

/** Why it cannot; undefined where it can. */
export function whyNotFree(port: Port, { addresses }: ProxyPlace): string | undefined {
  for (const ip of addresses)
    try {
      closeSync(listenTcp(undefined, { ip, port }));
    } catch (error) {
      return messageOf(error);
    }
  return undefined;
}
