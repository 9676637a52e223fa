//! asn1tools and pycrate compile the module, and read every vector by it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{house::folder, programs::done, vectors};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/python");
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/set.asn1");

#[test]
fn asn1tools_and_pycrate_read_every_vector_and_write_it_the_same() {
    let bad = folder("bad").display().to_string();
    let good = vectors::GOOD.map(|of| folder(of).display().to_string()).join(" ");
    let python = environment().join("bin/python").display().to_string();
    let arguments = format!("{HERE}/read_vectors.py {MODULE} {bad} {good}");
    let said = done(Path::new("/"), &python, &arguments);
    let read: usize = vectors::GOOD.map(|of| vectors::read(of).len()).iter().sum();
    assert!(said.starts_with(&format!("{read} read, ")), "{said}");
}

/// Where the packages are. Made once for each list of them; pip fetches them the first time.
fn environment() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-vectors");
    let wanted = fs::read(Path::new(HERE).join("requirements.txt")).unwrap();
    let installed = place.join("installed.txt");
    if !fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        let (root, shown) = (Path::new("/"), place.display());
        done(root, "python3", &format!("-m venv --clear {shown}"));
        let pip = format!("{shown}/bin/pip");
        let options = "--quiet --disable-pip-version-check install --only-binary :all:";
        done(root, &pip, &format!("{options} --requirement {HERE}/requirements.txt"));
        fs::write(installed, wanted).unwrap();
    }
    place
}
