#![doc = include_str!("../README.md")]

mod signup;
mod unverified;

pub use signup::{Signup, SignupError, Visitor};
pub use unverified::SuspendUnverifiedJob;
