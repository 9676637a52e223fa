//! The walls of the house (docs/architecture.md): which crate may name which. Read from `cargo metadata`, so that an
//! edge that nobody may draw does not pass.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Our crates, and which of ours each may depend on. A crate that is not here is a room that the plan does not have.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("iso8583", &[]),
    ("certs", &[]),
    // A format of what the domain has, for flows.
    ("statement", &["domain"]),
    // Drivers: the domain, and a codec; never each other.
    ("channels", &["domain"]),
    ("store", &["domain"]),
    ("bank", &["domain", "iso8583"]),
    // Flows: the domain's ports, certificates and what flows share; never a driver, never another flow.
    ("web", &["domain", "certs"]),
    ("checkout", &["domain", "certs", "web"]),
    ("authority", &["domain", "certs", "web"]),
    ("access", &["domain", "web"]),
    ("set", &["domain", "certs", "web"]),
    ("wallet", &["domain", "web", "statement"]),
    ("operator", &["domain", "web"]),
    // The composition root: everything but the testers' rooms.
    (
        "server",
        &[
            "domain",
            "channels",
            "store",
            "bank",
            "certs",
            "web",
            "checkout",
            "authority",
            "access",
            "set",
            "wallet",
            "operator",
        ],
    ),
    // The testers' rooms see everything below them.
    ("sandbox", BELOW.split_at(BELOW.len() - 2).0),
    ("runner", BELOW.split_at(BELOW.len() - 1).0),
    ("tests", BELOW),
];

/// The rooms from the ground up, those for testers at the top.
const BELOW: &[&str] = &[
    "domain",
    "channels",
    "store",
    "bank",
    "iso8583",
    "statement",
    "certs",
    "web",
    "checkout",
    "authority",
    "access",
    "set",
    "wallet",
    "operator",
    "server",
    "sandbox",
    "runner",
];

/// What the domain must never know: networks, HTTP, X.509, databases, an async runtime.
const NOT_IN_THE_DOMAIN: &[&str] =
    &["axum", "hyper", "rcgen", "rusqlite", "rustls", "tokio", "x509-parser"];

/// Our crates' names without `countersign-`, each with the names of what it depends on when it is built or tested.
fn edges() -> BTreeMap<String, Vec<(String, DependencyKind)>> {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let packages = metadata.workspace_packages().into_iter();
    packages
        .map(|package| {
            let dependencies = package.dependencies.iter();
            let named = dependencies.map(|dependency| (dependency.name.clone(), dependency.kind));
            (ours(&package.name), named.collect())
        })
        .collect()
}

fn ours(package: &str) -> String {
    package.strip_prefix("countersign-").unwrap_or(package).to_owned()
}

#[test]
fn no_crate_names_one_that_the_walls_forbid() {
    let allowed: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    for (package, dependencies) in edges() {
        let may_name = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not in the plan of the house"));
        for (dependency, kind) in dependencies {
            let Some(dependency) = dependency.strip_prefix("countersign-") else {
                continue;
            };
            // A crate may name itself in its tests, to switch its own features on.
            let itself = kind == DependencyKind::Development && dependency == package;
            assert!(
                itself || may_name.contains(&dependency),
                "{package} names {dependency}: forbidden by docs/architecture.md"
            );
        }
    }
}

#[test]
fn the_plan_has_no_room_that_is_not_there() {
    let edges = edges();
    for (package, _) in MAY_NAME {
        assert!(edges.contains_key(*package), "{package} is not there");
    }
}

#[test]
fn the_domain_knows_no_network_and_no_database() {
    let built = edges().remove("domain").unwrap();
    for (dependency, kind) in built {
        let known = kind == DependencyKind::Normal && NOT_IN_THE_DOMAIN.contains(&&*dependency);
        assert!(!known, "the domain names {dependency}");
    }
}

/// The packages of a build at the root, each with the features that it is built with, for the host and for programs of
/// the build alike.
fn built(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none"])
        .args(["--format", "{p}|{f}"])
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let mut packages = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(tree.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (package, features) = line.trim_end_matches(" (*)").split_once('|').unwrap();
        packages.entry(package.to_owned()).or_default().insert(features.to_owned());
    }
    packages
}

/// What a test alone asks of a package that others share stands under `[dependencies]` of the tests' crate, which is one of
/// the default members.
#[test]
fn what_cargo_run_has_built_is_not_built_again_for_the_tests() {
    let run = built(&["--edges", "normal,build"]);
    let test = built(&["--workspace", "--all-features", "--edges", "normal,build,dev"]);
    assert!(run.len() > 100, "{run:?}");
    for (package, features) in run {
        assert_eq!(Some(&features), test.get(&package), "{package}");
    }
}
