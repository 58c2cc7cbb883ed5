// Pod sockets by the kernel door.

import { bindUdp, listenTcp, openTcp } from '../../sys/socket.ts';
import type { PodSockets } from './pod-sockets.ts';

export const kernelPodSockets: PodSockets = { bindUdp, listenTcp, openTcp };
