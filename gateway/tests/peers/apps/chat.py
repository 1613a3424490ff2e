"""What both Chainlit apps do with a message: say, word by word, who sent it and with which roles."""

import asyncio

import chainlit as cl


@cl.on_message
async def answer(message: cl.Message):
    user = cl.user_session.get("user")
    said = cl.Message(content="")
    await said.send()
    for word in f"You are {user.identifier} and you said: {message.content} .".split(" "):
        await said.stream_token(f"{word} ")
        await asyncio.sleep(0.05)
    await said.update()
