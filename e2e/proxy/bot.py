"""A WhatsApp bot whose hosts are written into the code. Its argument names the client library."""
import asyncio
import http.server
import json
import os
import sys
import threading

MODEL = "https://api.openai.com/v1/chat/completions"
GATEWAY = "https://evolution.practice.example/message/sendText/" + os.environ["EVOLUTION_INSTANCE"]
MODEL_KEY = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
GATEWAY_KEY = {"apikey": os.environ["EVOLUTION_API_KEY"]}


def by_requests(url, headers, body):
    import requests
    return requests.post(url, headers=headers, json=body, timeout=10).text


def by_httpx(url, headers, body):
    import httpx
    return httpx.post(url, headers=headers, json=body, timeout=10).text


def by_aiohttp(url, headers, body):
    import aiohttp

    async def call():
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with session.post(url, headers=headers, json=body) as answer:
                return await answer.text()
    return asyncio.run(call())


def by_httplib2(url, headers, body):
    import httplib2
    headers = {**headers, "Content-Type": "application/json"}
    return httplib2.Http(timeout=10).request(url, "POST", json.dumps(body), headers)[1].decode()


def by_urllib(url, headers, body):
    import urllib.request
    headers = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=10).read().decode()


def by_stream(url, headers, body):
    """httpx, with the model's answer as server-sent events."""
    import httpx
    if url != MODEL:
        return by_httpx(url, headers, body)
    said = ""
    with httpx.stream("POST", url, headers=headers, json={**body, "stream": True}, timeout=10) as answer:
        for line in answer.iter_lines():
            line = line.strip().removeprefix("data: ")
            if line and line != "[DONE]":
                said += json.loads(line)["choices"][0]["delta"].get("content") or ""
    return json.dumps({"choices": [{"message": {"content": said}}]})


post = globals()["by_" + sys.argv[1]]


def answer(to, text):
    try:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
        said = json.loads(post(MODEL, MODEL_KEY, body))["choices"][0]["message"]["content"]
        post(GATEWAY, GATEWAY_KEY, {"number": to, "text": said})
    except Exception as problem:
        print(repr(problem), flush=True)


class Webhook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        data = event["data"]
        if event["event"] == "messages.upsert" and not data["key"]["fromMe"]:
            said = data["message"]["conversation"]
            threading.Thread(target=answer, args=(data["key"]["remoteJid"], said)).start()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Webhook).serve_forever()
