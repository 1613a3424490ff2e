"""A Streamlit app that knows people by the headers it trusts (`server.trustedUserHeaders`)."""

import streamlit as st

user = st.user.get("sub")
st.title("Notes")
st.write(f"user: {user}")
said = st.text_input("Say")
if said:
    st.write(f"{user} said {said}")
