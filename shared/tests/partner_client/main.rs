//! The client of the Partner API against the published schema and against the WHOOP simulator, over HTTP.
//!
//! WHOOP is the simulator, and every test counts its calls; the token table is a DynamoDB in memory.

mod contract;
mod documents;
mod errors;
mod lab;
mod openapi;
mod privacy;
mod program;
mod rate_limit;
mod repetition;
mod requests;
mod schema_forms;
mod spans;
mod token;
mod token_table;
mod tutorial;
