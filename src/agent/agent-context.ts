// What every part of the agent is given: configuration, log, time, chance, metrics, and the lifetime that closes what it opened.

import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { AgentConfig } from './config.ts';

export interface AgentContext {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: Registry;
  readonly lifetime: Lifetime;
  /** Gives back what is in use no more; stops the process for a moment. */
  readonly collectGarbage: () => void;
  /** Told of what no part can go on after; the agent ends with it. */
  readonly fail: (error: unknown) => void;
}
