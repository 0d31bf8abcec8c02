//! Reading device, system and browser from a user agent.

use systemprompt_users_domain::NewSession;
use woothee::parser::Parser;

/// What a client runs on, for people.
pub(super) struct Device {
    pub(super) device_type: Option<String>,
    pub(super) os: Option<String>,
    pub(super) browser: Option<String>,
}

impl Device {
    /// What the host knows, completed from the user agent.
    pub(super) fn complete(client: &NewSession, user_agent: Option<&str>) -> Self {
        let parsed = user_agent.and_then(|user_agent| Parser::new().parse(user_agent));
        let parsed = parsed.as_ref();
        Self {
            device_type: known(client.device_type.as_deref())
                .or_else(|| parsed.and_then(|parsed| device_type(parsed.category))),
            os: known(client.os.as_deref()).or_else(|| parsed.and_then(|parsed| word(parsed.os))),
            browser: known(client.browser.as_deref())
                .or_else(|| parsed.and_then(|parsed| word(parsed.name))),
        }
    }
}

fn known(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn word(text: &str) -> Option<String> {
    (text != "UNKNOWN" && !text.is_empty()).then(|| text.to_owned())
}

/// The parser's categories in the words of this house.
fn device_type(category: &str) -> Option<String> {
    match category {
        "pc" => Some("desktop"),
        "smartphone" | "mobilephone" => Some("mobile"),
        "appliance" => Some("appliance"),
        "crawler" => Some("bot"),
        _ => None,
    }
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_fills_in_what_the_host_left_open() {
        let firefox =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0";
        let client = NewSession { os: Some("ReactOS".into()), ..NewSession::default() };
        let device = Device::complete(&client, Some(firefox));
        assert_eq!(device.device_type.as_deref(), Some("desktop"));
        assert_eq!(device.os.as_deref(), Some("ReactOS"));
        assert_eq!(device.browser.as_deref(), Some("Firefox"));
    }
}
