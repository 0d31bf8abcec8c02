//! What a person does in a browser: go, type, press, read, wait.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::elements::Element;

use crate::browser::Browser;

/// Longer than any page of these tests takes.
const PATIENCE: Duration = Duration::from_secs(10);

impl Browser {
    pub(crate) async fn goto(&self, base: &str, path: &str) {
        self.client.goto(&format!("{base}{path}")).await.unwrap();
    }

    /// Clicks on what a selector finds first.
    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// Follows the link of that text.
    pub(crate) async fn follow(&self, text: &str) {
        let link = self.client.wait().at_most(PATIENCE).for_element(Locator::LinkText(text)).await;
        link.unwrap_or_else(|error| panic!("no link `{text}`: {error}")).click().await.unwrap();
    }

    /// Presses the first button of that text.
    pub(crate) async fn press(&self, text: &str) {
        let path = format!("//button[normalize-space()='{text}']");
        let button = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await;
        button.unwrap_or_else(|error| panic!("no button `{text}`: {error}")).click().await.unwrap();
    }

    /// Replaces what is in a field.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses Enter in the first field of a form.
    pub(crate) async fn send_form(&self, selector: &str) {
        let field = self.find(&format!("{selector} input:not([type=hidden])")).await;
        field.send_keys("\u{e007}").await.unwrap();
    }

    pub(crate) async fn value(&self, selector: &str) -> String {
        self.find(selector).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// The texts of all that a selector finds.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(selector)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    /// Waits until the first of what a selector finds holds `text`.
    pub(crate) async fn wait_for_text(&self, selector: &str, text: &str) {
        let mut shown = String::new();
        for _ in 0..200 {
            // A page that is just being replaced has no elements to read.
            if let Ok(element) = self.client.find(Locator::Css(selector)).await {
                shown = element.text().await.unwrap_or_default();
                if shown.contains(text) {
                    return;
                }
            }
            tokio::time::sleep(PATIENCE / 200).await;
        }
        let address = self.client.current_url().await.unwrap();
        panic!("`{selector}` at {address} should hold `{text}`, and holds `{shown}`");
    }

    async fn find(&self, selector: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("no `{selector}`: {error}"))
    }
}
