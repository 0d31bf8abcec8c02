//! What callers hand in to ban.

use super::{BanDuration, BanEnd, IpTarget};
use crate::params::parse_optional;
use crate::session::clean_header;
use crate::value::optional_text;
use crate::{Fingerprint, MAX_TEXT_CHARS, Result, SessionId, UserError, UserId};

/// How many sessions one offence may name.
pub const MAX_OFFENCE_SESSIONS: usize = 100;

/// A ban of an address or a network.
///
/// ```
/// # use systemprompt_users_domain::{BanDuration, BanIpParams};
/// let params = BanIpParams::new("203.0.113.0/24", BanDuration::Days(7)).reason("scraping");
/// assert_eq!(params.reason.as_deref(), Some("scraping"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanIpParams {
    /// The address or network, in any spelling.
    pub ip: String,
    /// How long.
    pub duration: BanDuration,
    /// Why, for people; at most 255 characters.
    pub reason: Option<String>,
    /// What reported it; at most 255 characters.
    pub source: Option<String>,
}

impl BanIpParams {
    /// A ban without a reason.
    pub fn new(ip: impl Into<String>, duration: BanDuration) -> Self {
        Self { ip: ip.into(), duration, reason: None, source: None }
    }

    /// The same with a reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same with a source.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A ban with what is known of the offence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanIpWithMetadataParams {
    /// The ban.
    pub ban: BanIpParams,
    /// The fingerprint of the offender.
    pub fingerprint: Option<String>,
    /// The path that was asked for; cut to 255 characters, as a client sent it.
    pub offence_path: Option<String>,
    /// The user agent of the offender; cut to 255 characters, as a client sent it.
    pub user_agent: Option<String>,
    /// The sessions that offended, at most [`MAX_OFFENCE_SESSIONS`].
    pub session_ids: Vec<SessionId>,
    /// The user behind the offence.
    pub user_id: Option<UserId>,
}

impl From<BanIpParams> for BanIpWithMetadataParams {
    fn from(ban: BanIpParams) -> Self {
        Self {
            ban,
            fingerprint: None,
            offence_path: None,
            user_agent: None,
            session_ids: Vec::new(),
            user_id: None,
        }
    }
}

/// An offence, parsed: what a new fact of a ledger is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// What is banned.
    pub target: IpTarget,
    /// When the ban ends.
    pub until: BanEnd,
    /// Why.
    pub reason: Option<String>,
    /// What reported it.
    pub source: Option<String>,
    /// The fingerprint of the offender.
    pub fingerprint: Option<Fingerprint>,
    /// The path that was asked for.
    pub offence_path: Option<String>,
    /// The user agent of the offender.
    pub user_agent: Option<String>,
    /// The sessions that offended.
    pub session_ids: Vec<SessionId>,
    /// The user behind it.
    pub user_id: Option<UserId>,
}

impl BanIpWithMetadataParams {
    /// Parses every field of a ban made at `now`.
    ///
    /// # Errors
    /// `InvalidIp`, or `Validation` of `duration`, `reason`, `source`, `fingerprint` or `session_ids`.
    pub fn parse(&self, now: chrono::DateTime<chrono::Utc>) -> Result<Offence> {
        if self.session_ids.len() > MAX_OFFENCE_SESSIONS {
            let message = format!("must be at most {MAX_OFFENCE_SESSIONS}");
            return Err(UserError::validation("session_ids", message));
        }
        Ok(Offence {
            target: self.ban.ip.parse()?,
            until: self.ban.duration.end(now)?,
            reason: optional_text("reason", self.ban.reason.as_deref(), MAX_TEXT_CHARS)?,
            source: optional_text("source", self.ban.source.as_deref(), MAX_TEXT_CHARS)?,
            fingerprint: parse_optional(self.fingerprint.as_deref(), Fingerprint::parse)?,
            offence_path: self.offence_path.as_deref().and_then(clean_header),
            user_agent: self.user_agent.as_deref().and_then(clean_header),
            session_ids: self.session_ids.clone(),
            user_id: self.user_id,
        })
    }
}
