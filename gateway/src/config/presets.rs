//! Presets: what well-known apps want of a route, by name. Each is a file in `policies/presets`.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::suggest::nearest;
use crate::crypto::Algorithm;

/// A preset as its file says it.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name: that of the file.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../../policies/presets/", $name, ".toml")),
        }),+]
    };
}

/// All presets, by name.
pub const PRESETS: &[Preset] = presets![
    "authelia",
    "chainlit-header",
    "chainlit-native",
    "generic-jwt",
    "gradio",
    "nvidia-aiq",
    "nvidia-nat",
    "oauth2-proxy",
    "open-webui",
    "pomerium",
    "seed-hs256",
    "streamlit",
];

/// Lists of these keys are added to a preset's: what an app must not be sent stays unsent, whatever
/// else a route strips.
const ADDED: [&str; 2] = ["strip_headers", "strip_cookies"];

impl Preset {
    /// The preset of a name.
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.iter().find(|preset| preset.name == name).copied()
    }

    /// What it is for, in one sentence.
    pub fn about(&self) -> String {
        self.text_at("about")
    }

    /// The app's side: its settings and how it is started.
    pub fn app(&self) -> String {
        self.text_at("app")
    }

    /// The keys that it sets on a route, as they would be written in the file.
    pub fn route(&self) -> String {
        let lines = self.text.split_once("\n[route").map_or("", |(_, rest)| rest);
        let lines = format!("[route{lines}");
        let mut out = String::new();
        for line in lines.lines().filter(|line| *line != "[route]") {
            let line = line
                .strip_prefix("[route.")
                .map_or(line.to_owned(), |rest| format!("[routes.{rest}"));
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{line}");
        }
        out.trim().to_owned()
    }

    /// What the app can verify; empty where it takes everything, or verifies nothing.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let table = self.table();
        let list = table.get("algorithms").map(|list| list.get_ref());
        let DeValue::Array(items) = list.unwrap_or(&DeValue::Boolean(false)) else {
            return Vec::new();
        };
        let names = items.iter().filter_map(|item| item.get_ref().as_str());
        let known = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256, Algorithm::Rs256];
        names.filter_map(|name| known.into_iter().find(|it| it.as_str() == name)).collect()
    }

    fn text_at(&self, key: &str) -> String {
        let table = self.table();
        let text = table.get(key).and_then(|value| value.get_ref().as_str());
        text.unwrap_or_default().trim().to_owned()
    }

    /// The file. A test reads each one.
    fn table(&self) -> DeTable<'static> {
        DeTable::parse(self.text).map(Spanned::into_inner).unwrap_or_default()
    }
}

/// Gives each route that names a preset the keys that it does not have itself. Tables are completed key
/// by key; what the route says wins.
pub(super) fn complete(root: &mut Spanned<DeValue<'_>>) {
    let DeValue::Table(root) = root.get_mut() else { return };
    let Some(DeValue::Array(routes)) = root.get_mut("routes").map(Spanned::get_mut) else { return };
    for route in routes.iter_mut() {
        let DeValue::Table(route) = route.get_mut() else { continue };
        let name = route.get("preset").and_then(|name| name.get_ref().as_str());
        let Some(preset) = name.and_then(Preset::named) else { continue };
        let DeValue::Table(defaults) = nowhere(preset.table().remove("route")) else { continue };
        merge(route, defaults);
    }
}

/// What to write instead of a preset that is not there.
pub(super) fn remedy(written: &str) -> String {
    match nearest(written, PRESETS.iter().map(|preset| preset.name)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let all: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            format!("use one of: {}", all.join(", "))
        }
    }
}

/// The part of the reference page about presets.
pub(super) fn manual() -> String {
    let mut page = "## Presets\n\n`preset` on a route gives it these keys, as far as it does not have \
        them itself; lists of what to strip are joined. `portcullis presets NAME` prints one with the \
        app's side.\n\n"
        .to_owned();
    for preset in PRESETS {
        let _ = writeln!(page, "### `preset = \"{}\"`\n\n{}\n", preset.name, preset.about());
        let _ = writeln!(page, "```toml\n{}\n```\n", preset.route());
    }
    page
}

fn merge<'i>(own: &mut DeTable<'i>, defaults: DeTable<'i>) {
    for (key, default) in defaults {
        let Some(value) = own.get_mut(&*key.get_ref().clone()) else {
            own.insert(key, default);
            continue;
        };
        match (value.get_mut(), default.into_inner()) {
            (DeValue::Table(own), DeValue::Table(defaults)) => merge(own, defaults),
            (DeValue::Array(own), DeValue::Array(more)) if ADDED.contains(&&**key.get_ref()) => {
                let missing = more.iter().filter(|it| {
                    !own.iter().any(|own| own.get_ref().as_str() == it.get_ref().as_str())
                });
                let missing: Vec<_> = missing.cloned().collect();
                missing.into_iter().for_each(|item| own.push(item));
            }
            _ => {}
        }
    }
}

/// The value with places that are not in anybody's file: a fault must not be found at one of them.
fn nowhere(value: Option<Spanned<DeValue<'static>>>) -> DeValue<'static> {
    const FAR: std::ops::Range<usize> = usize::MAX - 1..usize::MAX;
    match value.map(Spanned::into_inner) {
        Some(DeValue::Table(table)) => {
            let mut moved = DeTable::new();
            for (key, value) in table {
                let key = Spanned::new(FAR, key.into_inner());
                moved.insert(key, Spanned::new(FAR, nowhere(Some(value))));
            }
            DeValue::Table(moved)
        }
        Some(DeValue::Array(items)) => {
            let mut moved = toml::de::DeArray::new();
            for item in items.iter() {
                moved.push(Spanned::new(FAR, nowhere(Some(item.clone()))));
            }
            DeValue::Array(moved)
        }
        Some(other) => other,
        None => DeValue::Boolean(false),
    }
}
