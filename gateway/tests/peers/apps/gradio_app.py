"""A Gradio app that takes people's names from its `auth_dependency`. Argument: the port."""

import asyncio
import sys

import fastapi
import gradio as gr
import uvicorn


async def say(text, request: gr.Request):
    said = ""
    for word in f"{request.username} said {text} .".split(" "):
        said += f"{word} "
        yield said
        await asyncio.sleep(0.4)


with gr.Blocks(title="Echo", analytics_enabled=False) as demo:
    box = gr.Textbox(label="Say")
    box.submit(say, box, gr.Textbox(label="Answer"))

app = gr.mount_gradio_app(
    fastapi.FastAPI(), demo, path="/", auth_dependency=lambda request: request.headers.get("remote-user")
)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
