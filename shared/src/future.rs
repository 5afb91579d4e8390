//! The futures that the traits of this library return.

use std::pin::Pin;

/// A future whose type is not named, so that a trait which returns it can be used as a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
