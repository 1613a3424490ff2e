//! What is said of a bad `[directories.<id>]`, and of routes that ask for one.

use crate::config::tests::support::{GOOD, faults, parse};

const STAFF: &str = "[directories.staff]\nkind = \"file\"\npath = \"users.toml\"\n";
const ROUTE: &str = "[[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n";

fn file(sections: &str, route: &str) -> String {
    format!("{GOOD}{sections}{ROUTE}{route}")
}

#[test]
fn a_good_directory_is_taken() {
    let password = "[password]\naccount_tries = 5\ntries_within = \"30m\"\n";
    let route = "auth = [\"session\", \"password\"]\nlogin = [\"staff\"]\n";
    let config = parse(&file(&format!("{STAFF}{password}"), route)).unwrap().config;
    assert!(config.routes[0].keeps_authorization());
    assert_eq!(config.password.account_tries.get(), 5);
    assert_eq!(config.password.address_tries.get(), 100);
    let forwarded = "auth = [\"password\"]\nforward_authorization = true\n";
    assert!(!parse(&file(STAFF, forwarded)).unwrap().config.routes[0].keeps_authorization());
    // Its people may have claims of any name.
    parse(&file(STAFF, "token = { claims = [\"sub\", \"subscription_plan\"] }\n")).unwrap();
}

#[test]
fn what_cannot_work_is_told_with_the_remedy() {
    for (sections, route, message, remedy) in [
        ("", "auth = [\"password\"]\n", "there is no directory", "add [directories.<id>]"),
        (STAFF, "auth = [\"password\"]\nlogin = [\"staf\"]\n", "no provider `staf`", "`staff`"),
        ("[directories.a]\nkind = \"file\"\n", "", "`path`", ""),
        ("[directories.a]\nkind = \"ldap\"\npath = \"x\"\n", "", "ldap", "file"),
        ("[directories.\"A B\"]\nkind = \"file\"\npath = \"x\"\n", "", "cannot be an id", "lower"),
        (
            "[directories.a]\nkind = \"file\"\npath = \"x\"\nissuer = \"i\"\n\
             [directories.b]\nkind = \"file\"\npath = \"y\"\nissuer = \"i\"\n",
            "",
            "has the same issuer",
            "give each its own",
        ),
        (
            "[directories.a]\nkind = \"http\"\nurl = \"http://people.test/\"\n",
            "",
            "is not https",
            "use https",
        ),
        ("[password]\naccount_tries = 0\n", "", "nonzero", ""),
        ("[password]\naccount_tries = 5000\n", "", "enough to guess", "at most 100"),
        ("[password]\ntries_within = \"0s\"\n", "", "tries would not count", "\"1h\""),
    ] {
        let said = faults(&file(sections, route));
        assert!(said.contains(message) && said.contains(remedy), "{sections}{route}\n{said}");
    }
}
