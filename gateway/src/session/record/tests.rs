use super::*;

#[test]
fn tokens_survive_their_bytes_and_are_not_in_debug() {
    let tokens = ProviderTokens {
        id_token: Some("id-hunter2".into()),
        refresh_token: Some("refresh-hunter2".into()),
        access_token: None,
        provider_sid: Some("s1".to_owned()),
        first_sid: Some("s0".to_owned()),
        provider_sub: Some("ann@idp".to_owned()),
        access_expires: Some(Timestamp::from_secs(5)),
    };
    let back = ProviderTokens::from_bytes(tokens.to_bytes().expose()).unwrap();
    assert_eq!(back.refresh_token.as_ref().unwrap().expose(), "refresh-hunter2");
    assert!(back.access_token.is_none());
    assert_eq!(back.provider_sub.as_deref(), Some("ann@idp"));
    assert_eq!(back.access_expires, tokens.access_expires);
    assert_eq!(back.sids().collect::<Vec<_>>(), ["s1", "s0"]);
    let old = br#"{"id_token":null,"access_token":"a","refresh_token":null,"provider_sid":null}"#;
    assert_eq!(ProviderTokens::from_bytes(old).unwrap().provider_sub, None, "of before");
    assert!(!format!("{back:?} {tokens:?}").contains("hunter2"));
}

#[test]
fn a_record_of_another_version_does_not_read() {
    let new = NewSession {
        principal: Arc::new(Principal::new("https://idp.test", "ann")),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: Timestamp::from_secs(5),
        auth_time_stated: true,
        acr: Some("mfa".into()),
        amr: vec!["pwd".to_owned()].into(),
        acrs: vec!["c1".to_owned()].into(),
        tokens: ProviderTokens::default(),
    };
    let (now, hour) = (Timestamp::from_secs(10), Duration::from_secs(3_600));
    let session = Session::begin(&new, [1; 32], "sid".to_owned(), now, hour);
    let bytes = session.to_record();
    let back = Session::from_record([1; 32], &bytes, now).unwrap();
    assert_eq!((back.absolute_expiry, back.acr.as_deref()), (now.after(hour), Some("mfa")));
    assert_eq!(*back.acrs, ["c1"]);
    let text = String::from_utf8(bytes).unwrap();
    let older = text.replace(",\"acrs\":[\"c1\"]", "").replace(",\"renewal\":null", "");
    assert!(older.len() < text.len() - 20, "{text}");
    let back = Session::from_record([1; 32], older.as_bytes(), now).unwrap();
    assert!(back.acrs.is_empty(), "a session that began before there were any");
    let other = text.replace("\"version\":1", "\"version\":2");
    assert!(Session::from_record([1; 32], other.as_bytes(), now).is_none());
    assert!(Session::from_record([1; 32], b"", now).is_none());
}
