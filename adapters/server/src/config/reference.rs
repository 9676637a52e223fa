//! docs/reference/configuration.md against the types: each documented key exists, and each key is documented.
//!
//! The documented configuration is read through a deserializer that notes, for every struct, the keys that its type
//! has. A section that is added to [`Config`] is seen here without a line.

use std::{cell::RefCell, collections::BTreeMap};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::Value;

use super::*;

const PAGE: &str = include_str!("../../../../docs/reference/configuration.md");

/// Keys of each struct that was read, by its path in the file.
type Noted = RefCell<BTreeMap<String, &'static [&'static str]>>;

/// A value of a configuration, which notes the keys of the struct that is read from it.
struct Noting<'n> {
    value: Value,
    path: String,
    noted: &'n Noted,
}

impl<'de> IntoDeserializer<'de> for Noting<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Noting<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { value, path, noted } = self;
        match value {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(is) => visitor.visit_bool(is),
            Value::Datetime(time) => visitor.visit_string(time.to_string()),
            Value::Array(values) => {
                let values = values.into_iter();
                let values = values.map(|value| Noting { value, path: path.clone(), noted });
                visitor.visit_seq(SeqDeserializer::new(values))
            }
            Value::Table(table) => {
                let entries = table.into_iter().map(|(key, value)| {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    (key, Noting { value, path, noted })
                });
                visitor.visit_map(MapDeserializer::new(entries))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.noted.borrow_mut().insert(self.path.clone(), keys);
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let enumerated = self.value.into_deserializer();
        enumerated.deserialize_enum(name, variants, visitor).map_err(serde::de::Error::custom)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// The keys of every struct that a `T` is read from.
fn keys_of<T: DeserializeOwned>(text: &str) -> BTreeMap<String, &'static [&'static str]> {
    let noted = Noted::default();
    let value = Value::Table(toml::from_str(text).unwrap());
    T::deserialize(Noting { value, path: String::new(), noted: &noted }).unwrap();
    noted.into_inner()
}

/// The documented configuration, as it stands there.
fn documented() -> &'static str {
    let (_, block) = PAGE.split_once("## A whole one").unwrap().1.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0
}

/// With what is commented out: every comment in it is a key.
fn whole() -> String {
    let lines = documented().lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The rows of a section's table by their keys: what stands under the heading that names it.
fn rows(section: &str) -> BTreeMap<&'static str, &'static str> {
    let heading = PAGE.split("\n## ").filter_map(|part| part.strip_prefix('`')).find(|part| {
        let name = part.trim_start_matches('[').split(']').next().unwrap_or_default();
        // `[theme.ID]` is about each of them.
        name == section
            || name.strip_suffix("ID").is_some_and(|beginning| section.starts_with(beginning))
    });
    let lines = heading.unwrap_or_else(|| panic!("no heading names [{section}]")).lines();
    let rows = lines.filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.collect()
}

fn at<'v>(whole: &'v Value, path: &str) -> &'v Value {
    let keys = path.split('.').filter(|key| !key.is_empty());
    keys.fold(whole, |value, key| {
        let value = value.as_array().and_then(|values| values.first()).unwrap_or(value);
        value.get(key).unwrap_or_else(|| panic!("{path} is not in the documented configuration"))
    })
}

#[test]
fn the_documented_configuration_can_be_used_with_and_without_what_is_commented_out() {
    for text in [documented(), &whole()] {
        Config::from_toml(text, Path::new("/etc/countersign")).unwrap();
    }
}

#[test]
fn every_key_is_in_the_documented_configuration() {
    let whole = whole();
    let value = Value::Table(toml::from_str(&whole).unwrap());
    for (path, keys) in keys_of::<Config>(&whole) {
        let found = at(&value, &path);
        let found = found.as_array().and_then(|values| values.first()).unwrap_or(found);
        for key in keys {
            assert!(found.get(key).is_some(), "[{path}] is documented without {key}");
        }
    }
}

#[test]
fn every_key_has_its_row_and_every_row_its_key() {
    let whole = whole();
    let structs = keys_of::<Config>(&whole);
    // The file itself, and a section of sections: its keys have headings.
    let is_of_sections = |path: &str| path.is_empty() || path == "set";
    for (path, keys) in &structs {
        let parent = path.rsplit_once('.').filter(|(parent, _)| structs.contains_key(*parent));
        match parent.filter(|(parent, _)| !is_of_sections(parent)) {
            _ if is_of_sections(path) => {}
            // A value of several parts is told in one row.
            Some((parent, key)) => {
                let row = rows(parent).remove(key).unwrap_or_default();
                for part in *keys {
                    assert!(row.contains(part), "{parent}.{key} does not say what {part} is");
                }
            }
            None => {
                let mut keys = keys.to_vec();
                keys.sort_unstable();
                assert_eq!(rows(path).into_keys().collect::<Vec<_>>(), keys, "[{path}]");
            }
        }
    }
}
