// Accepts the GatewayClasses that name us, and says in them what we can do (gateway-api pkg/features).

import { isDeepStrictEqual } from 'node:util';
import { timeText } from '../../base/clock.ts';
import { GATEWAY_CLASSES } from '../../kube/resource.ts';
import { GATEWAY_CONTROLLER } from '../../objects/gateway-api/common.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { statusAction, type Action } from '../action.ts';
import { ownKey, type Controller, type ReconcileContext } from '../controller.ts';
import { SUPPORTED_FEATURES } from './supported-features.ts';

export const gatewayClassController: Controller = {
  name: 'gateway-class-controller',
  sources: [ownKey(GATEWAY_CLASSES)],
  reconcile: reconcileGatewayClass,
};

export function isOwnClass(object: KubeObject | undefined): boolean {
  const spec = object?.['spec'] as { readonly controllerName?: string } | undefined;
  return spec?.controllerName === GATEWAY_CONTROLLER;
}

export function reconcileGatewayClass(
  key: string,
  { cluster, nowMs }: Pick<ReconcileContext, 'cluster' | 'nowMs'>,
): readonly Action[] {
  const object = cluster.of(GATEWAY_CLASSES).get(key);
  if (object === undefined || !isOwnClass(object)) return [];
  const before = (object['status'] ?? {}) as ClassStatus;
  const status = { conditions: [accepted(object, before, nowMs)], supportedFeatures: SUPPORTED_FEATURES };
  return isDeepStrictEqual({ ...before, ...status }, before)
    ? []
    : [statusAction(GATEWAY_CLASSES, object, status)];
}

interface ClassStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly lastTransitionTime: string;
  }[];
}

function accepted(object: KubeObject, { conditions = [] }: ClassStatus, nowMs: number): object {
  const { parametersRef } = object['spec'] as { readonly parametersRef?: unknown };
  const status = parametersRef === undefined ? 'True' : 'False';
  const known = conditions.find(({ type }) => type === 'Accepted');
  return {
    type: 'Accepted',
    status,
    observedGeneration: object.metadata.generation ?? 0,
    lastTransitionTime: known?.status === status ? known.lastTransitionTime : timeText(nowMs),
    reason: status === 'True' ? 'Accepted' : 'InvalidParameters',
    message: status === 'True' ? '' : 'spec.parametersRef: there are no parameters for this controller',
  };
}
