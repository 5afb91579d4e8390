//! What the end-to-end tests and the demo share: the WHOOP simulator, the local AWS, and the stack deployed on it.

pub mod aws_proxy;
pub mod bootstrap;
pub mod demo;
pub mod local_aws;
pub mod recorder;
pub mod signals;
pub mod simulator;
pub mod stack;
pub mod steps;
pub mod world;
