//! Opens a connection before it is needed.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Turns a call into a bare `GET` of the service's address, just before it is sent.
///
/// The call prepares two things and has no effect. It opens the connection that the client's next call uses, and it runs the
/// code of a real call once, up to sending. The request is unsigned and empty, so it needs no permission and does not show
/// in the account's trails. The service answers with an error; any answer will do.
#[derive(Debug)]
pub struct ConnectOnly;

#[dyn_dispatch_hint]
impl Intercept for ConnectOnly {
    fn name(&self) -> &'static str {
        "ConnectOnly"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut() = HttpRequest::get(context.request().uri())?;
        Ok(())
    }
}
