// What a process of a cluster says on its unix socket, as text.

import http from 'node:http';

export function getText(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // A connection of its own: one that was kept may have been closed while the test waited for something else.
    http
      .get({ socketPath, path, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });
}
