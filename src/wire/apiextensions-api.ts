// Facts of the Kubernetes API's wire format: CustomResourceDefinition (apiextensions.k8s.io/v1), in the notation of kubernetes-protobuf-schema.ts.
// The messages JSONSchemaPropsOr… exist in protobuf alone: in JSON one of their fields stands in their place (kubernetes-protobuf-schema-or.ts).
// CustomObject is what every custom object has, whatever its schema says.

export const APIEXTENSIONS_FIELDS = `
CustomObject: metadata=1 meta.ObjectMeta
CustomResourceColumnDefinition: name=1 s, type=2 s, format=3 s, description=4 s, priority=5 i, jsonPath=6 s
CustomResourceConversion: strategy=1 s, webhook=2 WebhookConversion
CustomResourceDefinition: metadata=1 meta.ObjectMeta, spec=2 CustomResourceDefinitionSpec,
   status=3 CustomResourceDefinitionStatus
CustomResourceDefinitionCondition: type=1 s, status=2 s, lastTransitionTime=3 time, reason=4 s, message=5 s,
   observedGeneration=6 i
CustomResourceDefinitionNames: plural=1 s, singular=2 s, shortNames=3 []s, kind=4 s, listKind=5 s, categories=6 []s
CustomResourceDefinitionSpec: group=1 s, names=3 CustomResourceDefinitionNames, scope=4 s,
   versions=7 []CustomResourceDefinitionVersion, conversion=9 CustomResourceConversion, preserveUnknownFields=10 b
CustomResourceDefinitionStatus: conditions=1 []CustomResourceDefinitionCondition@type,
   acceptedNames=2 CustomResourceDefinitionNames, storedVersions=3 []s, observedGeneration=4 i
CustomResourceDefinitionVersion: name=1 s, served=2 b?, storage=3 b?, schema=4 CustomResourceValidation,
   subresources=5 CustomResourceSubresources, additionalPrinterColumns=6 []CustomResourceColumnDefinition,
   deprecated=7 b, deprecationWarning=8 s?, selectableFields=9 []SelectableField
CustomResourceSubresources: status=1 CustomResourceSubresourceStatus, scale=2 CustomResourceSubresourceScale
CustomResourceSubresourceScale: specReplicasPath=1 s, statusReplicasPath=2 s, labelSelectorPath=3 s?
CustomResourceSubresourceStatus:
CustomResourceValidation: openAPIV3Schema=1 JSONSchemaProps
ExternalDocumentation: description=1 s, url=2 s
JSONSchemaProps: id=1 s, $schema=2 s, $ref=3 s?, description=4 s, type=5 s, format=6 s, title=7 s, default=8 raw?,
   maximum=9 d?, exclusiveMaximum=10 b, minimum=11 d?, exclusiveMinimum=12 b, maxLength=13 i?, minLength=14 i?,
   pattern=15 s, maxItems=16 i?, minItems=17 i?, uniqueItems=18 b, multipleOf=19 d?, enum=20 []raw,
   maxProperties=21 i?, minProperties=22 i?, required=23 []s, items=24 schemaorlist, allOf=25 []JSONSchemaProps,
   oneOf=26 []JSONSchemaProps, anyOf=27 []JSONSchemaProps, not=28 JSONSchemaProps, properties=29 {}JSONSchemaProps,
   additionalProperties=30 schemaorbool, patternProperties=31 {}JSONSchemaProps, dependencies=32 {}schemaorstrings,
   additionalItems=33 schemaorbool, definitions=34 {}JSONSchemaProps, externalDocs=35 ExternalDocumentation, example=36 raw?,
   nullable=37 b, x-kubernetes-preserve-unknown-fields=38 b?, x-kubernetes-embedded-resource=39 b,
   x-kubernetes-int-or-string=40 b, x-kubernetes-list-map-keys=41 []s, x-kubernetes-list-type=42 s?,
   x-kubernetes-map-type=43 s?, x-kubernetes-validations=44 []ValidationRule@rule
JSONSchemaPropsOrArray: schema=1 JSONSchemaProps, jSONSchemas=2 []JSONSchemaProps
JSONSchemaPropsOrBool: allows=1 b, schema=2 JSONSchemaProps
JSONSchemaPropsOrStringArray: schema=1 JSONSchemaProps, property=2 []s
SelectableField: jsonPath=1 s
ServiceReference: namespace=1 s, name=2 s, path=3 s?, port=4 i?
ValidationRule: rule=1 s, message=2 s, messageExpression=3 s, reason=4 s?, fieldPath=5 s, optionalOldSelf=6 b?
WebhookClientConfig: service=1 ServiceReference, caBundle=2 y, url=3 s?
WebhookConversion: clientConfig=2 WebhookClientConfig, conversionReviewVersions=3 []s
`;
