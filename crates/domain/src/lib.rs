#![doc = include_str!("../README.md")]

mod access;
mod actor;
mod ban;
mod bulk;
mod clock;
mod duration;
mod error;
mod event;
mod filter;
mod id;
mod job;
mod moment;
mod page;
mod paged_list;
mod params;
mod policy;
mod ports;
mod role;
mod session;
mod stats;
mod token;
mod user;
mod value;
mod view;

pub use access::{
    ApiKey, ApiKeySecret, ApiScope, ApiScopes, BeginOutcome, IdempotencyKey, IssuedApiKey,
    MAX_ANSWER_BYTES, MAX_KEY_NAME_CHARS, NewApiKey, RememberedRequest, SignInLink,
};
pub use actor::{Actor, ActorName};
pub use ban::{
    AllowedNetwork, BanDuration, BanEnd, BanFact, BanFactKind, BanIpParams,
    BanIpWithMetadataParams, BanOrigin, BannedIp, IpTarget, LiftedBan, MAX_OFFENCE_SESSIONS,
    Offence,
};
pub use bulk::{BulkCreateItem, BulkCreateOutcome, BulkItem, BulkOutcome, BulkReport, OnExisting};
pub use clock::{Clock, Entropy};
pub use duration::{format_duration, parse_duration};
pub use error::{Result, StorageError, StorageResult, UniqueKey, UserError};
pub use event::{
    Event, EventFilter, EventKind, EventPosition, ProfileField, RecordedEvent, RefusedOperation,
};
pub use filter::{AnonymousScope, TimeRange, UserFilter, UserOrder, UserScope};
pub use id::{ApiKeyId, BanId, EventId, JobRunId, ParseIdError, SessionId, UserId};
pub use job::{
    Job, JobContext, JobError, JobOutcome, JobReport, JobRun, JobRunFilter, JobTrigger,
    MAX_JOB_COUNTS, MAX_JOB_ERROR_CHARS, check_job_text,
};
pub use moment::{bound_of, storable_time};
pub use page::{Cursor, MAX_PAGE_LIMIT, Page, PageLimit, PageRequest, SortKey};
pub use paged_list::PagedList;
pub use params::{AnonymousPromotion, CreateUserParams, NewUser, Patch, UpdateUserParams};
pub use policy::Policy;
pub use ports::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, EventLog, IdempotencyRepository,
    InsertOutcome, JobRepository, LockKey, RoleProvider, SessionRepository, SignInLinkRepository,
    Storage, UnitOfWork, UserProvider, UserRepository,
};
#[cfg(feature = "mock")]
pub use ports::{
    MockApiKeyRepository, MockBannedIpRepository, MockChangeSignal, MockEventLog,
    MockIdempotencyRepository, MockJobRepository, MockRoleProvider, MockSessionRepository,
    MockSignInLinkRepository, MockStorage, MockUnitOfWork, MockUserProvider, MockUserRepository,
};
pub use role::{Roles, UserRole};
pub use session::{
    EndReason, EndedSession, NewSession, SessionActivity, SessionFilter, SessionOrder, UserSession,
};
pub use stats::{SignupDay, UserCountBreakdown, UserStats, UserTally};
pub use token::{Token, TokenHash};
pub use user::{User, UserStatus};
pub use value::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, MAX_EMAIL_CHARS, MAX_TEXT_CHARS,
    NameLooks, SearchMatch, SearchText, UserName, fold_case, optional_text, search_fields,
};
pub use view::{
    DemoteResult, MergeOptions, MergeResult, NewAnonymous, PromoteResult, PurgePreview,
    StartedSession, UserActivity, UserExport, UserRef, UserWithSessions,
};
#[cfg(feature = "mock")]
pub use {
    clock::{MockClock, MockEntropy},
    job::MockJob,
};
