//! The style sheet and the script: built in, named by their content, so that a browser may keep them for ever.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "assets/"]
struct Assets;

/// The addresses that pages name.
pub(super) struct AssetPaths {
    pub(super) css: String,
    pub(super) js: String,
    pub(super) icon: String,
}

pub(super) static PATHS: LazyLock<AssetPaths> = LazyLock::new(|| AssetPaths {
    css: path("admin.css"),
    js: path("admin.js"),
    icon: path("icon.svg"),
});

pub(super) fn router() -> Router {
    Router::new().route("/admin/assets/{version}/{name}", get(serve))
}

fn path(name: &str) -> String {
    let version = Assets::get(name).map(|file| version(&file)).unwrap_or_default();
    format!("/admin/assets/{version}/{name}")
}

/// The first 64 bits of the content's hash.
fn version(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(Path((wanted, name)): Path<(String, String)>) -> Response {
    // Another version of this program may ask for its own files: they must not be kept under that name.
    let file = Assets::get(&name).filter(|file| version(file) == wanted);
    let Some(file) = file else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, file.data).into_response()
}
