// An answer before it is written for one client.

import type { OutsideAnswer } from './outside.ts';

export interface FinishedAnswer extends OutsideAnswer {
  readonly isFromZone: boolean;
}
