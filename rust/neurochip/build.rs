//! Embeds every chip file of `chips/`, so that adding a chip is adding one file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../chips").canonicalize();
    let folder = folder.expect("the folder of chip files, `chips/`, is missing");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut table = String::from("&[\n");
    for file in chip_files(&folder) {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_stem().unwrap().to_string_lossy();
        let path = file.to_str().expect("the path to the repository is UTF-8");
        writeln!(table, "    ({name:?}, include_str!({path:?})),").unwrap();
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("built_in.rs"), table).unwrap();
}

/// The chip files, by name: the order on disk differs from machine to machine.
fn chip_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}
