//! A document that WHOOP shares with the partner: its description and its content.

use std::fmt;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use super::exchange::Call;
use super::{BundleId, DateTime, DocumentId, Optional, OtherFields, PartnerClient, PartnerError};
use crate::http::broken;

/// The description of a document. `Debug` does not show its URL, because the URL may open the document to anybody.
///
/// Follows WHOOP's OpenAPI document, schema `PartnerDocument`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartnerDocument {
    /// Identifies the document.
    pub id: DocumentId,
    /// The kind of document.
    pub document_type: String,
    /// The address of a document outside the Partner API. Such a document is only a link and has no content to download.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub url: Optional<String>,
    /// When it was created. WHOOP's OpenAPI document requires the field; not every description has it.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub created_at: Optional<DateTime>,
    /// When it was last changed. WHOOP's OpenAPI document requires the field; not every description has it.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub updated_at: Optional<DateTime>,
    /// The group that it belongs to.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub bundle_id: Optional<BundleId>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl fmt::Debug for PartnerDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerDocument")
            .field("document_type", &self.document_type)
            .finish_non_exhaustive()
    }
}

/// The content of a document, as it arrives.
pub struct DocumentContent {
    response: Response,
    left: u64,
    limit: u64,
}

impl DocumentContent {
    fn new(response: Response, limit: u64) -> Result<Self, PartnerError> {
        if response
            .content_length()
            .is_some_and(|length| length > limit)
        {
            return Err(PartnerError::TooLarge { limit });
        }
        Ok(Self {
            response,
            left: limit,
            limit,
        })
    }

    /// Returns the media type that WHOOP names, such as `application/pdf`.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// Returns how many bytes are still to come; `None` if WHOOP does not announce the length.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Returns the next bytes, as many as have arrived; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`PartnerError::TooLarge`] if more arrives than was allowed. [`PartnerError::Temporary`] if the connection breaks or the
    /// deadline passes: then the content is incomplete, and you have to begin the download again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, PartnerError> {
        let chunk = self
            .response
            .chunk()
            .await
            .map_err(|error| PartnerError::Temporary(broken(error)))?;
        if let Some(chunk) = &chunk {
            let left = self.left.checked_sub(chunk.len() as u64);
            // after a chunk that did not fit, no other one fits
            self.left = left.unwrap_or(0);
            left.ok_or(PartnerError::TooLarge { limit: self.limit })?;
        }
        Ok(chunk)
    }

    /// Returns all bytes that are still to come.
    ///
    /// # Errors
    ///
    /// As for [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Vec<u8>, PartnerError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl fmt::Debug for DocumentContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentContent")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl PartnerClient {
    /// Fetches the description of a document: `GET /v2/partner/document/{id}` (WHOOP's partner documentation, "Get a
    /// document by ID").
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such document, or this partner does not own it. For the other errors, see
    /// [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// let id = "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11".parse()?;
    /// let document = client.get_document(&id).await?;
    /// match document.url.as_deref() {
    ///     Some(_) => println!("{} with a link", document.document_type),
    ///     None => println!("{} to download", document.document_type),
    /// }
    /// # assert_eq!(document.document_type, "LAB_FORM");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_document(&self, id: &DocumentId) -> Result<PartnerDocument, PartnerError> {
        self.json(Call::get(
            "getDocumentById",
            self.url(&["document", id.as_str()]),
        ))
        .await
    }

    /// Begins to download a document of `max_bytes` at most: `GET /v2/partner/document/{id}/content` (WHOOP's partner
    /// documentation, "Download a document's content"). The content arrives piece by piece, so that a large document
    /// does not have to fit into memory.
    ///
    /// If you set no deadline, the whole download may take 5 minutes.
    ///
    /// # Errors
    ///
    /// [`PartnerError::TooLarge`] if WHOOP announces more than `max_bytes`. [`PartnerError::NotFound`] if WHOOP has no such
    /// document, this partner does not own it, or it is only a link. For the other errors, see [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use std::io::Write;
    ///
    /// const MAX_BYTES: u64 = 50 * 1024 * 1024;
    /// let mut file = Vec::new();
    /// let id = "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11".parse()?;
    /// let mut content = client.download_document(&id, MAX_BYTES).await?;
    /// while let Some(bytes) = content.chunk().await? {
    ///     file.write_all(&bytes)?;
    /// }
    /// # assert!(file.starts_with(b"%PDF"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn download_document(
        &self,
        id: &DocumentId,
        max_bytes: u64,
    ) -> Result<DocumentContent, PartnerError> {
        let url = self.url(&["document", id.as_str(), "content"]);
        let response = self.download(Call::get("downloadDocument", url)).await?;
        DocumentContent::new(response, max_bytes)
    }
}
