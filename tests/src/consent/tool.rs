//! The consent tools, and what a page needs to know of each.

use anyhow::Result;

use super::packages;

/// A consent tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// vanilla-cookieconsent.
    Vanilla,
    /// klaro.
    Klaro,
    /// orejime.
    Orejime,
    /// tarteaucitron.
    Tarteaucitron,
    /// c15t, headless.
    C15t,
    /// The official implementation of IAB TCF's API.
    Tcf,
    /// The official implementation of IAB GPP's API.
    Gpp,
    /// None: the page asks by itself, and calls `waver('consent', ...)`.
    Page,
}

impl Tool {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Tool; 8] =
        [Tool::Vanilla, Tool::Klaro, Tool::Orejime, Tool::Tarteaucitron, Tool::C15t, Tool::Tcf, Tool::Gpp, Tool::Page];

    /// Its name in tables, and of its page's script.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Vanilla => "vanilla",
            Tool::Klaro => "klaro",
            Tool::Orejime => "orejime",
            Tool::Tarteaucitron => "tarteaucitron",
            Tool::C15t => "c15t",
            Tool::Tcf => "tcf",
            Tool::Gpp => "gpp",
            Tool::Page => "page",
        }
    }

    /// The package, with its version.
    ///
    /// # Errors
    /// When it is not locked.
    pub fn package(self) -> Result<String> {
        let package = match self {
            Tool::Vanilla => "vanilla-cookieconsent",
            Tool::Klaro => "klaro",
            Tool::Orejime => "orejime",
            Tool::Tarteaucitron => "tarteaucitronjs",
            Tool::C15t => "c15t",
            Tool::Tcf => "@iabtcf/cmpapi",
            Tool::Gpp => "@iabgpp/cmpapi",
            Tool::Page => return Ok("the page's own call".to_owned()),
        };
        Ok(format!("{package} {}", packages::version(package)?))
    }

    /// Its own files on a page, as the package ships them.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Tool::Vanilla => {
                "<link rel=stylesheet href=/packages/vanilla-cookieconsent/dist/cookieconsent.css>\
                 <script src=/packages/vanilla-cookieconsent/dist/cookieconsent.umd.js></script>"
            }
            Tool::Klaro => "<script defer src=/packages/klaro/dist/klaro.js></script>",
            Tool::Orejime => {
                "<link rel=stylesheet href=/packages/orejime/dist/orejime-standard.css>\
                 <script src=/packages/orejime/dist/orejime-standard-en.js></script>"
            }
            Tool::Tarteaucitron => "<script src=/packages/tarteaucitronjs/tarteaucitron.js></script>",
            Tool::C15t | Tool::Tcf | Tool::Gpp | Tool::Page => "",
        }
    }

    /// Its page's script.
    pub(crate) fn script(self) -> String {
        match self {
            Tool::C15t | Tool::Tcf | Tool::Gpp => format!("/bundles/{}.js", self.name()),
            _ => format!("/pages/{}.js", self.name()),
        }
    }

    /// `data-cmp` of the tag, where it needs one.
    pub(crate) fn categories(self) -> Option<&'static str> {
        match self {
            Tool::C15t => Some(r#"{"measurement":"measure","experience":"personalize"}"#),
            Tool::Tcf | Tool::Gpp | Tool::Page => None,
            _ => Some(r#"{"analytics":"measure","personalization":"personalize"}"#),
        }
    }

    /// The name of the global that its script makes, which the variants of a broken tool replace.
    pub(crate) fn global(self) -> &'static str {
        match self {
            Tool::Vanilla => "CookieConsent",
            Tool::Klaro => "klaro",
            Tool::Orejime => "orejime",
            Tool::Tarteaucitron => "tarteaucitron",
            Tool::C15t => "c15tStore",
            Tool::Tcf => "__tcfapi",
            Tool::Gpp => "__gpp",
            Tool::Page => "nothing",
        }
    }

    /// The cookie that holds the choice.
    pub(crate) fn cookie(self) -> &'static str {
        match self {
            Tool::Vanilla => "cc_cookie",
            Tool::Klaro => "klaro",
            Tool::Orejime => "eu-consent",
            Tool::Tarteaucitron => "tarteaucitron",
            Tool::C15t => "c15t",
            Tool::Tcf => "euconsent-v2",
            Tool::Gpp => "gpp-string",
            Tool::Page => "none",
        }
    }

    /// What a user clicks to accept everything on a first visit.
    pub(crate) fn accepting(self) -> &'static [&'static str] {
        match self {
            Tool::Vanilla => &["#cc-main .cm__btn[data-role=all]"],
            Tool::Klaro => &[".cookie-notice .cm-btn-success"],
            Tool::Orejime => &[".orejime-Banner .orejime-Banner-saveButton"],
            Tool::Tarteaucitron => &["#tarteaucitronPersonalize2"],
            Tool::C15t | Tool::Tcf | Tool::Gpp | Tool::Page => &["#accept"],
        }
    }
}
