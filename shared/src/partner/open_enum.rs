//! Enumerations that WHOOP may extend.

/// Declares an enumeration that keeps a value it does not know, and writes it unchanged.
macro_rules! open_enum {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        ///
        /// `Other` keeps a value that is not listed here. To make a value from text, use `From`, which finds the listed ones.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// Any other value, as WHOOP writes it.
            Other(String),
        }

        impl $name {
            /// The listed values.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the value as WHOOP writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                text.to_owned().into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

pub(super) use open_enum;

#[cfg(test)]
mod tests {
    open_enum! {
        /// For the tests.
        Phase {
            /// Full.
            Full = "FULL",
            /// New.
            New = "NEW",
        }
    }

    #[test]
    fn known_and_unknown_values_are_given_back_unchanged() {
        for (json, phase) in [
            (r#""FULL""#, Phase::Full),
            (r#""NEW""#, Phase::New),
            (r#""WANING""#, Phase::Other("WANING".into())),
            (r#""full""#, Phase::Other("full".into())),
            (r#""""#, Phase::Other(String::new())),
        ] {
            assert_eq!(serde_json::from_str::<Phase>(json).unwrap(), phase);
            assert_eq!(serde_json::to_string(&phase).unwrap(), json);
        }
        assert_eq!(Phase::from("FULL").to_string(), "FULL");
    }

    #[test]
    fn the_known_values_are_those_listed() {
        assert_eq!(Phase::KNOWN, [Phase::Full, Phase::New]);
    }
}
