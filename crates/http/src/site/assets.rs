//! The files of the site: what they are, under which version, and which modules a page needs.
//!
//! All files share one version, a digest over all of them, as a folder of their address. So modules name each other by
//! plain relative paths, nothing has to be rewritten, and every file may be kept for good.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::encoding::compress;
use crate::respond::tag_of;

/// Bytes of the digest that name a version.
const VERSION_BYTES: usize = 8;

/// What the build found in `web/`. A debug build reads the folder when it starts, so that pages can be worked on
/// without a compiler.
#[derive(RustEmbed)]
#[folder = "web"]
struct Folder;

/// The files, read once.
pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::load);

/// All files of the site.
pub(super) struct Assets {
    version: String,
    files: BTreeMap<String, Asset>,
}

/// A file of the site.
pub(super) struct Asset {
    kind: &'static str,
    tag: String,
    plain: Bytes,
    /// Made when somebody first takes it so.
    compressed: OnceLock<Option<Bytes>>,
}

impl Assets {
    fn load() -> Self {
        let mut digest = Sha256::new();
        let mut files = BTreeMap::new();
        let mut paths: Vec<_> = Folder::iter().collect();
        paths.sort();
        for path in paths {
            let Some(file) = Folder::get(&path) else { continue };
            digest.update(path.as_bytes());
            digest.update(file.metadata.sha256_hash());
            let plain = match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            let asset = Asset { kind: kind(&path), tag: tag_of(&plain), plain, compressed: OnceLock::new() };
            files.insert(path.into_owned(), asset);
        }
        let version = digest.finalize().iter().take(VERSION_BYTES).fold(String::new(), |mut text, byte| {
            // Writing into a string has no way to fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { version, files }
    }

    /// What all files are under.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// A file by its path below `web/`.
    pub(super) fn get(&self, path: &str) -> Option<&Asset> {
        self.files.get(path)
    }

    /// The text of a file; empty for one that is not there or is no text.
    pub(super) fn text(&self, path: &str) -> &str {
        self.get(path).and_then(|asset| std::str::from_utf8(&asset.plain).ok()).unwrap_or_default()
    }

    /// The paths of all files below a folder, in order.
    pub(super) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.keys().map(String::as_str).filter(move |path| path.starts_with(folder))
    }

    /// A module and all that it imports at once, each once, itself first. A browser that is told of them fetches them
    /// together, instead of finding them one after the other.
    pub(super) fn modules(&self, path: &str) -> Vec<String> {
        let mut found = vec![path.to_owned()];
        let mut at = 0;
        while let Some(path) = found.get(at).cloned() {
            for import in imports(self.text(&path)) {
                let resolved = resolve(&path, import);
                if !found.contains(&resolved) {
                    found.push(resolved);
                }
            }
            at += 1;
        }
        found
    }
}

impl Asset {
    pub(super) const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// None when it would not be shorter.
    pub(super) fn compressed(&self) -> Option<Bytes> {
        let made = self.compressed.get_or_init(|| {
            let compressed = compress(&self.plain, Compression::best()).ok()?;
            (compressed.len() < self.plain.len()).then(|| compressed.into())
        });
        made.clone()
    }
}

/// The content type of a file, by the end of its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

/// The relative modules that a module imports at once. Those that it asks for later (`import(…)`) are not among them.
fn imports(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        // An import ends its line, also when it takes several.
        let (before, name) = line.trim_end().strip_suffix("\";")?.rsplit_once('"')?;
        let is_import = before.ends_with("from ") || before == "import ";
        (is_import && name.starts_with('.')).then_some(name)
    })
}

/// The path that `name` means in the file `from`.
fn resolve(from: &str, name: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_and_resolved() {
        let source = "import { a,\n  b } from \"../app/x.js\";\nimport \"./y.js\";\nconst z = await import(\"./z.js\");\n\
                      export { c } from \"./c.js\";\nconst text = \"from \";";
        assert_eq!(imports(source).collect::<Vec<_>>(), ["../app/x.js", "./y.js", "./c.js"]);
        assert_eq!(resolve("pages/gate.js", "../app/x.js"), "app/x.js");
        assert_eq!(resolve("pages/gate.js", "./y.js"), "pages/y.js");
    }

    #[test]
    fn every_module_that_is_imported_is_there() {
        let modules: Vec<_> =
            ASSETS.below("").filter(|path| kind(path).starts_with("text/javascript")).collect();
        assert!(modules.len() > 20, "{modules:?}");
        for module in modules {
            for needed in ASSETS.modules(module) {
                assert!(ASSETS.get(&needed).is_some(), "{module} needs {needed}");
            }
            let named = ASSETS.text(module).matches("from \".").count();
            let bare = ASSETS.text(module).lines().filter(|line| line.starts_with("import \".")).count();
            assert_eq!(imports(ASSETS.text(module)).count(), named + bare, "{module}");
        }
    }

    #[test]
    fn files_have_a_type_and_compress() {
        for path in ASSETS.below("") {
            let asset = ASSETS.get(path).expect("it is listed");
            if let Some(compressed) = asset.compressed() {
                assert!(compressed.len() < asset.plain().len(), "{path}");
            }
            assert!(!asset.tag().is_empty());
        }
        assert_eq!(ASSETS.version().len(), 2 * VERSION_BYTES);
        assert_eq!(ASSETS.get("app/api.js").map(Asset::kind), Some("text/javascript; charset=utf-8"));
    }
}
