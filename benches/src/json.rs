//! Just enough of JSON to write results.

use std::fmt::{self, Write};

/// A JSON value; it displays as compact JSON.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    /// Not finite numbers are written as null.
    Number(f64),
    Count(u64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Json::Number(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Json {
        Json::Count(value)
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        // usize is at most 64 bits wide on every platform that Rust has.
        Json::Count(value as u64)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::Text(value.to_owned())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Number(number) if number.is_finite() => write!(f, "{number}"),
            Json::Number(_) => f.write_str("null"),
            Json::Count(count) => write!(f, "{count}"),
            Json::Text(text) => write_text(f, text),
            Json::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_char(']')
            }
            Json::Object(fields) => {
                f.write_char('{')?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_text(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_nest() {
        let value = Json::Object(vec![
            (
                "a",
                Json::List(vec![1.5.into(), 2_u64.into(), f64::NAN.into()]),
            ),
            ("b", Json::Object(vec![])),
        ]);
        assert_eq!(value.to_string(), r#"{"a":[1.5,2,null],"b":{}}"#);
    }

    #[test]
    fn text_is_escaped() {
        let text = Json::from("say \"\\\"\n");
        assert_eq!(text.to_string(), r#""say \"\\\"\u000a""#);
    }
}
