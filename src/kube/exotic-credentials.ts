// Credentials by exec plugins and cloud providers, through @kubernetes/client-node. Loaded only where a kubeconfig asks for them.

import { FairleadError, messageOf } from '../base/errors.ts';
import type { Credentials } from './cluster-access.ts';

/** Runs the plugin when its last answer has expired (the library caches). Throws `forbidden` where the plugin fails. */
export async function exoticCredentials(origin: {
  readonly file: string;
  readonly context: string;
}): Promise<() => Promise<Credentials>> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(origin.file);
  config.setCurrentContext(origin.context);
  return async () => {
    const options: ExoticOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new FairleadError(
        'forbidden',
        `Cannot get credentials by kubeconfig ${origin.file}: ${messageOf(error)}`,
        { cause: error },
      );
    }
    return {
      authorization: options.headers?.['Authorization'],
      certificate: options.cert?.toString(),
      key: options.key?.toString(),
    };
  };
}

interface ExoticOptions {
  headers?: Record<string, string>;
  cert?: string | Buffer;
  key?: string | Buffer;
}
