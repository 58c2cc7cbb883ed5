// All rows of the Service contract, feature by feature.

import { AFFINITY_ROWS } from './affinity.ts';
import { BALANCING_ROWS } from './balancing.ts';
import { CHANGE_ROWS } from './changes.ts';
import { NODE_PORT_ROWS } from './node-ports.ts';
import { OBJECT_CHOICE_ROWS } from './object-choices.ts';
import { OBJECT_ROWS } from './objects.ts';
import { PACKET_ROWS } from './packets.ts';
import type { ServiceRow } from './row.ts';
import { SCTP_ROWS } from './sctp.ts';
import { SOURCE_RANGE_ROWS } from './source-ranges.ts';

export const SERVICE_ROWS: readonly ServiceRow[] = [
  ...BALANCING_ROWS,
  ...NODE_PORT_ROWS,
  ...SOURCE_RANGE_ROWS,
  ...AFFINITY_ROWS,
  ...CHANGE_ROWS,
  ...PACKET_ROWS,
  ...SCTP_ROWS,
  ...OBJECT_ROWS,
  ...OBJECT_CHOICE_ROWS,
];
