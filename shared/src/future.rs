//! The futures that the traits of this library return.

use std::pin::Pin;

/// A boxed future. A trait whose methods return it can be used as a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
