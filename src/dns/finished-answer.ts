// An answer before it is written for one client.

import type { DnsName } from '../wire/dns/name.ts';
import type { OutsideAnswer } from './outside.ts';

export interface FinishedAnswer extends OutsideAnswer {
  readonly isFromZone: boolean;
  /** The name that the search list led to. */
  readonly completed?: DnsName;
}
