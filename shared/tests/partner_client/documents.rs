//! Documents and their content, whose size is limited.

use serde_json::json;
use whoop_partner::partner::{DocumentId, PartnerError};
use whoop_simulator::Fault;

use crate::lab::{DOCUMENT, Lab};

const ID: &str = "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11";

fn content() -> Vec<u8> {
    (0..1_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect()
}

async fn lab(content: Option<Vec<u8>>) -> (Lab, DocumentId) {
    let lab = Lab::new().await;
    let document = json!({
        "id": ID, "document_type": "LAB_FORM", "url": "https://whoop.example/d",
        "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z",
    });
    lab.whoop.put_document(document, content);
    (lab, ID.parse().unwrap())
}

#[tokio::test]
async fn a_document_is_described() {
    let (lab, id) = lab(None).await;
    let document = lab.client.get_document(&id).await.unwrap();
    assert_eq!(document.document_type, "LAB_FORM");
    assert_eq!(document.url.as_deref(), Some("https://whoop.example/d"));
    lab.assert_calls(DOCUMENT, 1);
}

#[tokio::test]
async fn the_content_arrives_piece_by_piece() {
    let (lab, id) = lab(Some(content())).await;
    let mut download = lab.client.download_document(&id, 1_000_000).await.unwrap();
    assert_eq!(download.media_type(), Some("application/octet-stream"));
    assert_eq!(download.length(), Some(1_000_000));
    let (mut bytes, mut chunks) = (Vec::new(), 0);
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
        chunks += 1;
    }
    assert!(bytes == content());
    assert!(chunks > 1);
    let download = lab.client.download_document(&id, u64::MAX).await.unwrap();
    assert!(download.bytes().await.unwrap() == content());
    lab.assert_calls(DOCUMENT, 2);
}

#[tokio::test]
async fn a_document_that_announces_too_much_is_not_downloaded() {
    let (lab, id) = lab(Some(content())).await;
    let error = lab
        .client
        .download_document(&id, 999_999)
        .await
        .unwrap_err();
    assert_eq!(error, PartnerError::TooLarge { limit: 999_999 });
    lab.assert_calls(DOCUMENT, 1);
}

fn cut() -> Fault {
    Fault {
        path: DOCUMENT.into(),
        disconnect_midway: true,
        ..Fault::default()
    }
}

#[tokio::test]
async fn a_document_that_does_not_announce_its_length_ends_at_the_limit() {
    let (lab, id) = lab(Some(content())).await;
    // seven bytes, of unannounced length
    lab.whoop.fault(cut());
    let download = lab.client.download_document(&id, 6).await.unwrap();
    let error = download.bytes().await.unwrap_err();
    assert_eq!(error, PartnerError::TooLarge { limit: 6 });
}

#[tokio::test]
async fn a_download_that_breaks_off_is_a_temporary_error_and_not_taken_for_whole() {
    let (lab, id) = lab(Some(content())).await;
    lab.whoop.fault(cut());
    let mut download = lab.client.download_document(&id, 7).await.unwrap();
    assert_eq!(download.chunk().await.unwrap().unwrap().len(), 7);
    let error = download.chunk().await.unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    lab.assert_calls(DOCUMENT, 1);
}

#[tokio::test]
async fn a_download_is_begun_again_after_a_passing_fault() {
    let (lab, id) = lab(Some(content())).await;
    lab.whoop.fault(Fault::status(DOCUMENT, 503));
    let download = lab.client.download_document(&id, 1_000_000).await.unwrap();
    assert_eq!(download.bytes().await.unwrap().len(), 1_000_000);
    lab.assert_calls(DOCUMENT, 2);
}

#[tokio::test]
async fn a_document_that_is_only_a_link_has_no_content() {
    let (lab, id) = lab(None).await;
    let error = lab.client.download_document(&id, 1).await.unwrap_err();
    assert_eq!(error, PartnerError::NotFound);
}
