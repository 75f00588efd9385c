//! Provides the client of the store or server that an address names, with the settings of the environment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::multipart::MultipartStore;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

use super::profile;
use super::retry::patience;
use crate::error::{Error, Result, Step};
use crate::location::{Address, Scheme};

/// Limit of a request, body included: a piece at 70 kB/s comes within it.
const REQUEST_SECONDS: u64 = 120;
/// Limit for a connection to be made.
const CONNECT_SECONDS: u64 = 20;

/// A client.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Its interface for large files, if it has one.
    pub(super) parts: Option<Arc<dyn MultipartStore>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The library's own text might show what is secret.
        f.write_str("Client")
    }
}

/// The clients of a process by server: making one takes longer than many a request, and connections are kept.
struct Clients {
    process: u32,
    by_server: HashMap<String, Client>,
}

/// Clients that are kept; signed addresses may have one each.
const KEPT: usize = 32;

static CLIENTS: Mutex<Option<Clients>> = Mutex::new(None);

/// The client of the store or server of `address`; nothing is asked of it yet.
pub(super) fn client_of(address: &Address) -> Result<Client> {
    let process = std::process::id();
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if clients.as_ref().is_some_and(|clients| clients.process != process) {
        // Connections do not come along into a forked process, and ending them here would wait for its parent's threads.
        std::mem::forget(clients.take());
    }
    let by_server = HashMap::new();
    let Clients { by_server, .. } = clients.get_or_insert(Clients { process, by_server });
    let server = address.server();
    if let Some(client) = by_server.get(&server) {
        return Ok(client.clone());
    }
    let made = connect(address)?;
    if by_server.len() >= KEPT {
        by_server.clear();
    }
    by_server.insert(server, made.clone());
    Ok(made)
}

fn connect(address: &Address) -> Result<Client> {
    // Another part of the program may have chosen one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let fail = |cause: object_store::Error| Error::Store {
        url: address.to_string(),
        step: Step::Connect,
        cause: super::retry::cause(&cause.to_string()),
    };
    match address.scheme() {
        Scheme::S3 => s3(address)?.build().map_err(fail).map(with_parts),
        Scheme::Gs => gs(address)?.build().map_err(fail).map(with_parts),
        Scheme::Az => az(address)?.build().map_err(fail).map(with_parts),
        Scheme::Https | Scheme::Http => {
            let mut builder = HttpBuilder::new().with_url(address.server()).with_retry(no_retries());
            for (key, value) in limits()? {
                builder = builder.with_config(key, value);
            }
            let plain = address.scheme() == Scheme::Http;
            let built = builder
                .with_config(ClientConfigKey::AllowHttp, plain.to_string())
                .build();
            built.map_err(fail).map(|store| Client {
                store: Arc::new(store),
                parts: None,
            })
        }
    }
}

fn with_parts(store: impl ObjectStore + MultipartStore) -> Client {
    let store = Arc::new(store);
    Client {
        store: store.clone(),
        parts: Some(store),
    }
}

/// We try again ourselves: the library gives up after seconds, and does not try all that can be.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Time limits; never longer than a request is tried at all.
fn limits() -> Result<[(ClientConfigKey, String); 2]> {
    let patience = patience()?.as_secs().max(1);
    let seconds = |limit: u64| format!("{} seconds", limit.min(patience));
    Ok([
        (ClientConfigKey::Timeout, seconds(REQUEST_SECONDS)),
        (ClientConfigKey::ConnectTimeout, seconds(CONNECT_SECONDS)),
    ])
}

fn is_set(names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether the endpoint that one of these variables names is not encrypted: who writes http:// means it.
fn is_plain(names: &[&str]) -> bool {
    let endpoint = names.iter().find_map(|name| std::env::var(name).ok());
    endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
}

fn s3(address: &Address) -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(address.host())
        // Objects are deleted one by one, and not every store can delete several at once.
        .with_disable_bulk_delete(true)
        .with_retry(no_retries());
    for (key, value) in limits()? {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
    }
    let own = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SKIP_SIGNATURE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let profile = profile::read();
    if !is_set(&own) {
        for key in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
            if let (Some(value), Ok(key)) = (profile.get(key), key.parse()) {
                builder = builder.with_config(key, value);
            }
        }
    }
    if let Some(region) = profile
        .get("region")
        .filter(|_| !is_set(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
    {
        builder = builder.with_region(region);
    }
    let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    if let Some(endpoint) = profile.get("endpoint_url").filter(|_| !is_set(&endpoints)) {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http://"));
    }
    if is_plain(&endpoints) {
        builder = builder.with_allow_http(true);
    }
    Ok(builder)
}

fn gs(address: &Address) -> Result<GoogleCloudStorageBuilder> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(address.host());
    let mut builder = builder.with_retry(no_retries());
    for (key, value) in limits()? {
        builder = builder.with_config(GoogleConfigKey::Client(key), value);
    }
    Ok(builder)
}

fn az(address: &Address) -> Result<MicrosoftAzureBuilder> {
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(address.host());
    let mut builder = builder.with_retry(no_retries());
    for (key, value) in limits()? {
        builder = builder.with_config(AzureConfigKey::Client(key), value);
    }
    if is_plain(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]) {
        builder = builder.with_allow_http(true);
    }
    Ok(builder)
}
