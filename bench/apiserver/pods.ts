// Pods as a Deployment makes them, and their status once they run.

export function podName(i: number): string {
  return `pod-${String(i).padStart(5, '0')}`;
}

export function aPod(i: number): object {
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 5 };
  const container = {
    name: 'main',
    image: 'agnhost:2.53',
    args: ['netexec'],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: probe,
  };
  const metadata = { name: podName(i), labels: { app: `app-${i % 20}` } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } };
}

export function runningStatus(i: number): object {
  const podIP = `10.244.${i >> 8}.${i & 255}`;
  const now = new Date().toISOString().slice(0, 19);
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: `${now}Z`,
  }));
  const container = {
    name: 'main',
    image: 'agnhost:2.53',
    imageID: 'x',
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: `${now}Z` } },
  };
  return {
    status: {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }, { ip: `fd00:10:244::${i.toString(16)}` }],
      conditions,
      containerStatuses: [container],
    },
  };
}
