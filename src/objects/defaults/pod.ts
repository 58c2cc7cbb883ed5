// Defaults of pods and pod templates, as the API defines them (core/v1). Zero values count as absent where Go has no pointer.

import type {
  Container,
  EnvVar,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from 'kubernetes-types/core/v1.d.ts';

const NO_EXECUTE_SECONDS = 300;

/** Fills a pod in place, what admission adds included (service account, tolerations, priority). */
export function defaultPod(pod: Pod): void {
  if (pod.spec === undefined) return;
  defaultPodSpec(pod.spec);
  pod.spec.enableServiceLinks ??= true;
  pod.spec.serviceAccountName ||= 'default';
  pod.spec.serviceAccount = pod.spec.serviceAccountName;
  pod.spec.priority ??= 0;
  pod.spec.preemptionPolicy ||= 'PreemptLowerPriority';
  for (const container of allContainers(pod.spec)) defaultRequests(container);
  tolerate(pod.spec, 'node.kubernetes.io/not-ready');
  tolerate(pod.spec, 'node.kubernetes.io/unreachable');
}

/** Fills the template of a workload in place. */
export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template === undefined) return;
  template.metadata ??= {};
  if (template.spec !== undefined) defaultPodSpec(template.spec);
}

function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  for (const container of allContainers(spec)) defaultContainer(container, spec.hostNetwork === true);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

function allContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function defaultContainer(container: Container, isHostNetwork: boolean): void {
  container.resources ??= {};
  container.imagePullPolicy ||= isFloating(container.image ?? '') ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) {
    port.protocol ||= 'TCP';
    if (isHostNetwork) port.hostPort ||= port.containerPort;
  }
  for (const variable of container.env ?? []) defaultVariable(variable);
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    defaultProbe(probe);
  }
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

/** True for an image without a tag and digest, or with the tag "latest". */
function isFloating(image: string): boolean {
  if (image.includes('@')) return false;
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}

function defaultVariable(variable: EnvVar): void {
  const field = variable.valueFrom?.fieldRef;
  if (field !== undefined) field.apiVersion ||= 'v1';
}

function defaultProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHandler(probe);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function defaultHandler(handler: LifecycleHandler | Probe | undefined): void {
  if (handler?.httpGet === undefined) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
}

/** A resource that is limited and not requested is requested up to its limit. */
function defaultRequests(container: Container): void {
  const { limits } = container.resources ?? {};
  if (limits === undefined || container.resources === undefined) return;
  container.resources.requests = { ...limits, ...container.resources.requests };
}

const DEFAULT_MODE = 0o644;

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source !== undefined) source.defaultMode ??= DEFAULT_MODE;
  }
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= 3600;
  }
  const items = [
    ...(volume.downwardAPI?.items ?? []),
    ...(volume.projected?.sources ?? []).flatMap((it) => it.downwardAPI?.items ?? []),
  ];
  for (const item of items) if (item.fieldRef !== undefined) item.fieldRef.apiVersion ||= 'v1';
}

function tolerate(spec: PodSpec, key: string): void {
  const tolerations = (spec.tolerations ??= []);
  const isTolerated = tolerations.some(
    (it) =>
      (it.key === undefined || it.key === '' || it.key === key) &&
      (it.effect === undefined || it.effect === 'NoExecute'),
  );
  if (isTolerated) return;
  tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: NO_EXECUTE_SECONDS });
}
