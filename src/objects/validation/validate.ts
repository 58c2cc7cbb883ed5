// Which checks belong to which kind: the one list. An object that passes may be stored.

import { validateAdmissionBinding } from '../admission/validate-binding.ts';
import { validateAdmissionPolicy } from '../admission/validate-policy.ts';
import type { CustomVersion } from '../custom/custom-version.ts';
import { validateDefinition } from '../custom/validate-definition.ts';
import { objectOf, type Draft } from '../json.ts';
import {
  validateClusterRole,
  validateClusterRoleBinding,
  validateRole,
  validateRoleBinding,
} from './access.ts';
import { validateClusterNetworkPolicy } from './cluster-network-policy.ts';
import { validateConfigMap, validateSecret } from './config.ts';
import type { FieldError } from './field-error.ts';
import { isGatewayKind, validateGatewayKind } from './gateway-api/validate.ts';
import { validateIdentity } from './identity.ts';
import { validateMetadata } from './metadata.ts';
import { validateIngress, validateIngressClass } from './ingress.ts';
import { validateNetworkPolicy } from './network.ts';
import { validatePod } from './pod.ts';
import { validateLoadBalancerPool } from './load-balancer-pool.ts';
import { validatePriorityClass } from './priority-class.ts';
import type { SchemaChecks } from './schema.ts';
import { validateEndpoints, validateEndpointSlice, validateService } from './service.ts';
import {
  validateCronJob,
  validateDaemonSet,
  validateDeployment,
  validateDisruptionBudget,
  validateJob,
  validateReplicaSet,
  validateRevision,
  validateStatefulSet,
} from './workloads.ts';

/** Checks one object; the second argument is the object as stored, undefined at creation. */
type Validator = (object: Readonly<Draft>, before: Readonly<Draft> | undefined) => readonly FieldError[];

const VALIDATORS: Readonly<Record<string, Validator>> = {
  'core.Pod': validatePod,
  'core.Service': validateService,
  'core.Endpoints': validateEndpoints,
  'core.ConfigMap': validateConfigMap,
  'core.Secret': validateSecret,
  'discovery.EndpointSlice': validateEndpointSlice,
  'apps.Deployment': validateDeployment,
  'apps.ReplicaSet': validateReplicaSet,
  'apps.StatefulSet': validateStatefulSet,
  'apps.DaemonSet': validateDaemonSet,
  'apps.ControllerRevision': validateRevision,
  'batch.Job': validateJob,
  'batch.CronJob': validateCronJob,
  'policy.PodDisruptionBudget': validateDisruptionBudget,
  'policy.ClusterNetworkPolicy': validateClusterNetworkPolicy,
  'networking.NetworkPolicy': validateNetworkPolicy,
  'networking.Ingress': validateIngress,
  'networking.IngressClass': validateIngressClass,
  'apiextensions.CustomResourceDefinition': validateDefinition,
  'scheduling.PriorityClass': validatePriorityClass,
  'admissionregistration.ValidatingAdmissionPolicy': validateAdmissionPolicy,
  'admissionregistration.ValidatingAdmissionPolicyBinding': validateAdmissionBinding,
  'rbac.Role': validateRole,
  'rbac.ClusterRole': validateClusterRole,
  'rbac.RoleBinding': validateRoleBinding,
  'rbac.ClusterRoleBinding': validateClusterRoleBinding,
  'fairlead.Identity': validateIdentity,
  'fairlead.LoadBalancerPool': validateLoadBalancerPool,
};

export interface ValidateOptions {
  /** The version of a custom kind, which knows its own rules. */
  readonly custom?: CustomVersion | undefined;
  readonly schemas: SchemaChecks;
  /** The object as stored; undefined at creation. */
  readonly before?: Readonly<Draft> | undefined;
}

/** Everything wrong with an object of `message` whose fields have their types and defaults. */
export function validateObject(
  message: string,
  object: Readonly<Draft>,
  { schemas, before, custom }: ValidateOptions,
): readonly FieldError[] {
  const metadata = validateMetadata(message, objectOf(object['metadata']));
  if (custom !== undefined) return [...metadata, ...custom.validate(object, before)];
  const schema = (): readonly FieldError[] => schemas.check(message, object);
  if (isGatewayKind(message))
    return [...metadata, ...validateGatewayKind(message, object, { schema, before })];
  const errors = [...metadata, ...(VALIDATORS[message]?.(object, before) ?? []), ...schema()];
  // Rules and schemas overlap: what is said of a field once is said.
  const seen = new Set<string>();
  return errors.filter(({ field, reason }) => {
    const key = `${field} ${reason}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
