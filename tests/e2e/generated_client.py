"""Carries out an order with a client that is generated from WHOOP's OpenAPI document, as a partner may do it.

Usage: generated_client.py OPENAPI_DOCUMENT FOLDER BASE_URL DOCUMENT_ID

Generates the client into FOLDER and makes every call of the Partner API at BASE_URL; the client credentials are in
WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET. The content of the document is left in FOLDER/content. Ends with an error at the first
answer that is not as it should be.
"""

import json
import os
import sys
from pathlib import Path
from uuid import UUID

from openapi_python_client.cli import app as generator

PACKAGE = "generated_client_package"


def stay_on_this_machine(event, arguments):
    """Fails every request to another machine."""
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        raise RuntimeError("a connection to another machine")
    if event == "socket.getaddrinfo" and arguments[0] != "127.0.0.1":
        raise RuntimeError("a look-up of another machine")


def generate(document, folder):
    """Generates the client, and makes it importable."""
    config = folder / "config.json"
    # The hooks would only format what is generated.
    config.write_text(json.dumps({"post_hooks": []}), encoding="utf-8")
    arguments = ["generate", "--meta=none", "--fail-on-warning", f"--path={document}"]
    arguments += [f"--config={config}", f"--output-path={folder / PACKAGE}"]
    generator(arguments, standalone_mode=False)
    sys.path.insert(0, str(folder))


def answer(status, response):
    """Returns the body of an answer that must have this status."""
    if response.status_code != status:
        sys.exit(f"answered with {response.status_code} instead of {status}: {response.content}")
    return response.parsed


def with_token(base_url):
    """A client that carries an access token."""
    from generated_client_package import AuthenticatedClient, Client
    from generated_client_package.api.partner import request_token
    from generated_client_package.models import PartnerTokenRequest

    request = PartnerTokenRequest(
        grant_type="client_credentials",
        client_id=os.environ["WHOOP_CLIENT_ID"],
        client_secret=os.environ["WHOOP_CLIENT_SECRET"],
        scope="whoop-partner/token",
    )
    client = Client(base_url=base_url)
    token = answer(200, request_token.sync_detailed(client=client, body=request))
    return AuthenticatedClient(base_url=base_url, token=token.access_token)


def confirm_a_new_order(client):
    """Has an order created, fetches and confirms it."""
    from generated_client_package.api.partner import (
        add_test_data,
        get_lab_requisition_by_id,
        update_lab_requisition_status,
    )
    from generated_client_package.models import (
        AddTestDataAppointmentType,
        ServiceRequestStatusRequest,
    )

    mobile = AddTestDataAppointmentType.MOBILE
    created = answer(200, add_test_data.sync_detailed(client=client, appointment_type=mobile))
    requisition_id = created.requisition_id
    order = answer(200, get_lab_requisition_by_id.sync_detailed(requisition_id, client=client))
    assert order.id == requisition_id
    assert order.appointments[0].type_ == "MOBILE"
    update = ServiceRequestStatusRequest(task_business_status="ORDER_CONFIRMED")
    confirmation = update_lab_requisition_status.sync_detailed(
        requisition_id, client=client, body=update
    )
    answer(204, confirmation)
    return order


def report_results(client, ordered):
    """Fetches a service request, submits its results and ends it."""
    from generated_client_package.api.partner import (
        get_service_request_by_id,
        update_service_request_status,
        upload_diagnostic_report_results,
    )
    from generated_client_package.models import (
        CreateObservationRequest,
        DiagnosticReportCreateRequest,
        ServiceRequestStatusRequest,
    )

    test = answer(200, get_service_request_by_id.sync_detailed(ordered.id, client=client))
    assert test.code == ordered.code
    assert test.task_business_status == "ORDER_CONFIRMED"
    # As in WHOOP's tutorial, without a status.
    observation = CreateObservationRequest(code=test.code, value_numeric=4.9, unit="mmol/L")
    report = DiagnosticReportCreateRequest(status="final", observations=[observation])
    submission = upload_diagnostic_report_results.sync_detailed(
        test.id, client=client, body=report
    )
    answer(201, submission)
    update = ServiceRequestStatusRequest(task_business_status="FULL_RESULTS_READY")
    ending = update_service_request_status.sync_detailed(test.id, client=client, body=update)
    assert answer(200, ending).task_business_status == "FULL_RESULTS_READY"


def download(client, document_id):
    """Fetches a document, and its content."""
    from generated_client_package.api.partner import download_document, get_document_by_id

    document = answer(200, get_document_by_id.sync_detailed(document_id, client=client))
    assert document.id == document_id
    content = answer(200, download_document.sync_detailed(document_id, client=client))
    return content.payload.read()


def main():
    document, folder, base_url, document_id = sys.argv[1:]
    sys.addaudithook(stay_on_this_machine)
    generate(document, Path(folder))
    client = with_token(base_url)
    for ordered in confirm_a_new_order(client).service_requests:
        report_results(client, ordered)
    Path(folder, "content").write_bytes(download(client, UUID(document_id)))


if __name__ == "__main__":
    main()
