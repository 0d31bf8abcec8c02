//! Schemas of text that has rules of its own.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// One line of text for people.
pub(crate) struct Line;

/// One line of text for people with something in it.
pub(crate) struct FilledLine;

/// One address.
pub(crate) struct IpAddressText;

/// An address or a network.
pub(crate) struct IpTargetText;

/// Control characters, and the invisible ones that reorder or break the text around them, are refused.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$";

/// The same with something that is no blank.
const FILLED: &str = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028-\u202F\u205F\u2066-\u2069\u3000][^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$";

const V4_NETWORK: &str = r"^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])/(3[0-2]|[12]?[0-9])$";

const V6_NETWORK: &str = r"^([0-9A-Fa-f]{1,4}:){1,6}:/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$";

impl PartialSchema for Line {
    fn schema() -> RefOr<Schema> {
        text().max_length(Some(255)).pattern(Some(LINE)).description(Some(
            "One line of text: no control characters, no invisible ones that reorder or break text",
        ))
        .into()
    }
}

impl ToSchema for Line {
    fn name() -> Cow<'static, str> {
        "Line".into()
    }
}

impl PartialSchema for FilledLine {
    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).max_length(Some(255)).pattern(Some(FILLED)).description(Some(
            "One line of text that is not blank: no control characters, no invisible ones that reorder or break text",
        ))
        .into()
    }
}

impl ToSchema for FilledLine {
    fn name() -> Cow<'static, str> {
        "FilledLine".into()
    }
}

impl PartialSchema for IpAddressText {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(address(KnownFormat::Ipv4))
            .item(address(KnownFormat::Ipv6))
            .description(Some("An IPv4 or IPv6 address"))
            .examples(["203.0.113.7"])
            .into()
    }
}

impl ToSchema for IpAddressText {
    fn name() -> Cow<'static, str> {
        "IpAddress".into()
    }
}

impl PartialSchema for IpTargetText {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(address(KnownFormat::Ipv4))
            .item(address(KnownFormat::Ipv6))
            .item(text().pattern(Some(V4_NETWORK)))
            .item(text().pattern(Some(V6_NETWORK)))
            .description(Some(
                "An address or a network in any spelling: `2001:DB8::/32` is `2001:db8::/32`, `::ffff:1.2.3.4` is \
                 `1.2.3.4`, `10.1.2.3/8` is `10.0.0.0/8`",
            ))
            .examples(["203.0.113.0/24"])
            .into()
    }
}

impl ToSchema for IpTargetText {
    fn name() -> Cow<'static, str> {
        "IpTarget".into()
    }
}

fn address(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
