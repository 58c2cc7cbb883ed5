// Facts of OpenAPI v2 as protobuf (github.com/google/gnostic, openapiv2/OpenAPIv2.proto): the messages that describe kinds.
// One line per message, "field=number type"; the notation is explained in kubernetes-protobuf-schema.ts.

export const OPENAPI_FIELDS = `
AdditionalPropertiesItem: schema=1 Schema
Any: yaml=2 s
Definitions: additionalProperties=1 []NamedSchema
Document: swagger=1 s, info=2 Info, paths=8 Paths, definitions=9 Definitions
Info: title=1 s, version=2 s
ItemsItem: schema=1 []Schema
NamedAny: name=1 s, value=2 Any
NamedPathItem: name=1 s, value=2 PathItem
NamedResponseValue: name=1 s, value=2 ResponseValue
NamedSchema: name=1 s, value=2 Schema
NonBodyParameter: queryParameterSubSchema=3 QueryParameterSubSchema
Operation: parameters=8 []ParametersItem, responses=9 Responses, vendorExtension=13 []NamedAny
Parameter: nonBodyParameter=2 NonBodyParameter
ParametersItem: parameter=1 Parameter
PathItem: get=2 Operation, put=3 Operation, post=4 Operation, delete=5 Operation, patch=8 Operation
Paths: path=2 []NamedPathItem
Properties: additionalProperties=1 []NamedSchema
QueryParameterSubSchema: in=2 s, name=4 s, type=6 s
Response: description=1 s
ResponseValue: response=1 Response
Responses: responseCode=1 []NamedResponseValue
Schema: ref=1 s, format=2 s, description=4 s, default=5 Any, required=19 []s, enum=20 []Any,
   additionalProperties=21 AdditionalPropertiesItem, type=22 TypeItem, items=23 ItemsItem, properties=25 Properties,
   vendorExtension=31 []NamedAny
TypeItem: value=1 []s
`;
