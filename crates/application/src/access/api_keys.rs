//! API keys: make, check, rotate, revoke.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiKeySecret, EventKind, IssuedApiKey, NewApiKey, Page, PageRequest,
    PagedList, Result, StorageError, UniqueKey, UnitOfWork, UserError, storable_time,
};

use crate::Context;
use crate::context::{retry, service_of_context};

/// How often something is tried anew that another one has changed, or taken, in between.
const ATTEMPTS: usize = 4;

/// Manages API keys. A clone is a handle.
#[derive(Debug, Clone)]
pub struct ApiKeyService {
    context: Context,
}

service_of_context!(ApiKeyService);

impl ApiKeyService {
    /// Makes a key. Its secret is answered this once.
    ///
    /// # Errors
    /// `Validation` of `name` or `expires_in`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn create(&self, params: &NewApiKey) -> Result<IssuedApiKey> {
        retry(|| async move {
            let now = self.context.now();
            let id = ApiKeyId::generate(now, self.context.entropy());
            let mut unit = self.context.write().await?;
            let make = |secret: &ApiKeySecret| ApiKey::new(id, params, secret, now);
            let issued = self.issue(&mut *unit, make).await?;
            let kind = EventKind::ApiKeyCreated { key_id: id, scopes: issued.key.scopes };
            unit.events().append(&[self.context.event(now, kind)]).await?;
            self.context.commit(unit).await?;
            Ok(issued)
        })
        .await
    }

    /// The key that a client's secret opens now. Text that is no secret, a key that is not there, a wrong
    /// secret and a key that is not usable are all `None`.
    ///
    /// It notes no use: collect the uses and hand them to [`ApiKeyService::touch_many`].
    ///
    /// # Errors
    /// `Storage`.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<ApiKey>> {
        let Ok(secret) = secret.parse::<ApiKeySecret>() else { return Ok(None) };
        let found = self.context.read().await?.api_keys().find_by_prefix(secret.prefix()).await?;
        let now = self.context.now();
        Ok(found.filter(|key| key.is_opened_by(&secret, now)))
    }

    /// The key of that id, usable or not.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_id(&self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        Ok(self.context.read().await?.api_keys().find_many(&[id]).await?.pop())
    }

    /// A page of all keys, usable or not, made last first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<ApiKey>> {
        page.check(PagedList::ApiKeys)?;
        Ok(self.context.read().await?.api_keys().list(page).await?.of(PagedList::ApiKeys))
    }

    /// Replaces a usable key by a new one of the same name, scopes and length of life, whose secret is
    /// answered this once. The old one goes on for `grace`; without grace it is revoked at once.
    ///
    /// # Errors
    /// `NotFound`; `NotAllowed` when it is not usable or was rotated already; `Validation` of `grace`;
    /// `Stale` when somebody else changed it meanwhile.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn rotate(&self, id: ApiKeyId, grace: Duration) -> Result<IssuedApiKey> {
        retry(|| async move {
            let now = self.context.now();
            let into = ApiKeyId::generate(now, self.context.entropy());
            let mut unit = self.context.write().await?;
            let old = get(&mut *unit, id).await?;
            let mut changed = old.clone();
            let issued = self.issue(&mut *unit, |secret| {
                changed = old.clone();
                changed.rotate(into, secret, grace, now)
            });
            let issued = issued.await?;
            unit.api_keys().update(&changed).await?;
            let kind = EventKind::ApiKeyRotated { key_id: id, into };
            unit.events().append(&[self.context.event(now, kind)]).await?;
            self.context.commit(unit).await?;
            Ok(issued)
        })
        .await
    }

    /// Makes a key useless for good. One that is revoked already stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when it changes all the time.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn revoke(&self, id: ApiKeyId) -> Result<ApiKey> {
        for _ in 1..ATTEMPTS {
            match retry(|| self.try_revoke(id)).await {
                // Whatever it was, the key is to be revoked all the same.
                Err(UserError::Stale) => {}
                done => return done,
            }
        }
        retry(|| self.try_revoke(id)).await
    }

    async fn try_revoke(&self, id: ApiKeyId) -> Result<ApiKey> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        let mut key = get(&mut *unit, id).await?;
        if !key.revoke(now) {
            return Ok(key);
        }
        unit.api_keys().update(&key).await?;
        let event = self.context.event(now, EventKind::ApiKeyRevoked { key_id: id });
        unit.events().append(&[event]).await?;
        self.context.commit(unit).await?;
        Ok(key)
    }

    /// Notes that these keys were used at these times: many in one write. It is no change of the keys.
    ///
    /// # Errors
    /// `Validation` of `seen` beyond 10,000; `Storage`.
    #[tracing::instrument(skip_all, fields(seen = seen.len()), err(level = "debug"))]
    pub async fn touch_many(&self, seen: &[(ApiKeyId, DateTime<Utc>)]) -> Result<()> {
        crate::users::check_bulk("seen", seen.len())?;
        if seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = seen.iter().map(|(id, at)| (*id, storable_time(*at))).collect();
        let seen = seen.as_slice();
        retry(|| async move {
            let mut unit = self.context.write().await?;
            unit.api_keys().touch_many(seen).await?;
            self.context.commit(unit).await
        })
        .await
    }

    /// Stores what `make` makes of a new secret; of another one where the prefix is taken.
    async fn issue(
        &self,
        unit: &mut dyn UnitOfWork,
        mut make: impl FnMut(&ApiKeySecret) -> Result<ApiKey> + Send,
    ) -> Result<IssuedApiKey> {
        let mut attempts = 1;
        loop {
            let secret = ApiKeySecret::generate(self.context.entropy());
            let key = make(&secret)?;
            match unit.api_keys().insert(&key).await {
                Ok(()) => return Ok(IssuedApiKey { key, secret }),
                Err(StorageError::Conflict { key: UniqueKey::Prefix, .. })
                    if attempts < ATTEMPTS =>
                {
                    attempts += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn get(unit: &mut dyn UnitOfWork, id: ApiKeyId) -> Result<ApiKey> {
    let found = unit.api_keys().find_many(&[id]).await?.pop();
    found.ok_or_else(|| UserError::not_found("API key", id))
}
