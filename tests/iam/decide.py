"""Decides requests by IAM policies, with MiniStack's evaluator. It reads JSON lines from standard input and answers each with one line.

Usage: decide.py FILE, where FILE is cfn-lint's list of all actions of all services

A question is one of these:

- {"operations": [SERVICE, ...]}: the operations of these services that AWS's SDKs know
- {"policies": ..., "groups": ..., "askers": ..., "expected": ..., "first": [SERVICE, ...], "limit": N}: in what the decisions differ
  from what is expected. Each asker makes every request of its groups: every action of a service on every resource in every
  context. Those of the services in `first` come first. After `limit` differences, no more requests are made.
"""

import json
import sys

import botocore.session
from botocore import xform_name
from ministack.core.iam_evaluator import (
    EvalContext,
    _action_matches,
    combine_resource_policy,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)

SDK = botocore.session.get_session()

with open(sys.argv[1], encoding="utf-8") as file:
    ACTIONS_BY_CFN_LINT = json.load(file)

# Operations that are authorized as two actions with other names, which a pattern such as kms:ReEncrypt* would cover too.
NO_ACTIONS = {"kms:reencrypt"}

# IAM does not tell capital letters in actions from small ones; cfn-lint has only small ones.
ACTIONS = {}


def actions_of(service):
    """Every action of a service: those that cfn-lint lists, and every operation of the SDK, even one without an action of its own."""
    if service not in ACTIONS:
        known = set(ACTIONS_BY_CFN_LINT.get(service, {}).get("Actions", {}))
        if service in SDK.get_available_services():
            known.update(name.lower() for name in SDK.get_service_model(service).operation_names)
        if not known:
            raise ValueError(f"no action of {service} is known")
        ACTIONS[service] = sorted({f"{service}:{name}" for name in known} - NO_ACTIONS)
    return ACTIONS[service]


def actions_with_encryption_context():
    """The actions on a key that take an encryption context, or grant them."""
    kms = SDK.get_service_model("kms")
    actions = {"kms:reencryptfrom", "kms:reencryptto", "kms:creategrant"}
    for name in kms.operation_names:
        if "EncryptionContext" in kms.operation_model(name).input_shape.members:
            actions.add(f"kms:{name.lower()}")
    return actions


WITH_ENCRYPTION_CONTEXT = actions_with_encryption_context()


def can_be(action, context):
    """Whether an action can come with these condition keys."""
    has_encryption_context = any(key.startswith("kms:encryptioncontext:") for key in context)
    return not has_encryption_context or action in WITH_ENCRYPTION_CONTEXT


class Policies:
    """The policies of a stack, each narrowed to the statements about one action, because few actions have any."""

    def __init__(self, policies):
        self.account, self.region = policies["account"], policies["region"]
        self.documents = {"identity": policies["identity"], "resource": policies["resource"]}
        self.narrowed = {}

    def about(self, kind, name, action):
        """The statements of a policy about an action; `None` if there is no such policy."""
        key = (kind, name, action)
        if key not in self.narrowed:
            policy = self.documents[kind].get(name)
            self.narrowed[key] = policy and [raw for raw in policy["Statement"] if is_about(raw, action)]
        return self.narrowed[key]

    def allow(self, asker, action, resource, context):
        """Whether they allow a request."""
        identity = self.about("identity", asker["name"], action)
        own = self.about("resource", resource, action)
        if not identity and not own:
            return False
        request = EvalContext(
            principal_arn=asker["arn"],
            principal_type="AssumedRole",
            principal_account=self.account,
            action=action,
            resource_arn=resource,
            region=self.region,
            service_context=context,
        )
        if identity is None:
            # a service, another account, nobody: only the resource can admit them
            return evaluate_resource_policy({"Statement": own}, request, service=asker["name"]).decision == "Allow"
        decision = evaluate(request, [parse_policy_document({"Statement": identity})])
        if own is not None:
            # only a key's policy has to admit the account's own roles, too
            required = action.startswith("kms:")
            decision = combine_resource_policy(decision, request, {"Statement": own}, self.account, required=required)
        return decision.decision == "Allow"


def is_about(statement, action):
    """Whether a statement is about an action, as the evaluator sees it."""
    parsed = parse_policy_document({"Statement": [statement]})
    return any(_action_matches(action, one.actions, one.not_actions) for one in parsed)


def requests(groups, askers, first):
    """Every request, those of the services in `first` first."""
    for wanted in (True, False):
        for asker in askers:
            for group in groups[asker["groups"]]:
                if (group["service"] in first) != wanted:
                    continue
                for action in actions_of(group["service"]):
                    for name, context in group["contexts"].items():
                        if can_be(action, context):
                            for resource in group["resources"]:
                                yield asker, action, resource, name, context


def differences(question):
    """Where decisions differ from what is expected."""
    policies = Policies(question["policies"])
    expected = set()
    for who, action, resource, context in question["expected"]:
        service, name = action.lower().split(":")
        actions = actions_of(service) if name == "*" else [f"{service}:{name}"]
        expected.update((who, action, resource, context) for action in actions)
    found, asked, unasked = [], 0, set(expected)
    for asker, action, resource, name, context in requests(question["groups"], question["askers"], question["first"]):
        asked += 1
        request = (asker["name"], action, resource, name)
        is_expected = request in expected
        unasked.discard(request)
        if policies.allow(asker, action, resource, context) != is_expected:
            found.append({"asker": asker["name"], "action": action, "resource": resource, "context": name, "allowed": not is_expected})
            if len(found) == question["limit"]:
                break
    return {"asked": asked, "allowed": len(expected), "unasked": sorted(unasked), "differences": found}


def operations(services):
    """The operations of services: the name that the SDK for Rust gives to the method, and the one of AWS."""
    names = [(service, name) for service in services for name in SDK.get_service_model(service).operation_names]
    return [
        {"method": xform_name(name), "action": f"{service}:{name}", "has_action": name.lower() in ACTIONS_BY_CFN_LINT[service]["Actions"]}
        for service, name in names
    ]


if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        answer = operations(question["operations"]) if "operations" in question else differences(question)
        print(json.dumps(answer), flush=True)
