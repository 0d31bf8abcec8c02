//! Schemas of text that has rules of its own.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// One line of text for people.
pub(crate) struct Line;

/// An address or a network.
pub(crate) struct IpTargetText;

/// Control characters, and the invisible ones that reorder or break the text around them, are refused.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$";

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

impl PartialSchema for IpTargetText {
    fn schema() -> RefOr<Schema> {
        let address = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
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

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
