//! Fetches an order from WHOOP and prints its tests.
//!
//! ```sh
//! export WHOOP_CLIENT_ID=… WHOOP_CLIENT_SECRET=…
//! cargo run -p whoop-partner --example fetch_order -- e72719d6-0dbb-4eb3-9ccc-781b563fc3d3
//! ```

use std::env;
use std::error::Error;

use whoop_partner::{PartnerApiBaseUrl, PartnerClient, PartnerCredentials};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let credentials = PartnerCredentials {
        client_id: env::var("WHOOP_CLIENT_ID")?,
        client_secret: env::var("WHOOP_CLIENT_SECRET")?.into(),
    };
    // the default is WHOOP's production environment
    let base_url = PartnerApiBaseUrl::default();
    let client = PartnerClient::builder(base_url, credentials).build()?;
    let id = env::args()
        .nth(1)
        .ok_or("usage: fetch_order <requisition id>")?;
    for test in tests_of(&client, &id).await? {
        println!("{test}");
    }
    Ok(())
}

/// The codes of the tests that an order asks for.
pub async fn tests_of(client: &PartnerClient, id: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let order = client.get_requisition(&id.parse()?).await?;
    let tests = order.service_requests.into_iter();
    Ok(tests.map(|service_request| service_request.code).collect())
}
