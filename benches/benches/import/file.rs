//! The file that is imported: people as they come, in no order, without two alike.

use std::fmt::Write as _;

const FIRST: [&str; 16] = [
    "Zoë",
    "Jürgen",
    "Ana",
    "Bo",
    "Chidi",
    "Dmitri",
    "Eílis",
    "Farah",
    "Grace",
    "Hiroshi",
    "Ines",
    "João",
    "Katarzyna",
    "Liam",
    "Mei",
    "Nikhil",
];
const LAST: [&str; 16] = [
    "Ångström",
    "Baker",
    "Çelik",
    "Dvořák",
    "Ekwueme",
    "Fernández",
    "Grün",
    "Hansen",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lefèvre",
    "Martínez",
    "Nakamura",
    "O'Brien",
    "Petrov",
];

/// The text of a file of `users` users.
pub(crate) fn csv(users: u32) -> Vec<u8> {
    let mut text = String::from("name,email,full_name,display_name,roles,email_verified,is_bot\n");
    for n in 0..users {
        // The multiplier is odd, so no two numbers come to the same one.
        let mixed = n.wrapping_mul(2_654_435_761);
        let pick = (mixed >> 12) as usize;
        let (first, last) = (FIRST[pick % 16], LAST[pick / 16 % 16]);
        let roles = if n % 10_000 == 0 { "\"admin,user\"" } else { "user" };
        let display_name = if n % 4 == 0 { first } else { "" };
        let (verified, is_bot) = (n % 3 != 0, n % 500 == 3);
        let _ = writeln!(
            text,
            "u{mixed:08x},u{mixed:08x}@mail{}.example.com,{first} {last},{display_name},{roles},\
             {verified},{is_bot}",
            pick % 50
        );
    }
    text.into_bytes()
}
