//! One JSON object, of which no member is there twice, at any depth.

use std::fmt;

use serde::Deserializer;
use serde::de::{Deserialize, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::row::RowError;

/// Reads an object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, RowError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RowError::row("is not valid UTF-8"))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match parsed {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(RowError::row("is not a JSON object, such as {\"name\": \"ada\"}")),
        Err(error) if error.is_data() => {
            let text = error.to_string();
            let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
            Err(RowError::row(reason))
        }
        Err(error) => {
            let reason = format!("is not a JSON object, at column {}", error.column());
            Err(RowError::row(reason))
        }
    }
}

/// Any value, whose objects have no member twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value_seed(Self)?;
            if all.contains_key(&name) {
                return Err(A::Error::custom(format_args!("has the member `{name}` twice")));
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

/// The name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        parse(text.as_bytes()).map_or_else(|error| error.reason, |_| "-".into())
    }

    #[test]
    fn no_member_is_there_twice_at_any_depth() {
        assert_eq!(reason(r#"{"a": 1, "b": {"a": [{"a": null}]}}"#), "-");
        assert_eq!(reason(r#"{"a": 1, "\u0061": 2}"#), "has the member `a` twice");
        assert_eq!(reason(r#"{"b": [{"c": {"a": 1, "a": 1}}]}"#), "has the member `a` twice");
    }

    #[test]
    fn what_is_no_object_is_said_to_be_none() {
        for text in ["[1]", "7", "\"a\"", "null"] {
            assert!(reason(text).starts_with("is not a JSON object, such as"), "{text}");
        }
        for text in ["", "{", "{\"a\": 1} x", "{'a': 1}", "{\"a\": 1,}"] {
            assert!(reason(text).starts_with("is not a JSON object, at column"), "{text}");
        }
        assert_eq!(parse(b"{\"a\": \"\xff\"}").unwrap_err().reason, "is not valid UTF-8");
    }
}
