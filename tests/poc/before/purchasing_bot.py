"""Ask the purchasing office's bot:  python purchasing_bot.py "When are invoices paid?"

Wants OPENAI_BASE_URL and OPENAI_API_KEY in the environment. MODEL picks the model.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

from openai import APIError, OpenAI

HERE = Path(__file__).parent
MODEL = os.environ.get("MODEL", "gpt-5.4-mini")

PROMPT = """You answer questions about how our company buys things.

Use the documents below or what a tool returns, nothing else. At most three sentences. Name the document you used in
square brackets. If they don't answer the question, say: "The documents I was given do not say."

"""

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "order_status",
            "description": "The status of an order, and when it is expected.",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string", "description": "the order's number, of four digits"}},
                "required": ["order"],
            },
        },
    }
]


def load_documents():
    parts = []
    for path in sorted((HERE / "texts").glob("*.txt")):
        title = path.stem.replace("-", " ").capitalize()
        parts.append(f'<document title="{title}">\n{path.read_text(encoding="utf-8")}</document>')
    return "\n\n".join(parts)


def order_status(order):
    orders = json.loads((HERE / "orders.json").read_text(encoding="utf-8"))
    number = re.search(r"\d{4}", order)  # the model likes to write "order 4711"
    found = orders.get(number.group()) if number else None
    if found is None:
        return "There is no such order."
    return json.dumps({"status": found["status"], "expected": found["expected"]})


def ask_model(client, messages):
    for attempt in range(3):
        try:
            return client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
        except APIError as error:
            print(f"attempt {attempt + 1} failed: {error}", file=sys.stderr)
            time.sleep(2**attempt)
    sys.exit("The model does not answer, try again later.")


def answer(question):
    client = OpenAI()
    messages = [
        {"role": "system", "content": PROMPT + load_documents()},
        {"role": "user", "content": question},
    ]
    while True:
        message = ask_model(client, messages).choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            arguments = json.loads(call.function.arguments)
            result = order_status(**arguments)
            print(f"[tool] order_status({arguments}) -> {result}", file=sys.stderr)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def main():
    if len(sys.argv) < 2:
        sys.exit('Usage: python purchasing_bot.py "QUESTION"')
    question = " ".join(sys.argv[1:])
    started = time.time()
    print(answer(question))
    print(f"({time.time() - started:.1f} s, {MODEL})", file=sys.stderr)


if __name__ == "__main__":
    main()
