"""Checks calls of the AWS CLI without making them: the file named by the argument holds, for each call, the place, the number of
arguments and the arguments, each followed by a zero byte. Prints each call whose parameters the AWS CLI refuses."""

import contextlib
import io
import sys

from awscli.clidriver import create_clidriver

# nobody listens there: a call that gets so far has good parameters
NOWHERE = ["--endpoint-url", "http://127.0.0.1:1"]

fields = iter(open(sys.argv[1], encoding="utf-8").read().split("\0")[:-1])
for place in fields:
    arguments = [next(fields) for _ in range(int(next(fields)))]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            create_clidriver().main(NOWHERE + arguments)
        except SystemExit:
            pass
    if "Could not connect to the endpoint" not in said.getvalue():
        print(f"{place}: aws {' '.join(arguments)}\n{said.getvalue()[-500:]}")
