"""Starts MiniStack, the local AWS, for one test run or demo, and changes some of its behaviour.

Usage: local_aws.py DIRECTORY, with MiniStack's own settings (GATEWAY_PORT, AUTH, ...) in the environment and a pipe as
standard input that stays open for as long as this process is wanted. A last byte on it says that the parent removes
DIRECTORY itself, which takes temporary files, `functions.log` and `calls.log`.
"""

import contextvars
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
import uuid

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import apigateway
from ministack.services.cloudformation import stacks

directory = sys.argv.pop(1)


def end_with_the_parent():
    """Ends this process and every function's when the other end of standard input is closed.

    The kernel closes it whatever way the parent goes, SIGKILL included, so nothing is ever left running. The parent
    makes this process the leader of a group of its own, to which the functions' processes and `sam deploy` belong.
    """
    farewell = b""
    while received := os.read(0, 64):
        farewell = received
    try:
        # wait for them here: in a container there may be no other process that does
        for worker in [worker for pool in list(lambda_runtime._workers.values()) for worker in pool]:
            if worker._proc is not None:
                worker._proc.kill()
                worker._proc.wait()
        if not farewell:
            # the parent was killed before it removed its directory; a process outside the group does so when we are gone
            command = ["/bin/sh", "-c", 'sleep 1; rm -rf -- "$0"', directory]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    finally:
        os.killpg(0, signal.SIGKILL)


def send_small_packets_at_once():
    """Switches Nagle's algorithm off in the Lambda Runtime API that MiniStack serves to the functions.

    It writes head and body separately; with Nagle and delayed acknowledgements each invocation would wait 40 ms.
    """
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def wait_less_for_log_lines():
    """Shortens the wait for a first log line after each answer: 50 ms by default, even if a function logs nothing.

    A line that comes later than this is not lost: it shows up with the next invocation.
    """
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = lambda worker, *_, **__: drain(worker, 0.002, 0.002, 0.25)


def make_up_other_names_in_each_stack():
    """Makes CloudFormation choose a new name for each resource that it creates, as on AWS.

    MiniStack derives a name from the stack's name and the logical id, except a bucket's. So a stack that is deployed anew
    under its name would overwrite the queues and secrets that outlived the first one.
    """

    def provision(*args):
        seed = stacks._NAME_SEED.set(uuid.uuid4().hex)
        try:
            return stacks._provision_resource(*args), stacks._NAME_SEED.get()
        finally:
            stacks._NAME_SEED.reset(seed)

    stacks._provision_keeping_seed = provision


def name_the_request_in_its_answer():
    """Sends the id of a request back in the header `apigw-requestid`, as an HTTP API does. MiniStack makes up another one."""
    invoke, make_id = apigateway._invoke_lambda_proxy, apigateway.new_uuid
    current = contextvars.ContextVar("request id", default=None)

    async def invoke_and_name(*args, **kwargs):
        request_id = make_id()
        token = current.set(request_id)
        try:
            status, headers, body = await invoke(*args, **kwargs)
        finally:
            current.reset(token)
        return status, {**headers, "apigw-requestid": request_id}, body

    apigateway._invoke_lambda_proxy = invoke_and_name
    apigateway.new_uuid = lambda: current.get() or make_id()


def keep_all_that_functions_print():
    """Writes each line that a function prints to `functions.log`, as JSON with the function's name.

    MiniStack's CloudWatch Logs loses lines: those of a failed start, and those printed just before a process ends. A
    search for leaked secrets must see them too.
    """
    log = open(os.path.join(directory, "functions.log"), "a", encoding="utf-8", buffering=1)
    lock = threading.Lock()
    pump = lambda_runtime.ProvidedWorker._pump_output

    class Tee:
        def __init__(self, stream, function):
            self.stream, self.function = stream, function

        def readline(self):
            raw = self.stream.readline()
            if raw:
                line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
                entry = {"at": time.time(), "function": self.function, "line": line}
                with lock:
                    log.write(json.dumps(entry) + "\n")
            return raw

        def close(self):
            self.stream.close()

    lambda_runtime.ProvidedWorker._pump_output = lambda worker, stream, lines: pump(
        worker, Tee(stream, worker.func_name), lines
    )


def keep_what_roles_call():
    """Writes each call that is made with a role to `calls.log`, as JSON with its decision. A repeated call is not written again."""
    log = open(os.path.join(directory, "calls.log"), "a", encoding="utf-8", buffering=1)
    lock = threading.Lock()
    known = set()
    enforce = iam_evaluator.enforce

    def kept(access_key, action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key, action, service, region, resource_arn, service_context)
        caller = iam_evaluator.resolve_caller_identity(access_key) or {}
        role = iam_evaluator._role_name_from_assumed_arn(caller.get("userArn", ""))
        call = {"role": role, "action": action, "resource": resource_arn, "allowed": denied is None}
        line = json.dumps(call)
        with lock:
            if role and line not in known:
                known.add(line)
                log.write(line + "\n")
        return denied

    iam_evaluator.enforce = kept


if __name__ == "__main__":
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    send_small_packets_at_once()
    wait_less_for_log_lines()
    make_up_other_names_in_each_stack()
    name_the_request_in_its_answer()
    keep_all_that_functions_print()
    keep_what_roles_call()
    app.main()
