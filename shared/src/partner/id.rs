//! Identifiers of WHOOP's resources. Each has a type of its own, so that nobody confuses them.

use std::fmt;

/// A text is not an identifier. The error does not quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of 1 to 128 letters, digits, '-', '.', '_' or '~'")]
pub struct InvalidId;

/// Accepts a text that is a path segment without need of encoding (RFC 3986, unreserved characters). WHOOP's UUIDs are. Any
/// other text could become another path.
fn checked(text: String) -> Result<String, InvalidId> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(unreserved);
    if fits && text != "." && text != ".." {
        Ok(text)
    } else {
        Err(InvalidId)
    }
}

/// Accepts any text, for an identifier that is never part of a path.
fn any(text: String) -> Result<String, InvalidId> {
    Ok(text)
}

/// Declares a type of identifier, and which texts it accepts.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $taken:ident) => {
        $(#[$doc])*
        ///
        /// WHOOP uses UUIDs. An identifier that becomes part of a path accepts only 1 to 128 unreserved URL characters, so
        /// that it can't lead to another path: [`LabRequisitionId`], [`ServiceRequestId`], [`DocumentId`]. The others accept
        /// any text. `Debug` does not show the identifier, and there is no `Display`: use [`as_str`](Self::as_str).
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as text. It points at a person's order: keep it out of logs.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                $taken(text).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(REDACTED)"))
            }
        }
    };
}

id! {
    /// Identifies a [`LabRequisition`](super::LabRequisition).
    LabRequisitionId, checked
}
id! {
    /// Identifies a [`ServiceRequest`](super::ServiceRequest).
    ServiceRequestId, checked
}
id! {
    /// Identifies a [`PartnerDocument`](super::PartnerDocument).
    DocumentId, checked
}
id! {
    /// Identifies a [`Patient`](super::Patient).
    PatientId, any
}
id! {
    /// Identifies the resource that a [`ResourceReference`](super::ResourceReference) points at.
    ResourceId, any
}
id! {
    /// Identifies a group of observations or documents.
    BundleId, any
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";

    #[test]
    fn a_uuid_is_taken_and_given_back() {
        let id: LabRequisitionId = UUID.parse().unwrap();
        assert_eq!(id.as_str(), UUID);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{UUID}\""));
        assert_eq!(serde_json::from_str::<LabRequisitionId>(&json).unwrap(), id);
    }

    #[test]
    fn what_could_become_another_path_is_no_identifier() {
        let long = "a".repeat(129);
        for text in [
            "", ".", "..", "a/b", "../token", "%2e%2e", "a?b", "a#b", "a b", "a\\b", "a;b", "ä",
            "a\0", "a\n", &long,
        ] {
            assert_eq!(text.parse::<LabRequisitionId>(), Err(InvalidId), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<DocumentId>(&json).is_err(), "{json}");
        }
        assert!("a".repeat(128).parse::<LabRequisitionId>().is_ok());
    }

    #[test]
    fn what_never_enters_a_path_may_be_any_text() {
        for text in ["urn:uuid:e72719d6", "Patient/7", ""] {
            assert_eq!(text.parse::<ResourceId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn neither_debug_nor_the_error_shows_the_text() {
        let id: ServiceRequestId = UUID.parse().unwrap();
        assert_eq!(format!("{id:?}"), "ServiceRequestId(REDACTED)");
        let error = "seeded-text of somebody"
            .parse::<ServiceRequestId>()
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("seeded-text"));
    }
}
