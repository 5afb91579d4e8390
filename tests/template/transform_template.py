"""Prints a SAM template as CloudFormation sees it, every SAM resource replaced by those it stands for, as JSON.

Usage: transform_template.py TEMPLATE
"""

import json
import os
import sys
from types import SimpleNamespace

# Only tells the AWS partition; nothing is called.
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# SAM asks AWS for the managed policies that a template calls by name; this one calls none.
NO_MANAGED_POLICIES = SimpleNamespace(load=lambda: {})

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam deploy` puts the address of the uploaded code here.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    json.dump(transform(template, {}, NO_MANAGED_POLICIES), sys.stdout)
