"""Parses blocks of the documentation, as JSON on standard input: a list of [place, language, text]. Prints what is malformed."""

import json
import sys
import tomllib

import yaml


class CloudFormation(yaml.SafeLoader):
    """Knows the short forms of CloudFormation's functions, such as !Ref."""


CloudFormation.add_multi_constructor("!", lambda loader, tag, node: None)
PARSERS = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: yaml.load(text, CloudFormation),
    "python": lambda text: compile(text, "block", "exec"),
}

for place, language, text in json.load(sys.stdin):
    try:
        PARSERS[language](text)
    except Exception as error:
        print(f"{place}: {error}")
