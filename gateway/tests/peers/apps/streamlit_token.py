"""A Streamlit app that verifies the gateway's token, as the manual says."""

import os

import jwt
import streamlit as st


def caller(tokens):
    if len(tokens) != 1:
        raise jwt.InvalidTokenError("not exactly one token")
    return jwt.decode(tokens[0], os.environ["SECRET"], algorithms=["HS256"], audience="notes", leeway=5)


tokens = st.context.headers.get_all("x-user-jwt")
if st.session_state.get("tokens") != tokens:
    try:
        claims = caller(tokens)
    except jwt.PyJWTError:
        st.error("Not signed in")
        st.stop()
    if st.session_state.get("claims", claims)["sub"] != claims["sub"]:
        st.session_state.clear()
    st.session_state.update(tokens=tokens, claims=claims)
user = st.session_state.claims["sub"]
st.title("Notes")
st.write(f"user: {user}")
said = st.text_input("Say")
if said:
    st.write(f"{user} said {said}")
