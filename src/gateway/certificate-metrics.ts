// When the certificates of a proxy end, for Prometheus.

import { Gauge, type Registry } from 'prom-client';
import type { ProxyCertificate } from '../model/gateway.ts';

export class CertificateMetrics {
  readonly #untilS: Gauge<'certificate'>;

  constructor(registry: Registry) {
    this.#untilS = new Gauge({
      name: 'fairlead_gateway_certificate_expiry_timestamp_seconds',
      help: 'When a certificate ends, in seconds since 1970.',
      labelNames: ['certificate'],
      registers: [registry],
    });
  }

  /** Those of the proxy now, and no others. */
  follow(certificates: Iterable<ProxyCertificate>): void {
    this.#untilS.reset();
    for (const { id, validity } of certificates)
      if (validity !== undefined) this.#untilS.set({ certificate: id }, validity.untilMs / 1000);
  }
}
