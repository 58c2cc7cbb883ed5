"""What programs with the Python client do, against one API server: python-program.py KUBECONFIG NAMESPACE POD PORT.

POD of NAMESPACE is there and says what command it is given; PORT of it answers HTTP; the server has forgotten its first revision.
Prints "ok NAME" per check, or "FAILED NAME: why"; ends with 1 where one failed.
"""

import datetime
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request

import kubernetes
import yaml
from kubernetes import client, config, dynamic, stream, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

KUBECONFIG, NAMESPACE, POD, PORT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
PATIENCE_S = 60

MANIFESTS = """
apiVersion: v1
kind: Service
metadata: {name: made}
spec:
  selector: {app: made}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: made}
spec:
  selector: {matchLabels: {app: made}}
  template:
    metadata: {labels: {app: made}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {a: b}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: made}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: made}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]
"""

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.python.example.com}
spec:
  group: python.example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, shortNames: [gdg]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, maximum: 10}}}
          status: {type: object, properties: {phase: {type: string}}}
"""


# One asks for a group, and the other one's model has no events without eventTime, which every server has.
WITHOUT_LISTS = ("CustomObjectsApi", "EventsV1Api")


def main():
    config.load_kube_config(KUBECONFIG)
    failed = 0
    for check in CHECKS:
        begin = time.monotonic()
        try:
            check()
            print(f"ok {check.__name__} ({(time.monotonic() - begin) * 1000:.0f} ms)", flush=True)
        except Exception as error:  # Any defect of one check is told, and the others go on.
            failed += 1
            print(f"FAILED {check.__name__}: {type(error).__name__}: {error}", flush=True)
    # Candidates of elections run on in threads that know no end.
    os._exit(1 if failed else 0)


def eventually(look):
    end = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {PATIENCE_S} s"
        time.sleep(0.02)


def refused(status, call, *args, **options):
    try:
        call(*args, **options)
    except ApiException as error:
        assert error.status == status, f"{error.status}, not {status}: {error.body}"
        return error
    raise AssertionError(f"not refused with {status}")


def config_map(name, labels=None, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def typed_objects():
    core = client.CoreV1Api()
    made = core.create_namespaced_config_map(NAMESPACE, config_map("typed", a="1"))
    assert made.metadata.creation_timestamp.tzinfo is not None
    made.data["b"] = "2"
    changed = core.replace_namespaced_config_map("typed", NAMESPACE, made)
    refused(409, core.replace_namespaced_config_map, "typed", NAMESPACE, made)
    refused(409, core.create_namespaced_config_map, NAMESPACE, config_map("typed"))
    refused(422, core.create_namespaced_config_map, NAMESPACE, config_map("Not_A_Name"))
    refused(404, core.read_namespaced_config_map, "nowhere", NAMESPACE)
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="wrong"))
    refused(409, core.delete_namespaced_config_map, "typed", NAMESPACE, body=wrong)
    right = client.V1DeleteOptions(
        grace_period_seconds=0,
        propagation_policy="Background",
        preconditions=client.V1Preconditions(resource_version=changed.metadata.resource_version),
    )
    assert core.delete_namespaced_config_map("typed", NAMESPACE, body=right).status == "Success"


def patches():
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    labels = {"app": "patched"}
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels),
        spec=client.V1PodSpec(containers=[client.V1Container(name="web", image="nginx")]),
    )
    spec = client.V1DeploymentSpec(replicas=1, selector=client.V1LabelSelector(match_labels=labels), template=template)
    apps.create_namespaced_deployment(
        NAMESPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="patched"), spec=spec)
    )
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
    merged = apps.patch_namespaced_deployment("patched", NAMESPACE, side)
    assert sorted(it.name for it in merged.spec.template.spec.containers) == ["side", "web"]
    counted = apps.patch_namespaced_deployment(
        "patched", NAMESPACE, [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    )
    assert counted.spec.replicas == 3
    assert apps.patch_namespaced_deployment_scale("patched", NAMESPACE, {"spec": {"replicas": 0}}).spec.replicas == 0
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    annotated = apps.patch_namespaced_deployment(
        "patched", NAMESPACE, {"spec": {"template": {"metadata": {"annotations": {"restartedAt": now}}}}}
    )
    assert annotated.metadata.generation == 5, annotated.metadata.generation
    core.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    refused(404, core.read_namespaced_config_map, "dry", NAMESPACE)
    apps.delete_namespaced_deployment("patched", NAMESPACE, propagation_policy="Foreground")


def pages():
    core = client.CoreV1Api()
    for i in range(10):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{i}", labels={"set": "paged"}))
    names, token = [], None
    while token != "":
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="set=paged", limit=3, _continue=token)
        names += [it.metadata.name for it in page.items]
        token = page.metadata._continue or ""
    assert names == [f"page-{i}" for i in range(10)], names
    deleted = core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="set=paged")
    assert deleted is not None
    assert core.list_namespaced_config_map(NAMESPACE, label_selector="set=paged").items == []


def watches():
    core = client.CoreV1Api()
    start = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    seen, is_open = [], threading.Event()
    own = watch.Watch()

    def follow():
        is_open.set()
        for event in own.stream(core.list_namespaced_config_map, NAMESPACE, resource_version=start, timeout_seconds=PATIENCE_S):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == 3:
                own.stop()

    follower = threading.Thread(target=follow)
    follower.start()
    is_open.wait()
    core.create_namespaced_config_map(NAMESPACE, config_map("watched"))
    core.patch_namespaced_config_map("watched", NAMESPACE, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("watched", NAMESPACE)
    follower.join(PATIENCE_S)
    assert seen == [(type, "watched") for type in ("ADDED", "MODIFIED", "DELETED")], seen
    ended = [event for event in watch.Watch().stream(core.list_namespaced_secret, NAMESPACE, resource_version=start, timeout_seconds=1)]
    assert ended == [], ended


def watch_of_what_is_gone():
    """The stream says so, whereupon the client begins anew once by itself, and then gives up."""
    core, asked = client.CoreV1Api(), []

    def listed(*args, **options):
        """list_namespaced_config_map, counted. :return: V1ConfigMapList"""
        asked.append(options["resource_version"])
        return core.list_namespaced_config_map(*args, **options)

    try:
        for event in watch.Watch().stream(listed, NAMESPACE, resource_version="1"):
            raise AssertionError(f"an event came: {event['type']}")
    except ApiException as error:
        assert error.status == 410 and "Expired" in error.reason, error
    assert asked == ["1", "1"], asked


def files_of_manifests():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(MANIFESTS)
        file.flush()
        made = utils.create_from_yaml(client.ApiClient(), file.name, namespace=NAMESPACE)
        assert len(made) >= 4, made
        try:
            utils.create_from_yaml(client.ApiClient(), file.name, namespace=NAMESPACE)
            raise AssertionError("made twice")
        except utils.FailToCreateError as error:
            assert {it.status for it in error.api_exceptions} == {409}, error


def every_list():
    """Whatever kinds the client knows: lists come as its models, or the server has no such kind."""
    listed = 0
    for api in (getattr(client, name) for name in dir(client) if name.endswith("Api") and name not in WITHOUT_LISTS):
        for name in dir(api):
            # What is in namespaces is listed of all of them.
            if not name.startswith("list_") or name.startswith("list_namespaced_") or name.endswith("_with_http_info"):
                continue
            try:
                getattr(api(), name)()
                listed += 1
            except ApiException as error:
                assert error.status in (404, 405), f"{api.__name__}.{name}: {error.status} {error.body}"
    assert listed > 30, listed


def dynamic_client():
    dyn = dynamic.DynamicClient(client.ApiClient())
    dyn.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition").create(
        body=yaml.safe_load(DEFINITION)
    )

    def found():
        try:
            dyn.resources.invalidate_cache()
            return dyn.resources.get(api_version="python.example.com/v1", kind="Gadget")
        except dynamic.exceptions.ResourceNotFoundError:
            return None

    gadgets = eventually(found)
    body = {"apiVersion": "python.example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"size": 1}}
    gadgets.create(body=body, namespace=NAMESPACE)
    try:
        gadgets.create(body=body, namespace=NAMESPACE)
        raise AssertionError("made twice")
    except ConflictError:
        pass
    grown = gadgets.patch(
        body={"spec": {"size": 2}}, name="g", namespace=NAMESPACE, content_type="application/merge-patch+json"
    )
    assert grown.spec.size == 2
    wanted = {**body, "spec": {"size": 3}}
    if int(kubernetes.__version__.split(".")[0]) >= 24:
        gadgets.server_side_apply(body=wanted, namespace=NAMESPACE, field_manager="python", force_conflicts=True)
    else:  # Clients before 24 cannot send an object so.
        dyn.request(
            "patch",
            f"/apis/python.example.com/v1/namespaces/{NAMESPACE}/gadgets/g",
            body=json.dumps(wanted),
            content_type="application/apply-patch+yaml",
            query_params=[("fieldManager", "python"), ("force", True)],
        )
    gadgets.status.patch(
        body={"status": {"phase": "Ready"}}, name="g", namespace=NAMESPACE, content_type="application/merge-patch+json"
    )
    assert gadgets.get(name="g", namespace=NAMESPACE).to_dict()["status"] == {"phase": "Ready"}
    events = gadgets.watch(namespace=NAMESPACE, timeout=PATIENCE_S)
    assert next(iter(events))["type"] == "ADDED"
    assert len(dyn.resources.get(api_version="v1", kind="Pod").get(namespace=NAMESPACE).items) >= 1


def custom_objects():
    objects = client.CustomObjectsApi()
    place = ("python.example.com", "v1", NAMESPACE, "gadgets")
    assert objects.get_namespaced_custom_object(*place, "g")["spec"]["size"] == 3
    refused(422, objects.patch_namespaced_custom_object, *place, "g", {"spec": {"size": 11}})
    objects.patch_namespaced_custom_object(*place, "g", {"spec": {"size": 4}})
    objects.patch_namespaced_custom_object_status(*place, "g", {"status": {"phase": "Gone"}})
    one = objects.get_namespaced_custom_object(*place, "g")
    one["spec"]["size"] = 5
    assert objects.replace_namespaced_custom_object(*place, "g", one)["metadata"]["generation"] >= 4
    assert len(objects.list_namespaced_custom_object(*place)["items"]) == 1
    objects.delete_namespaced_custom_object(*place, "g")
    refused(404, objects.get_namespaced_custom_object, *place, "g")
    client.ApiextensionsV1Api().delete_custom_resource_definition("gadgets.python.example.com")


def commands_in_a_pod():
    core = client.CoreV1Api()
    said = stream.stream(
        core.connect_get_namespaced_pod_exec, POD, NAMESPACE, command=["echo", "hello"], stdout=True, stderr=True
    )
    assert "hello" in said, said
    open_one = stream.stream(
        core.connect_get_namespaced_pod_exec, POD, NAMESPACE, command=["false"],
        stdin=False, stdout=True, stderr=True, _preload_content=False,
    )
    open_one.run_forever(timeout=PATIENCE_S)
    assert open_one.returncode != 0, open_one.returncode
    refused(0, stream.stream, core.connect_get_namespaced_pod_exec, "nowhere", NAMESPACE, command=["true"], stdout=True)
    assert core.read_namespaced_pod_log(POD, NAMESPACE) is not None


def forwarded_port():
    forward = stream.portforward(client.CoreV1Api().connect_get_namespaced_pod_portforward, POD, NAMESPACE, ports=str(PORT))
    connection = forward.socket(PORT)
    connection.setblocking(True)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
    answer = b""
    while part := connection.recv(1024):
        answer += part
    assert answer.startswith(b"HTTP/1.1 "), answer
    assert forward.error(PORT) is None, forward.error(PORT)


def leaders():
    led = []

    def candidate(name, lock):
        elections = electionconfig.Config(
            lock, lease_duration=4, renew_deadline=3, retry_period=1.1,
            onstarted_leading=lambda: led.append(name), onstopped_leading=lambda: None,
        )
        threading.Thread(target=leaderelection.LeaderElection(elections).run, daemon=True).start()

    locks = {name: ConfigMapLock("election", NAMESPACE, name) for name in ("one", "two")}
    for name, lock in locks.items():
        candidate(name, lock)
    eventually(lambda: len(led) == 1)
    # Who cannot renew loses, and the other one takes over.
    locks[led[0]].update = lambda *args: False
    eventually(lambda: len(led) == 2)
    assert set(led) == {"one", "two"}, led


def token_of_a_service_account():
    core, access = client.CoreV1Api(), client.RbacAuthorizationV1Api()
    request_kind = getattr(client, "AuthenticationV1TokenRequest", None) or client.V1TokenRequest
    body = request_kind(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=3600))
    token = core.create_namespaced_service_account_token("made", NAMESPACE, body).status.token
    own = in_cluster(token)
    refused(403, own.list_namespaced_config_map, NAMESPACE)
    binding = {
        "metadata": {"name": "made"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "made"},
        "subjects": [{"kind": "ServiceAccount", "name": "made", "namespace": NAMESPACE}],
    }
    access.create_namespaced_role_binding(NAMESPACE, binding)
    assert len(own.list_namespaced_config_map(NAMESPACE).items) > 0
    refused(403, own.list_namespaced_secret, NAMESPACE)
    refused(401, in_cluster("nonsense").list_namespaced_config_map, NAMESPACE)


def in_cluster(token):
    """As in a pod: an address in the environment, an authority and a token in files."""
    admin = client.Configuration.get_default_copy()
    host, port = admin.host.removeprefix("https://").rsplit(":", 1)
    folder = tempfile.mkdtemp()
    with open(f"{folder}/token", "w") as file:
        file.write(token)
    own = client.Configuration()
    config.incluster_config.InClusterConfigLoader(
        token_filename=f"{folder}/token",
        cert_filename=admin.ssl_ca_cert,
        environ={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
    ).load_and_set(own)
    return client.CoreV1Api(client.ApiClient(own))


CHECKS = (
    typed_objects,
    patches,
    pages,
    watches,
    watch_of_what_is_gone,
    files_of_manifests,
    every_list,
    dynamic_client,
    custom_objects,
    commands_in_a_pod,
    forwarded_port,
    leaders,
    token_of_a_service_account,
)

if __name__ == "__main__":
    main()
