//! The library's example program, run against the simulator.

#[expect(
    dead_code,
    reason = "its `main` reads arguments, its story is what counts here"
)]
#[path = "../../examples/lab_order.rs"]
mod lab_order;

use crate::lab::Lab;

#[tokio::test]
async fn the_example_confirms_an_order_and_reports_each_of_its_tests() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab_order::carry_out(&lab.client, &id).await.unwrap();
    let order = lab.client.get_requisition(&id).await.unwrap();
    assert_eq!(order.service_requests.len(), 2);
    for service_request in order.service_requests {
        assert_eq!(
            service_request
                .task_business_status
                .as_ref()
                .unwrap()
                .as_str(),
            "FULL_RESULTS_READY"
        );
        let reports = lab.whoop.reports(service_request.id.as_str());
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0]["status"], "final");
        assert_eq!(
            reports[0]["observations"][0]["code"],
            service_request.code.as_str()
        );
    }
}
