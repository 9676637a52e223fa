//! The floors of a house's rooms (docs/architecture.md): the modules of `domain` stand on floors and import nothing from
//! above; in the rooms that are read here no module imports another that imports it, at any distance.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The domain's modules, lowest floor first. What is not here has no floor yet, and fails.
const FLOORS: [(&str, &[&str]); 4] = [
    (
        "values",
        &[
            "address",
            "amount",
            "card",
            "digest",
            "element",
            "hex",
            "id",
            "invalid",
            "lane",
            "locale",
            "origin",
            "person",
            "randomness",
            "secret",
            "shown",
            "time",
            "transaction",
            "typed",
        ],
    ),
    (
        "what is kept and asked for",
        &[
            "bank",
            "error",
            "event",
            "keys",
            "message",
            "operator",
            "phrase",
            "pin",
            "plan",
            "ports",
            "record",
            "refusal",
            "register",
            "relying_party",
            "settlement",
            "subscriber",
        ],
    ),
    (
        "state machines",
        &[
            "agreement",
            "binding",
            "challenge",
            "code",
            "exempted",
            "ocra",
            "payment",
            "policy",
            "response",
            "summary",
        ],
    ),
    ("the flow", &["directory", "gateway", "limits", "outbox", "reseal", "retention", "verifier"]),
];

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Which top-level modules of a crate each of its top-level modules names, tests and comments left out.
fn edges(room: &str) -> Edges {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room).join("src");
    let mut edges = Edges::new();
    collect(&src, None, &mut edges);
    let modules: BTreeSet<String> = edges.keys().cloned().collect();
    for (module, named) in &mut edges {
        named.retain(|name| name != module && modules.contains(name));
    }
    edges
}

fn collect(folder: &Path, module: Option<&str>, edges: &mut Edges) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = module.unwrap_or(&stem);
        if matches!(module, "lib" | "testing") || stem == "tests" {
            continue;
        }
        if path.is_dir() {
            collect(&path, Some(module), edges);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let named = named(&fs::read_to_string(&path).unwrap());
            edges.entry(module.to_owned()).or_default().extend(named);
        }
    }
}

/// The first names of all paths that begin with `crate::`.
fn named(source: &str) -> BTreeSet<String> {
    let code = source.lines().take_while(|line| *line != "#[cfg(test)]");
    let code: Vec<&str> = code.map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut names = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        let path = &code[at + found.len()..];
        match path.strip_prefix('{') {
            Some(group) => names.extend(first_names(group)),
            None => names.extend(first_name(path)),
        }
    }
    names
}

/// The first name of each path in a group, up to its closing brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut path, mut names) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(first_name(std::mem::take(&mut path).trim())),
            c => path.push(c),
        }
    }
    names.extend(first_name(path.trim()));
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// A way from a module back to itself, if there is one.
fn circle(edges: &Edges) -> Option<Vec<String>> {
    fn walk(edges: &Edges, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        let here = way.last().unwrap().clone();
        for next in &edges[&here] {
            if let Some(at) = way.iter().position(|module| module == next) {
                way.drain(..at);
                way.push(next.clone());
                return true;
            }
            if !done.contains(next) {
                way.push(next.clone());
                if walk(edges, way, done) {
                    return true;
                }
                way.pop();
            }
        }
        done.insert(here);
        false
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|module| {
        let mut way = vec![module.clone()];
        (!done.contains(module) && walk(edges, &mut way, &mut done)).then_some(way)
    })
}

#[test]
fn no_module_imports_itself_by_a_detour() {
    for room in [
        "core/domain",
        "certs",
        "adapters/wallet",
        "adapters/server",
        "scenarios/sandbox",
        "scenarios/runner",
    ] {
        let circle = circle(&edges(room));
        assert_eq!(circle, None, "{room} has a circle");
    }
}

#[test]
fn no_module_of_the_domain_imports_from_a_floor_above() {
    let floor_of = |module: &str| {
        let floor = FLOORS.iter().position(|(_, modules)| modules.contains(&module));
        floor.unwrap_or_else(|| panic!("{module} has no floor"))
    };
    for (module, named) in edges("core/domain") {
        for other in named {
            let floors = (floor_of(&module), floor_of(&other));
            assert!(
                floors.0 >= floors.1,
                "{module} ({}) imports {other} ({})",
                FLOORS[floors.0].0,
                FLOORS[floors.1].0
            );
        }
    }
}

#[test]
fn a_circle_is_found_and_its_way_is_told() {
    let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")];
    let edges: Edges = edges
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])))
        .into_iter()
        .collect();
    assert_eq!(circle(&edges), Some(["b", "c", "b"].map(str::to_owned).to_vec()));
}

#[test]
fn every_kind_of_import_is_read_and_comments_are_not() {
    let source = "
        use crate::{one::{One, other}, two, three::Three};
        pub use crate::four::Four;
        // use crate::five;
        /// [`Six`](crate::six::Six)
        fn f() { crate::seven::f(); }\n#[cfg(test)]\nmod tests { use crate::eight; }";
    let names: Vec<String> = named(source).into_iter().collect();
    assert_eq!(names, ["four", "one", "seven", "three", "two"]);
}
