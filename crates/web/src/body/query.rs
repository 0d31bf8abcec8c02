//! Parameters of a query as fields of a type, without guessing what is meant.

use std::vec;

use serde::de::value::{Error, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer};
use serde::de::{MapAccess, Visitor};

/// What is wrong with the first parameter that is not acceptable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It can't be read: what is wrong, behind its name and `: `.
    Unreadable(String),
    /// Its text holds U+0000, which nothing that is stored does.
    Nul(String),
}

/// The parameters of a query.
///
/// # Errors
/// The first one that is not acceptable.
pub(super) fn read<T: DeserializeOwned>(query: &str) -> Result<T, Fault> {
    let mut pairs: Vec<Pair> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)
            .map_err(|error| Fault::Unreadable(format!("a name in the query {error}")))?;
        let value = decode(raw).map_err(|error| Fault::Unreadable(format!("{name}: {error}")))?;
        if pairs.iter().any(|pair| pair.name == name) {
            let detail = format!("{name}: is there more than once; send it once");
            return Err(Fault::Unreadable(detail));
        }
        if value.contains('\0') {
            return Err(Fault::Nul(name));
        }
        pairs.push(Pair { name, value, has_plus: raw.contains('+') });
    }
    let params = Params { pairs: pairs.into_iter(), current: None };
    T::deserialize(params).map_err(|error| Fault::Unreadable(error.to_string()))
}

/// The text that is meant by a part of a query.
fn decode(part: &str) -> Result<String, &'static str> {
    let mut decoded = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let byte = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                let byte = byte.and_then(|byte| u8::try_from(byte).ok());
                byte.ok_or("must have two hexadecimal digits behind each `%`; write `%` as `%25`")?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| "must be UTF-8")
}

struct Pair {
    name: String,
    value: String,
    /// Whether a plus stands there that was not meant as one, perhaps.
    has_plus: bool,
}

struct Params {
    pairs: vec::IntoIter<Pair>,
    current: Option<Pair>,
}

impl<'de> Deserializer<'de> for Params {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Params {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.pairs.next();
        let name = self.current.as_ref().map(|pair| pair.name.clone());
        name.map(|name| seed.deserialize(StringDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let pair = self.current.take().ok_or_else(|| Error::custom("there is no value"))?;
        seed.deserialize(Text(pair.value)).map_err(|error| {
            let hint = if pair.has_plus {
                "; a `+` in a query means a blank: write `+` as `%2B`"
            } else {
                ""
            };
            Error::custom(format!("{}: {error}{hint}", pair.name))
        })
    }
}

/// One value, which is text until a type says what it is.
struct Text(String);

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $type:ty,)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(whole::<$type>(&self.0)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
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

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::custom("expected `true` or `false`")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: StringDeserializer<Error> = self.0.into_deserializer();
        word.deserialize_enum(name, variants, visitor)
    }

    numbers! {
        deserialize_i8 visit_i64 i64,
        deserialize_i16 visit_i64 i64,
        deserialize_i32 visit_i64 i64,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u64 u64,
        deserialize_u16 visit_u64 u64,
        deserialize_u32 visit_u64 u64,
        deserialize_u64 visit_u64 u64,
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// A whole number in its one spelling: no plus, no zeros before it.
fn whole<N: std::str::FromStr>(text: &str) -> Result<N, Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    let number = text.parse().ok().filter(|_| is_plain);
    number.ok_or_else(|| Error::custom("expected a whole number, such as 50"))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Default, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Query {
        text: Option<String>,
        limit: Option<i64>,
        small: Option<u8>,
        flag: Option<bool>,
        word: Option<Word>,
        at: Option<DateTime<Utc>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        OneThing,
    }

    #[test]
    fn each_parameter_is_read_as_what_it_is() {
        let query: Query =
            read("text=a+b%2Bc%C3%A9&limit=-5&small=0&flag=true&word=one_thing&&").unwrap();
        assert_eq!(query.text.as_deref(), Some("a b+cé"));
        assert_eq!((query.limit, query.small, query.flag), (Some(-5), Some(0), Some(true)));
        assert_eq!(query.word, Some(Word::OneThing));
        assert_eq!(read::<Query>("").unwrap(), Query::default());
        let query: Query = read("at=2026-01-01T00:00:00%2B02:00").unwrap();
        assert_eq!(query.at.unwrap().to_rfc3339(), "2025-12-31T22:00:00+00:00");
    }

    fn refusal(query: &str) -> String {
        match read::<Query>(query).unwrap_err() {
            Fault::Unreadable(detail) => detail,
            fault @ Fault::Nul(_) => panic!("{fault:?}"),
        }
    }

    #[test]
    fn what_is_spelled_otherwise_is_refused_by_its_name() {
        for (query, start) in [
            ("limit=%2B5", "limit: expected a whole number"),
            ("limit=+5", "limit: expected a whole number, such as 50; a `+` in a query"),
            ("limit=05", "limit: "),
            ("limit=-0", "limit: "),
            ("limit=1e2", "limit: "),
            ("limit=", "limit: "),
            ("limit", "limit: "),
            ("limit=9223372036854775808", "limit: "),
            ("small=256", "small: "),
            ("flag=TRUE", "flag: expected `true` or `false`"),
            ("flag=1", "flag: "),
            ("flag=", "flag: "),
            ("word=OneThing", "word: "),
            ("at=2026-01-01T00:00:00+02:00", "at: "),
            ("text=a&text=b", "text: is there more than once"),
            ("text=%ff", "text: must be UTF-8"),
            ("text=%4", "text: must have two hexadecimal digits"),
            ("text=%zz", "text: must have two hexadecimal digits"),
            ("text=%+4", "text: must have two hexadecimal digits"),
            ("%ff=1", "a name in the query must be UTF-8"),
            ("nothing=1", "unknown field `nothing`"),
        ] {
            let error = refusal(query);
            assert!(error.starts_with(start), "{query}: {error}");
        }
        let error = refusal("at=2026-01-01T00:00:00+02:00");
        assert!(error.ends_with("write `+` as `%2B`"), "{error}");
        let nul = read::<Query>("limit=1&text=a%00b").unwrap_err();
        assert_eq!(nul, Fault::Nul("text".into()));
    }
}
