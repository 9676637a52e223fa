//! What is kept in a file, and for how long: under which key cards are sealed, and what is left of people once all is over.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod set;
mod wallet;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use countersign_domain::{
    keys::KeyRing,
    ports::{Ports, Store},
    secret::Secret,
    testing::Fixture,
};
use countersign_server::{Config, facts, keys, reseal};
use countersign_store::SqliteStore;
use serde_json::Value;
use tempfile::TempDir;

/// The master secrets, by their ids.
const SECRETS: [(&str, u8); 2] = [("k1", 9), ("k2", 11)];

/// A folder with a store, and the configuration that commands are given for it.
struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (id, octet) in SECRETS {
            let path = folder.path().join(format!("{id}.key"));
            fs::write(&path, format!("{octet:02x}").repeat(32)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// With those keys, the first of them the current one.
    fn config(&self, ids: &[&str]) -> Config {
        let files: Vec<_> = ids.iter().map(|id| format!("{id} = \"{id}.key\"")).collect();
        let text = format!(
            "tls = {{ certificate = \"none.pem\", key = \"none.key\" }}\n\
             store = {{ path = \"store.db\" }}\n\
             keys = {{ current = \"{}\", files = {{ {} }} }}\n",
            ids.first().unwrap(),
            files.join(", ")
        );
        Config::from_toml(&text, self.0.path()).unwrap()
    }

    fn ring(ids: &[&str]) -> Arc<KeyRing> {
        let secrets = SECRETS.into_iter().filter(|(id, _)| ids.contains(id));
        let secrets = secrets.map(|(id, octet)| (id.try_into().unwrap(), Secret::new([octet; 32])));
        let current = (*ids.first().unwrap()).try_into().unwrap();
        Arc::new(KeyRing::new(current, secrets.collect()).unwrap())
    }

    fn store(&self, ids: &[&str]) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open_sealed(&self.file("store.db"), Self::ring(ids)).unwrap())
    }

    /// The ports of a fixture, over the store and with those keys.
    fn ports(&self, of: &Fixture, ids: &[&str]) -> Ports {
        Ports { store: self.store(ids), keys: Self::ring(ids), ..of.ports.clone() }
    }

    /// What the first key seals, before and after it was replaced by the second: by what `countersign check --keys` and
    /// `countersign reseal` do. Then it can be removed, and the facts are sealed without it.
    async fn key_changed(&self) -> Value {
        let both = self.config(&["k2", "k1"]);
        let before = keys(&both).await.unwrap();
        assert!(before.right, "{}", before.text);
        let resealed = reseal(&both, |_| {}).await.unwrap();
        assert!(resealed.right, "{}", resealed.text);
        let after = keys(&both).await.unwrap();
        assert!(after.text.contains("key k1 seals nothing; it can be removed"), "{}", after.text);
        let alone = self.config(&["k2"]);
        assert!(keys(&alone).await.unwrap().right && facts(&alone).await.unwrap().right);
        let seals = before.json.pointer("/keys/0/seals").unwrap();
        assert_eq!(after.json.pointer("/keys/1/seals"), Some(seals));
        seals.clone()
    }
}
