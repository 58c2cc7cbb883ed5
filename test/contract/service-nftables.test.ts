// The Service contract of the nftables backend.

import { nftablesBackend } from './service-backends.ts';
import { runServiceContract } from './service-contract.ts';

runServiceContract({ name: 'service-nftables', makeBackend: nftablesBackend });
