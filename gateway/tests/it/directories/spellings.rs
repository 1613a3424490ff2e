//! THREATS K2: tries are counted by account, however its name is written, as its directory compares.

use crate::directories::order::House;

#[tokio::test]
async fn all_spellings_of_an_account_share_one_counter_in_each_directory() {
    let house = House::start("info", "account_tries = 3").await;
    // Of a stranger too: who has an account must not be told by who is told to wait.
    for (wrong, right, password) in [
        (["fred", "FRED", " ｆｒｅｄ "], ["fr\u{200b}ed", "Fred\u{a0}"], "opensesame"),
        (["bea", "Bea@corp.test", " BEA"], ["bea@CORP.test ", "ｂｅａ"], "opensesame"),
        (["pat", "PAT", "pat@corp.test"], [" Pat", "PAT@CORP.test"], "opensesame"),
        (["ann", "ann@corp.test", "ANN  "], ["Ann@Corp.Test", "a\u{ad}nn"], "anns-password"),
        (["Bob", "bob", "ＢＯＢ"], ["Bob ", "Bo\u{200d}b"], "bobs-password"),
        (["nob", "nob@corp.test", "NOB"], ["nob@CORP.test", "ｎｏｂ"], "whatever"),
    ] {
        for name in wrong {
            assert_eq!(house.status(name, "wrong").await, 401, "{name}");
        }
        for name in right {
            assert_eq!(house.status(name, password).await, 429, "{name}");
        }
    }
    // Eight letters that look alike are another name.
    assert_eq!(house.status("Веа", "wrong").await, 401, "Cyrillic");
}
