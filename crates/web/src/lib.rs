#![doc = include_str!("../README.md")]

pub mod admin;
pub mod api;
pub mod auth;
mod body;
mod client_ip;
mod decision;
pub mod forward_auth;
pub mod health;
pub mod idempotency;
pub mod layers;
mod options;
mod outage;
mod problem;
mod runs;
mod settle;
mod web;

pub use body::{JsonBody, PathParams, QueryParams};
pub use client_ip::ClientIp;
pub use options::{OnOutage, ProxyHeader, RateLimit, WebOptions};
pub use problem::Problem;
pub use web::Web;
