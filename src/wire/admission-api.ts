// Fields of ValidatingAdmissionPolicy and its binding (admissionregistration.k8s.io/v1), in the notation of kubernetes-protobuf-schema.ts.

export const ADMISSION_FIELDS = `
AuditAnnotation: key=1 s, valueExpression=2 s
ExpressionWarning: fieldRef=2 s, warning=3 s
MatchCondition: name=1 s, expression=2 s
MatchResources: namespaceSelector=1 meta.LabelSelector, objectSelector=2 meta.LabelSelector,
   resourceRules=3 []NamedRuleWithOperations, excludeResourceRules=4 []NamedRuleWithOperations, matchPolicy=7 s
NamedRuleWithOperations: resourceNames=1 []s, ruleWithOperations=2 &RuleWithOperations
ParamKind: apiVersion=1 s, kind=2 s
ParamRef: name=1 s, namespace=2 s, selector=3 meta.LabelSelector, parameterNotFoundAction=4 s
Rule: apiGroups=1 []s, apiVersions=2 []s, resources=3 []s, scope=4 s
RuleWithOperations: operations=1 []s, rule=2 &Rule
TypeChecking: expressionWarnings=1 []ExpressionWarning
ValidatingAdmissionPolicy: metadata=1 meta.ObjectMeta, spec=2 ValidatingAdmissionPolicySpec,
   status=3 ValidatingAdmissionPolicyStatus
ValidatingAdmissionPolicyBinding: metadata=1 meta.ObjectMeta, spec=2 ValidatingAdmissionPolicyBindingSpec
ValidatingAdmissionPolicyBindingSpec: policyName=1 s, paramRef=2 ParamRef, matchResources=3 MatchResources,
   validationActions=4 []s@
ValidatingAdmissionPolicySpec: paramKind=1 ParamKind, matchConstraints=2 MatchResources, validations=3 []Validation,
   failurePolicy=4 s, auditAnnotations=5 []AuditAnnotation, matchConditions=6 []MatchCondition@name,
   variables=7 []Variable@name
ValidatingAdmissionPolicyStatus: observedGeneration=1 i, typeChecking=2 TypeChecking, conditions=3 []meta.Condition@type
Validation: expression=1 s, message=2 s, reason=3 s, messageExpression=4 s
Variable: name=1 s, expression=2 s
`;
