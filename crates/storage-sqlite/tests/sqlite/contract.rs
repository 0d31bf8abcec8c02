//! The rules that every storage keeps.

systemprompt_users_contract::storage_contract!(crate::fresh::fresh);
