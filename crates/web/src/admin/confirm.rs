//! The page between a button and what can hardly be undone: it says what will be touched.

use askama::Template;

use super::error::PageResult;
use super::form::Fields;
use super::layout::{Layout, Section, page};
use super::session::Admin;

/// Something that is about to be done, and the form that does it.
#[derive(Template)]
#[template(path = "admin/confirm.html")]
pub(super) struct Confirm {
    layout: Layout,
    /// What will happen, in sentences.
    lines: Vec<String>,
    /// What the admin might not expect.
    warnings: Vec<String>,
    /// What will be touched.
    items: Vec<ConfirmItem>,
    /// What may be chosen besides: the field and its label.
    ticks: Vec<(&'static str, &'static str)>,
    fields: Vec<(String, String)>,
    action: String,
    button: String,
    cancel: String,
}

/// One thing that will be touched.
pub(super) struct ConfirmItem {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) note: String,
}

impl Confirm {
    /// Asks whether to do `title` by sending `fields` to `action` again.
    pub(super) fn new(
        title: impl Into<String>,
        section: Section,
        admin: &Admin,
        (action, fields): (impl Into<String>, &Fields),
    ) -> Self {
        Self {
            layout: Layout::new(title, section, admin),
            lines: Vec::new(),
            warnings: Vec::new(),
            items: Vec::new(),
            ticks: Vec::new(),
            fields: fields.to_repeat(),
            action: action.into(),
            button: "Confirm".into(),
            cancel: "/admin".into(),
        }
    }

    #[must_use]
    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    #[must_use]
    pub(super) fn warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    #[must_use]
    pub(super) fn items(mut self, items: Vec<ConfirmItem>) -> Self {
        self.items = items;
        self
    }

    /// Adds a checkbox.
    #[must_use]
    pub(super) fn tick(mut self, field: &'static str, label: &'static str) -> Self {
        self.ticks.push((field, label));
        self
    }

    /// What the button says, and where "Cancel" leads.
    #[must_use]
    pub(super) fn choices(mut self, button: impl Into<String>, cancel: impl Into<String>) -> Self {
        self.button = button.into();
        self.cancel = cancel.into();
        self
    }

    /// The page. Sending its form sets `confirmed`.
    pub(super) fn show(self) -> PageResult {
        page(&self)
    }
}
